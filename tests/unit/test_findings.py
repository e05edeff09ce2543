"""What a page shows of the correlations: nothing twice, nothing by chance, each with its filter."""

import json

import pytest

from aggressors.queries.findings import STRONGER, findings
from aggressors.queries.grammar import parse
from aggressors.queries.samples import count
from aggressors.stages.correlate import STAGE
from aggressors.stages.tables import rows
from aggressors.store.read import open_run
from planted import publish_tables
from told import run, told


@pytest.fixture(scope="module")
def planted_run(tmp_path_factory):
    planted = told()
    tables = without_aggressors(planted.tables) | run(STAGE, planted)
    with open_run(
        publish_tables(tmp_path_factory.mktemp("found"), tables, planted.source, "a" * 12, "v1")
    ) as opened:
        yield opened


def without_aggressors(tables):
    """The tables without what no stage before has decided."""
    return {name: table for name, table in tables.items() if name != "aggressors"}


def made(tmp_path, correlations=(), combinations=(), aside=(), rule=None):
    """A run with the given rows; missing columns take a plain value. `rule` names concept 1."""
    planted = told()
    usual = {
        "concept_id": 1, "target": "membership", "stratum": "label", "statistic": "rank-biserial",
        "low": 0.1, "high": 0.9, "q_value": 0.001, "n": 100, "detail": "{}",
    }  # fmt: skip
    tables = without_aggressors(planted.tables) | {
        "correlations": rows("correlations", [usual | each for each in correlations]),
        "combinations": rows("combinations", [usual_pair() | each for each in combinations]),
        "fields_aside": rows("fields_aside", list(aside)),
    }
    if rule:
        concepts = tables["concepts"].to_pylist()
        concepts[0]["rule"] = json.dumps({"filter": rule})
        tables["concepts"] = rows("concepts", concepts)
    return open_run(publish_tables(tmp_path, tables, planted.source, "b" * 12, "v1"))


def usual_pair():
    return {
        "concept_id": 1, "first": "a", "second": "b", "filter": "a < 1 and b < 1", "effect": 0.8,
        "low": 0.6, "high": 0.9, "q_value": 0.001, "gain": 0.2, "n": 100,
        "detail": json.dumps({"head": "a below 1 and b below 1", "sentence": "they go together"}),
    }  # fmt: skip


def test_the_planted_cause_is_first_with_a_filter_that_holds_what_it_says(planted_run):
    known = findings(planted_run, 1)
    first = known.found[0]
    assert (first.title, first.role, first.kind) == ("brightness", "defining", "field")
    inside = count(planted_run, parse(f"population = validation and {first.filter}"))
    both = count(planted_run, parse(f"population = validation and concept = 1 and {first.filter}"))
    assert both / inside == pytest.approx(1)
    assert first.bars is not None
    assert len(first.bars.inside) == len(first.bars.outside) == 12
    assert first.rest.startswith("100 % of members below")
    assert all(one.q_value <= 0.05 for one in known.found)
    assert known.tested == 6


def test_a_pair_follows_the_field_it_refines(planted_run):
    kinds = [(one.kind, one.title) for one in findings(planted_run, 2).found]
    assert kinds[0] == ("field", "sharpness")
    assert kinds[1][0] == "pair"


def test_all_samples_have_findings_against_loss_only(planted_run):
    assert findings(planted_run, -1, "membership").found == ()
    against = findings(planted_run, -1, "loss").found
    assert "brightness" in {one.title for one in against}
    for one in against:
        count(planted_run, parse(one.filter))


def test_one_of_a_family_is_shown_the_others_beside_it(tmp_path):
    aside = [
        {"field": field, "reason": "redundant", "shown_by": "light", "likeness": 0.9}
        for field in ("lux", "mean")
    ]
    same = [{"field": field, "effect": effect} for field, effect in
            (("light", 0.6), ("lux", 0.6 + STRONGER - 0.01), ("mean", 0.3))]  # fmt: skip
    with made(tmp_path / "near", same, aside=aside) as opened:
        (one,) = findings(opened, 1).found
        assert (one.title, set(one.also)) == ("light", {"lux", "mean"})
    same[1]["effect"] = 0.6 + STRONGER + 0.01
    with made(tmp_path / "far", same, aside=aside) as opened:
        (one,) = findings(opened, 1).found
        assert (one.title, set(one.also)) == ("lux", {"light", "mean"})


def test_a_field_that_may_be_chance_stands_for_no_other(tmp_path):
    aside = [
        {"field": field, "reason": "redundant", "shown_by": "light", "likeness": 0.9}
        for field in ("lux", "mean")
    ]
    same = [
        {"field": "light", "effect": 0.1, "q_value": 0.4},
        {"field": "lux", "effect": 0.2},
        {"field": "mean", "effect": 0.15, "q_value": 0.2},
    ]
    with made(tmp_path, same, aside=aside) as opened:
        (one,) = findings(opened, 1).found
    assert (one.title, one.also) == ("lux", ())


def test_an_effect_counts_by_the_members_that_have_a_value(tmp_path):
    few = json.dumps({"missing_inside": 0.8})
    given = [{"field": "few", "effect": 0.9, "detail": few}, {"field": "all", "effect": -0.5}]
    with made(tmp_path, given) as opened:
        assert [one.title for one in findings(opened, 1).found] == ["all", "few"]


def test_the_field_of_the_rule_stands_for_those_that_say_the_same(tmp_path):
    aside = [{"field": "brightness", "reason": "redundant", "shown_by": "light", "likeness": 0.9}]
    same = [{"field": "light", "effect": 0.6}, {"field": "brightness", "effect": 0.5}]
    with made(tmp_path, same, aside=aside, rule="brightness < 0.2 and label = coat") as opened:
        (one,) = findings(opened, 1).found
        assert (one.title, one.also) == ("brightness", ("light",))


def test_categories_against_loss_have_bars(tmp_path):
    top = [{"value": "a", "n": 3, "mean_loss": 0.9, "rest_loss": 0.1}]
    row = {"field": "x", "effect": 0.5, "target": "loss", "detail": json.dumps({"top": top})}
    with made(tmp_path, [row]) as opened:
        (one,) = findings(opened, 1, "loss").found
    assert (one.bars.inside, one.bars.labels) == ((0.9,), ("a",))


def test_a_shape_stands_for_the_order_only_where_it_adds_and_is_sure(tmp_path):
    shape = json.dumps({"adds": 0.4, "sentence": "x at both ends: many", "filter": "x < 1"})
    cases = [
        ({"effect": 0.7, "detail": shape}, "shape"),
        ({"effect": 0.7, "detail": "{}"}, "field"),
        ({"effect": 0.7, "detail": shape, "q_value": 0.2}, "field"),
        ({"effect": 0.1, "detail": shape}, "field"),
    ]
    for place, (row, kind) in enumerate(cases):
        further = {"field": "x", "statistic": "mutual-information", **row}
        with made(tmp_path / str(place), [{"field": "x", "effect": 0.2}, further]) as opened:
            assert [one.kind for one in findings(opened, 1).found] == [kind]


def test_within_labels_comes_before_plain_and_chance_is_left_out(tmp_path):
    given = [
        {"field": "x", "effect": 0.9, "stratum": "all"},
        {"field": "x", "effect": 0.2},
        {"field": "label", "effect": 0.4, "stratum": "all"},
        {"field": "y", "effect": 0.8, "q_value": 0.051},
    ]
    with made(tmp_path, given) as opened:
        known = findings(opened, 1)
    assert [(one.title, one.effect) for one in known.found] == [("label", 0.4), ("x", 0.2)]
    assert known.tested == 3


def test_gaps_of_the_same_samples_are_one_finding(tmp_path):
    given = [{"field": field, "effect": 0.5, "statistic": "missing"} for field in ("a", "b")]
    given.append({"field": "c", "effect": 0.4, "statistic": "missing"})
    with made(tmp_path, given) as opened:
        found = findings(opened, 1).found
    assert [(one.kind, one.title, one.also) for one in found] == [
        ("missing", "a", ("b",)), ("missing", "c", ()),
    ]  # fmt: skip


@pytest.mark.parametrize("weak", [{"q_value": 0.2}, {"gain": 0.01}, {"low": -0.1}])
def test_pairs_that_add_nothing_are_left_out(tmp_path, weak):
    with made(tmp_path, combinations=[weak]) as opened:
        assert findings(opened, 1).found == ()


@pytest.mark.parametrize(
    "detail",
    [
        "null",
        "[]",
        "3",
        '{"filter": "x <"}',
        '{"filter": "all"}',
        "[" * 5_000 + "]" * 5_000,
        '{"histogram": {"inside": [1' + "0" * 400 + '], "outside": []}}',
        '{"filter": 7, "histogram": 5, "top": "x", "head": null}',
    ],
)
def test_a_detail_of_a_stranger_breaks_nothing(tmp_path, detail):
    with made(tmp_path, [{"field": "x", "effect": 0.5, "detail": detail}]) as opened:
        (one,) = findings(opened, 1).found
    assert (one.title, one.filter, one.bars) == ("x", "", None)
