from dataclasses import replace

import pytest

from aggressors.contracts import Condition, Group
from aggressors.errors import FilterError
from aggressors.queries.fields import not_found
from aggressors.queries.filters import MAX_CORNERS, compile_filter
from aggressors.queries.grammar import parse
from aggressors.queries.names import categories, known_fields, resolve
from aggressors.queries.samples import count
from queried import CLASSES, ODD, queried


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with queried(tmp_path_factory.mktemp("runs")).run as run:
        yield run


def test_values_are_bound_and_names_quoted(run):
    predicate = compile_filter(
        parse(f'brightness < 0.2 and label = coat and "{ODD_TEXT}" > -1'), run
    )
    assert predicate.sql == (
        '(m."brightness" < $f0 AND s.label = $f1 AND m."odd ""name"", with = signs" > $f2)'
    )
    assert predicate.params == {"f0": 0.2, "f1": "coat", "f2": -1}
    assert predicate.needs_metadata


ODD_TEXT = ODD.replace('"', '\\"')


def test_metadata_is_needed_only_when_it_is_named(run):
    assert not compile_filter(
        parse("label = coat and aggressor = 1 and loss > 1"), run
    ).needs_metadata
    assert compile_filter(parse("loss > 1 or operator = op-1"), run).needs_metadata


def test_a_measured_category_has_values_of_its_own(run):
    """A built-in field of the metadata, as `script`, is no field of the samples, as `label`."""
    measured = replace(resolve(run, "operator"), source="built-in")
    assert categories(run, measured) == categories(run, resolve(run, "operator"))
    assert categories(run, resolve(run, "label")) == CLASSES
    assert len(parse("missing_values >= 2 and script = latin").parts) == 2


def test_no_value_of_a_user_reaches_the_sql_text(run):
    evil = "x'; DROP TABLE samples; --"
    for field in ("sample_id", "note", "group_id"):
        for op in ("=", "!=", "contains"):
            predicate = compile_filter(Condition(field, op, (evil,)), run)
            assert "DROP" not in predicate.sql
            assert predicate.params == {"f0": evil}
    assert count(run, Condition("note", "!=", (evil,))) > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("brightnes < 1", "There is no field 'brightnes' in run 'v1'; the nearest is 'brightness'"),
        ("label = coats", "Field 'label' has no value 'coats'; the nearest is 'coat'"),
        ("operator in (op-1, op-9)", "Field 'operator' has no value 'op-9'; the nearest is 'op-"),
        ("population = dev", "there are train, validation, test, unlabeled"),
        ("correct = 7", "there are yes, no"),
        ("brightness = dark", "'brightness' is compared with numbers; got 'dark'"),
        ("brightness = true", "'brightness' is compared with numbers; got True"),
        ("brightness contains 1", "cannot be compared with 'contains'"),
        ("label < coat", "Field 'label' (category) cannot be compared with '<'"),
        ("loss_quantile > 2", "lies in [0, 1]"),
        ("loss_quantile = 0.5", "cannot be compared with '='"),
        ("map = 1", "cannot be compared with '='"),
        ("map in (1, 2, 3)", "3 to 64 corners; got 3 numbers"),
        ("map in (1, 2, 3, 4)", "3 to 64 corners; got 4 numbers"),
        ("map in (1e308, -1e308, -1e308, 1e308, 5e307, 1e300)", "is too long to tell"),
        ("map in (0, 0, 1, 5e-324, 0, 1)", "is too long to tell"),
        ("aggressor = first", "compared with numbers"),
        ("aggressor = 99", "has no aggressor of rank 99; the ranks are 1 to "),
        ("label = coat and not aggressor in (1, 1.5)", "has no aggressor of rank 1.5; the ranks"),
    ],
)
def test_refuses(run, text, message):
    with pytest.raises(FilterError) as error:
        compile_filter(parse(text), run)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), 10**400], ids=["nan", "inf", "huge"]
)
@pytest.mark.parametrize("field", ["brightness", "row_id", "loss_quantile", "concept", "map"])
def test_refuses_numbers_that_only_python_can_hand_over(run, field, number):
    """NumPy and DuckDB order NaN differently, so that it must reach neither."""
    op = {"map": "in", "loss_quantile": ">"}.get(field, "=")
    for ask in (count, lambda run, filter: compile_filter(filter, run)):
        with pytest.raises(FilterError, match="is compared with finite numbers"):
            ask(run, Condition(field, op, (number,) * (6 if field == "map" else 1)))


def test_refuses_a_condition_with_the_wrong_number_of_values(run):
    for condition in (
        Condition("loss", "<", (1, 2)),
        Condition("loss", "in", ()),
        Condition("loss", "missing", (1,)),
    ):
        with pytest.raises(FilterError, match=r"takes . value"):
            compile_filter(condition, run)


def test_a_bare_number_or_truth_may_name_a_category(run):
    assert count(run, parse("operator = 7")) == count(run, parse('operator = "7"')) > 0
    assert count(run, parse("operator = true")) == count(run, parse('operator = "true"')) > 0
    for yes in ("yes", "true", "1", "YES"):
        assert count(run, parse(f"correct = {yes}")) == count(run, parse("correct = yes")) > 0


def test_built_in_fields_come_first_and_all_are_listed(run):
    names = list(known_fields(run))
    assert names[0] == "population"
    assert {"brightness", "operator", ODD} < set(names)
    assert categories(run, resolve(run, "label")) == CLASSES
    assert categories(run, resolve(run, "operator")) == ("7", "=evil()", "op-1", "op-2", "true")
    for name in names:
        compile_filter(Condition(name, "missing"), run)


def test_a_polygon_takes_as_many_corners_as_it_says(run):
    ring = tuple(float(i % 7 + i * i % 5) for i in range(2 * MAX_CORNERS))
    assert len(compile_filter(Condition("map", "in", ring), run).params) > MAX_CORNERS
    with pytest.raises(FilterError):
        compile_filter(Condition("map", "in", (*ring, 0.0, 0.0)), run)


def test_everything_and_nothing(run):
    assert count(run) == 300
    assert count(run, Group("or")) == 0


def test_a_long_list_is_one_parameter(run):
    """Of 20,000 conditions DuckDB makes a plan of seconds; samples are found by their position."""
    ids = [f"train-{n:04d}" for n in range(60)]
    listed = compile_filter(Condition("sample_id", "in", (*ids, "no such")), run)
    assert listed.sql == "s.row_id IN (SELECT unnest($f0))"
    assert sorted(listed.params["f0"]) == list(range(60))
    assert count(run, Condition("sample_id", "in", (*ids, "no such"))) == 60
    assert compile_filter(Condition("sample_id", "in", ("no such",)), run).sql == "FALSE"
    hours = compile_filter(Condition("hour", "in", (*range(40), 2.5)), run)
    assert hours.sql == 'm."hour" IN (SELECT unnest($f0))'
    assert hours.params["f0"][-1] == 2.5


def test_half_a_character_is_refused(run):
    """As a terminal that does not write UTF-8 may hand it over."""
    for op in ("=", "contains"):
        with pytest.raises(FilterError, match="no valid text"):
            compile_filter(Condition("note", op, ("a\ud800",)), run)


def test_listed_values_that_no_sample_has(run):
    assert not_found(run, "sample_id", ["b", "train-0003", "a"]) == ("b", "a")
    assert not_found(run, "group_id", ["g1", "g9999", "g1"]) == ("g9999",)
