"""Parts of a field and the filters made of them."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggressors.contracts import EVERYTHING, Condition, Not
from aggressors.queries.columns import OTHER, most_frequent
from aggressors.queries.grammar import both, format_filter, parse
from aggressors.queries.parts import (
    category_parts,
    missing,
    narrowed,
    number_parts,
    opposite,
    union,
)
from aggressors.queries.samples import count
from queried import queried


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with queried(tmp_path_factory.mktemp("runs")).run as run:
        yield run


def test_parts_of_a_number_are_open_at_both_ends():
    claims = [format_filter(part.claim) for part in number_parts("hour", [6.0, 12.5])]
    assert claims == ["hour < 6", "hour >= 6 and hour < 12.5", "hour >= 12.5"]
    assert format_filter(number_parts("hour", [])[0].claim) == "not hour is missing"


def test_parts_of_a_category_name_each_value_and_the_others():
    parts = category_parts("room", ["a", "and"], more=True)
    assert [part.value for part in parts] == ["a", "and", OTHER]
    assert format_filter(parts[1].claim) == 'room = "and"'
    assert format_filter(parts[2].claim) == 'not room in (a, "and") and not room is missing'


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ((0,), "hour < 6"),
        ((0, 1), "hour < 12.5"),
        ((1, 2), "hour >= 6"),
        ((0, 1, 2), "not hour is missing"),
        ((0, 2), "hour < 6 or hour >= 12.5"),
        ((3,), "hour is missing"),
        ((2, 3), "hour >= 12.5 or hour is missing"),
    ],
)
def test_neighbouring_parts_of_a_number_are_one_range(chosen, text):
    parts = [*number_parts("hour", [6.0, 12.5]), missing("hour")]
    assert format_filter(union(parts, chosen)) == text


def test_several_categories_are_one_list():
    parts = [*category_parts("room", ["a", "b", "c"], more=True), missing("room")]
    assert format_filter(union(parts, (0, 2))) == "room in (a, c)"
    assert union(parts, (2, 3)) == parse(
        "room = c or (not room in (a, b, c) and not room is missing)"
    )


@pytest.mark.parametrize("claim", ["brightness < 0.4", "operator = op-1", "operator is missing",
                                   "operator in (op-1, op-2)", "hour >= 5"])  # fmt: skip
def test_the_opposite_holds_for_all_others(run, claim):
    filter = parse(claim)
    for there in (False, True) if "hour" in claim else (False,):
        turned = opposite(filter, always_there=there)
        assert count(run, filter) + count(run, turned) == count(run, EVERYTHING)
        assert count(run, both(filter, turned)) == 0


def test_a_comparison_is_turned_only_where_no_value_is_missing():
    assert opposite(Condition("x", "<", (1,)), always_there=True) == Condition("x", ">=", (1,))
    assert opposite(Condition("x", "<", (1,)), always_there=False) == Not(Condition("x", "<", (1,)))
    assert opposite(Not(Condition("x", "missing")), always_there=False) == Condition("x", "missing")


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        (("hour < 20", "hour < 12"), "hour < 12"),
        (("hour <= 12", "hour < 12"), "hour < 12"),
        (("hour >= 3 and hour < 20", "hour > 3 and hour <= 20"), "hour < 20 and hour > 3"),
        (("label in (coat, shirt)", "label = coat"), "label = coat"),
        (("label in (shirt, t)", "label = coat"), "label in (shirt, t) and label = coat"),
        (("not hour is missing", "hour < 12"), "hour < 12"),
        (("not hour is missing", "hour != 12"), "not hour is missing and hour != 12"),
        (("hour < 12", "brightness < 3"), "hour < 12 and brightness < 3"),
        (("all", "hour < 12"), "hour < 12"),
        (("hour < 12", "none"), "none"),
    ],
)
def test_what_a_tighter_claim_makes_needless_is_left_out(claims, text):
    assert format_filter(narrowed(*map(parse, claims))) == text


CLAIMS = ("hour < 12", "hour <= 12", "hour < 5", "hour >= 5", "hour > 5", "not hour is missing",
          "hour = 5", "hour in (5, 6)", "hour != 5", "operator = op-1", "operator in (op-1, op-2)",
          "not operator = op-1", "operator is missing", "not operator is missing",
          "not brightness is missing", "not brightness < 0.5", "brightness >= 0.2",
          "brightness < 0.5 or hour < 3", "operator != op-1")  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(CLAIMS), min_size=1, max_size=6))
def test_narrowing_changes_no_sample(run, claims):
    filters = [parse(claim) for claim in claims]
    assert count(run, narrowed(*filters)) == count(run, both(*filters))


def test_categories_are_coded_by_how_many_they_hold():
    column = pa.array(["b", "a", "b", None, "c", "c", "b", "d"])
    code, names, more = most_frequent(column, 2)
    assert names == ("b", "c")
    assert code.tolist() == [0, 2, 0, -1, 1, 1, 0, 2]
    assert more
    code, names, more = most_frequent(column.dictionary_encode(), 4)
    assert names == ("b", "c", "a", "d")  # of those that hold as many, in the order of names
    assert not more
    code, names, more = most_frequent(pa.nulls(2, pa.string()), 2)
    assert (code.tolist(), names, more) == ([-1, -1], (), False)
