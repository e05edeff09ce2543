"""What a mark stands for: the filter it gives holds just the samples that the chart counted."""

from __future__ import annotations

import pytest

from aggressors.contracts import EVERYTHING
from aggressors.queries import concept, drift, explore
from aggressors.queries.grammar import both, format_filter, parse
from aggressors.queries.samples import count
from aggressors_app import picking
from queried import ODD, queried

KNOWN = picking.known("loss")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found
    found.run.close()


def text(filter) -> str:
    return format_filter(filter)


SCOPES = ["all", "population = validation", "operator in (op-1, op-2, 7) and hour >= 8"]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("field", ["hour", "brightness", "operator", ODD, "label"])
@pytest.mark.parametrize("limit", [2, 30])
def test_every_bar_of_a_breakdown_opens_as_many_samples_as_it_counts(data, scope, field, limit):
    scope = parse(scope)
    rows = explore.field_vs_loss(data.run, scope, field, bins=limit, top=limit).to_pylist()
    marks = picking.of_rows(field, rows)
    opened = [count(data.run, KNOWN(mark(scope))) for mark in marks]
    assert opened == [row["n"] for row in rows]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("pair", [("hour", "operator"), ("operator", "brightness")])
def test_every_cell_of_two_fields_opens_its_samples(data, scope, pair):
    scope = parse(scope)
    rows = explore.fields_vs_loss(data.run, scope, *pair, bins=3, top=2).to_pylist()
    first, second = (
        picking.of_rows(field, rows, prefix)
        for field, prefix in zip(pair, ("across_", "up_"), strict=True)
    )
    for row, *marks in zip(rows, first, second, strict=True):
        assert count(data.run, picking.every(*marks, KNOWN)(scope)) == row["n"]


@pytest.mark.parametrize("field", ["hour", "operator", ODD])
def test_every_bar_of_a_comparison_opens_its_side(data, field):
    # Concept 5 is the aggressor of rank 2 here.
    scope = parse("population = validation and aggressor = 2")
    free = picking.without_aggressor(scope)
    rank = {row["concept_id"]: row["rank"] for row in ranks(data.run)}[5]
    found = drift.compared(data.run, drift.inside_outside(free, 5), field, bins=4, top=2)
    rows = found.rows.to_pylist()
    for row, mark in zip(rows, picking.of_rows(field, rows), strict=True):
        for side, inside in (("left", True), ("right", False)):
            change = picking.every(mark, picking.member(rank, inside=inside))
            assert count(data.run, change(scope)) == row[side]
    for side, inside in ((0, True), (1, False)):
        change = picking.every(picking.missing(field), picking.member(rank, inside=inside))
        assert count(data.run, change(scope)) == found.missing[side]


def ranks(run):
    from aggressors.queries.overview import aggressors

    return [{"concept_id": one.concept_id, "rank": one.rank} for one in aggressors(run)]


def test_every_bar_of_datasets_opens_its_dataset(data):
    scope = parse("population in (train, test) and hour > 3")
    pair = drift.datasets(EVERYTHING, "population", "train", "validation")
    rows = drift.compared(data.run, pair, "operator", top=3).rows.to_pylist()
    for row, mark in zip(rows, picking.of_rows("operator", rows), strict=True):
        change = picking.every(mark, picking.one_of("population", "validation"))
        assert count(data.run, change(EVERYTHING)) == row["right"]
    assert text(picking.one_of("population", "validation")(scope)) == (
        "hour > 3 and population = validation"
    )


def test_every_bin_of_confidence_and_every_mistake_opens_its_samples(data):
    scope = parse("hour >= 5")
    found = explore.reliability(data.run, scope, bins=6)
    for place, n in enumerate(found.n):
        last = place == len(found.n) - 1
        change = picking.between("confidence", found.start[place], found.end[place], below=not last)
        assert count(data.run, KNOWN(change(scope))) == n
    for row in concept.confusion(data.run, scope).to_pylist():
        change = picking.every(
            picking.one_of("label", row["label"]),
            picking.one_of("prediction", row["prediction"]),
        )
        assert count(data.run, change(scope)) == row["n"]


def test_another_bar_replaces_the_first_and_others_add(data):
    scope = parse("operator = op-1 and label = coat")
    assert text(picking.one_of("operator", "op-2")(scope)) == "label = coat and operator = op-2"
    assert text(picking.missing("operator")(scope)) == "label = coat and operator is missing"
    wide = parse("operator in (op-1, op-2, 7)")
    other = picking.none_of("operator", ["op-1"])(wide)
    found = data.frame["operator"].isin(["op-2", "7"]).sum()
    assert count(data.run, other) == found > 0


def test_the_side_of_an_aggressor_is_claimed_once():
    scope = parse("hour > 3 and not aggressor = 1 and aggressor = 2")
    assert text(picking.without_aggressor(scope)) == "hour > 3"
    assert text(picking.member(3, inside=True)(scope)) == "hour > 3 and aggressor = 3"
    outside = picking.member(3, inside=False)(scope)
    assert text(outside) == "hour > 3 and not aggressor = 3"
    assert picking.member(3, inside=True)(outside) == both(
        parse("hour > 3"), parse("aggressor = 3")
    )
