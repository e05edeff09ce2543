import pytest

from aggressors.contracts import EVERYTHING, Condition, Group, Not
from aggressors.errors import FilterError
from aggressors.queries.grammar import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_VALUES,
    NOTHING,
    both,
    canonical,
    chips,
    fields_of,
    format_filter,
    parse,
    without,
)

DARK = Condition("brightness", "<", (0.2,))
COATS = Condition("label", "in", ("coat", "shirt"))
WRONG = Condition("correct", "=", ("no",))


def test_reads_the_example_of_its_own_documentation():
    text = "brightness < 0.2 and label in (coat, shirt) and not correct = no"
    assert parse(text) == Group("and", (DARK, COATS, Not(WRONG)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", EVERYTHING),
        ("  ", EVERYTHING),
        ("all", EVERYTHING),
        ("none", NOTHING),
        ("x=1", Condition("x", "=", (1,))),
        ("x = -123456789012345678", Condition("x", "=", (-123456789012345678,))),
        ("x <= -1.5e3", Condition("x", "<=", (-1500.0,))),
        ("x = 007", Condition("x", "=", ("007",))),
        ('x = "7"', Condition("x", "=", ("7",))),
        ("x = true", Condition("x", "=", (True,))),
        ('x = "true"', Condition("x", "=", ("true",))),
        ("x IS Missing", Condition("x", "missing")),
        ("x is not missing", Not(Condition("x", "missing"))),
        ('x contains "a \\"b\\" \\\\ c"', Condition("x", "contains", ('a "b" \\ c',))),
        ('"my field" != a', Condition("my field", "!=", ("a",))),
        ("x = grün", Condition("x", "=", ("grün",))),
        ("x in (1)", Condition("x", "in", (1,))),
        ("((x = 1))", Condition("x", "=", (1,))),
        ("x = 1" + "0" * 30, Condition("x", "=", ("1" + "0" * 30,))),
    ],
)
def test_reads(text, expected):
    assert parse(text) == expected


def test_and_binds_closer_than_or():
    assert parse("a = 1 or b = 2 and not c = 3") == Group(
        "or",
        (
            Condition("a", "=", (1,)),
            Group("and", (Condition("b", "=", (2,)), Not(Condition("c", "=", (3,))))),
        ),
    )


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("x", 2, "=, !=, <, <=, >, >=, 'in', 'contains' or 'is missing'"),
        ("x <", 4, "a value"),
        ("x = 1 y", 7, "'and', 'or' or the end"),
        ("(x = 1", 7, "'and', 'or' or ')'"),
        ("x in 1", 6, "'(' and a list of values"),
        ("x in ()", 7, "a value"),
        ("x in (1", 8, "',' or ')'"),
        ("x is 1", 6, "'missing'"),
        ("= 1", 1, "a field, 'not' or '('"),
        ("x = 1 and", 10, "a field, 'not' or '('"),
        ('x = "a', 5, "never closed"),
        ("x = !", 5, "got '!'"),
        ("x = and", 5, "quote a word"),
        ("all and x = 1", 1, "a field"),
    ],
)
def test_an_error_names_the_position_and_what_was_expected(text, position, expected):
    with pytest.raises(FilterError) as error:
        parse(text)
    assert f"position {position}:" in str(error.value)
    assert expected in str(error.value)


def test_a_link_from_a_stranger_is_bounded():
    deep = MAX_DEPTH + 2
    for text in ("x" * (MAX_LENGTH + 1), "(" * deep + "x = 1" + ")" * deep, "not " * deep + "x=1"):
        with pytest.raises(FilterError):
            parse(text)
    with pytest.raises(FilterError, match=f"more than {MAX_CONDITIONS} conditions"):
        parse(" and ".join(["x=1"] * (MAX_CONDITIONS + 1)))
    assert parse("(" * MAX_DEPTH + "x = 1" + ")" * MAX_DEPTH) == Condition("x", "=", (1,))


def test_writes_the_shortest_text():
    filter = Group("and", (DARK, Group("or", (COATS, Not(Group("and", (WRONG, DARK)))))))
    assert format_filter(filter) == (
        "brightness < 0.2 and (label in (coat, shirt) or not (correct = no and brightness < 0.2))"
    )
    assert format_filter(EVERYTHING) == "all"
    assert format_filter(NOTHING) == "none"
    assert format_filter(Condition("all", "=", ("and",))) == '"all" = "and"'
    assert format_filter(Condition("x", "=", (True,))) == "x = true"


@pytest.mark.parametrize(
    "filter",
    [
        Condition("x", "=", ()),
        Condition("x", "<", (1, 2)),
        Condition("x", "<", (float("nan"),)),
        Condition("x", "<", (10**30,)),
    ],
)
def test_refuses_to_write_what_could_not_be_read(filter):
    with pytest.raises(FilterError):
        format_filter(filter)


def test_canonical_drops_needless_groups():
    assert canonical(Group("and", (Group("and", (DARK, COATS)), WRONG))) == Group(
        "and", (DARK, COATS, WRONG)
    )
    assert canonical(Group("or", (DARK,))) == DARK
    assert canonical(Group("and", (DARK, NOTHING))) == NOTHING
    assert canonical(Group("or", (DARK, EVERYTHING))) == EVERYTHING
    assert canonical(Not(EVERYTHING)) == NOTHING
    assert canonical(Not(Group("or", ()))) == EVERYTHING


def test_chips_are_the_claims_joined_by_and():
    filter = both(DARK, EVERYTHING, Group("and", (COATS, DARK)))
    assert chips(filter) == (DARK, COATS)
    assert chips(EVERYTHING) == ()
    assert chips(Group("or", (DARK, COATS))) == (Group("or", (DARK, COATS)),)
    assert without(filter, 0) == COATS
    assert without(COATS, 0) == EVERYTHING


def test_the_fields_that_a_filter_asks_for():
    assert fields_of(parse("a < 1 and not (b = x or c is missing)")) == {"a", "b", "c"}
    assert fields_of(EVERYTHING) == set()


def test_true_and_one_are_claims_of_their_own():
    """They are equal in Python, but name different categories."""
    assert len(chips(both(parse("operator = 1"), parse("operator = true")))) == 2
    many = [f"v{n}" for n in range(200)]
    for first in (1, True, 1.0):
        text = format_filter(Condition("x", "in", (first, *many)))
        assert type(parse(text).values[0]) is type(first)


def test_a_list_is_as_long_as_a_page_can_show_and_no_longer():
    most = f"x in ({', '.join(map(str, range(MAX_VALUES)))})"
    assert format_filter(parse(most)) == most
    with pytest.raises(FilterError, match=r"has 20,001 values; at most 20,000"):
        parse(most.replace(")", ", 1)"))
