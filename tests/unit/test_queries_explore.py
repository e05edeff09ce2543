from itertools import pairwise

import numpy as np
import pytest
from scipy import stats as scipy_stats

from aggressors.contracts import EVERYTHING, Condition
from aggressors.errors import UsageError
from aggressors.queries.columns import OTHER
from aggressors.queries.explore import field_vs_loss, fields_vs_loss, reliability
from aggressors.queries.grammar import both, parse
from aggressors.queries.maps import View, extent, has_map, map_bins, outlines
from aggressors.queries.samples import count
from aggressors.queries.track import matched, timeline
from queried import queried


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found
    found.run.close()


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"), seed=1, run_id="b" * 16, name="v2")
    yield found
    found.run.close()


def test_loss_by_a_number_in_groups_of_equal_size(data):
    rows = field_vs_loss(data.run, EVERYTHING, "hour", bins=4).to_pylist()
    labeled = data.frame[data.frame["loss"].notna()]
    assert sum(row["n"] for row in rows) == len(labeled)
    assert rows[0]["low"] == labeled["hour"].min()
    assert rows[-1]["high"] == labeled["hour"].max()
    for row in rows[:-1]:
        inside = labeled[(labeled["hour"] >= row["low"]) & (labeled["hour"] < row["high"])]
        assert row["n"] == len(inside)
        assert row["mean"] == pytest.approx(np.average(inside["loss"], weights=inside["weight"]))
        assert row["mean_low"] < row["mean"] < row["mean_high"]
        assert row["value"] is None


def test_few_distinct_numbers_are_their_own_groups(data):
    rows = field_vs_loss(data.run, EVERYTHING, "hour", bins=24).to_pylist()
    assert [row["low"] for row in rows] == [row["high"] for row in rows] == list(range(24))


def test_the_interval_of_equal_weights_is_students(data):
    rows = field_vs_loss(data.run, parse("weight = 1"), "label").to_pylist()
    labeled = data.frame[(data.frame["weight"] == 1) & data.frame["loss"].notna()]
    for row in rows:
        loss = labeled["loss"][labeled["label"] == row["value"]]
        low, high = scipy_stats.t.interval(0.95, len(loss) - 1, loss.mean(), scipy_stats.sem(loss))
        assert (row["mean_low"], row["mean_high"]) == pytest.approx((low, high))


def test_every_group_carries_the_weighted_mean_of_the_whole_scope(data):
    labeled = data.frame[data.frame["loss"].notna()]
    expected = np.average(labeled["loss"], weights=labeled["weight"])
    for field in ("hour", "operator", "brightness"):  # some samples lack a brightness
        overall = field_vs_loss(data.run, EVERYTHING, field)["overall"].unique().to_pylist()
        assert overall == [pytest.approx(expected)]


def test_rare_categories_stand_together(data):
    rows = field_vs_loss(data.run, EVERYTHING, "operator", top=2).to_pylist()
    labeled = data.frame[data.frame["loss"].notna()]
    counts = labeled["operator"].value_counts()
    unknown = labeled[labeled["operator"].isna()]
    assert [row["n"] for row in rows] == [
        counts.iloc[0], counts.iloc[1], counts.iloc[2:].sum(), len(unknown),
    ]  # fmt: skip
    assert [row["value"] for row in rows[2:]] == [OTHER, None]
    assert rows[-1]["mean"] == pytest.approx(np.average(unknown["loss"], weights=unknown["weight"]))
    alone = field_vs_loss(data.run, parse("sample_id = test-0200"), "operator").to_pylist()
    assert [row["mean_low"] for row in alone] == [None]
    assert field_vs_loss(data.run, parse("none"), "hour").num_rows == 0
    assert field_vs_loss(data.run, parse("none"), "operator").num_rows == 0


@pytest.mark.parametrize("pair", [("hour", "operator"), ("operator", "brightness")])
def test_loss_by_two_fields_at_once(data, pair):
    rows = fields_vs_loss(data.run, EVERYTHING, *pair, bins=4, top=3).to_pylist()
    labeled = data.frame[data.frame["loss"].notna()]
    known = labeled[labeled[pair[0]].notna() & labeled[pair[1]].notna()]
    assert sum(row["n"] for row in rows) == len(known)

    def within(row, name, field):
        if row[f"{name}_value"] == OTHER:
            named = {one[f"{name}_value"] for one in rows}
            return ~known[field].isin(named)
        if row[f"{name}_value"] is not None:
            return known[field] == row[f"{name}_value"]
        last = row[f"{name}_high"] == known[field].max()
        below = known[field] <= row[f"{name}_high"] if last else known[field] < row[f"{name}_high"]
        return (known[field] >= row[f"{name}_low"]) & below

    for row in rows:
        cell = known[within(row, "across", pair[0]) & within(row, "up", pair[1])]
        assert row["n"] == len(cell) > 0
        assert row["mean"] == pytest.approx(np.average(cell["loss"], weights=cell["weight"]))
    assert fields_vs_loss(data.run, parse("none"), *pair).num_rows == 0


def test_reliability_is_that_of_the_labeled_samples_in_scope(data):
    found = reliability(data.run, parse("population = test"), bins=5)
    test = data.frame[data.frame["population"] == "test"]
    right = test["label"] == test["prediction"]
    assert found.n.sum() == len(test) == 50
    assert found.mean_accuracy == pytest.approx(np.average(right, weights=test["weight"]))
    assert found.mean_confidence == pytest.approx(
        np.average(test["confidence"], weights=test["weight"])
    )
    for start, end, n, accuracy in zip(
        found.start, found.end, found.n, found.accuracy, strict=True
    ):
        last = end == found.end[-1]
        inside = (test["confidence"] >= start) & (
            (test["confidence"] <= end) if last else (test["confidence"] < end)
        )
        assert n == inside.sum() == 10
        assert accuracy == pytest.approx(np.average(right[inside], weights=test["weight"][inside]))
    assert reliability(data.run, parse("population = unlabeled")) is None
    assert reliability(data.run, parse("none")) is None


# --- Map ---


def test_the_map_counts_every_sample_once(data):
    bins = map_bins(data.run, size=20)
    assert bins.count.sum() == 300
    assert bins.mean is None
    view = bins.view
    x, y = data.frame["map_x"], data.frame["map_y"]
    column = np.floor((x - view.x0) / (view.x1 - view.x0) * 20).astype(int)
    row = np.floor((y - view.y0) / (view.y1 - view.y0) * 20).astype(int)
    expected = np.zeros((20, 20), dtype=int)
    np.add.at(expected, (row, column), 1)
    assert (bins.count == expected).all()


def test_a_run_with_samples_at_different_places_has_a_map(data):
    assert has_map(data.run)


def test_a_number_colours_by_its_mean(data):
    bins = map_bins(data.run, parse("brightness is not missing"), "brightness", size=8)
    assert np.isfinite(bins.mean).sum() == (bins.count > 0).sum()
    known = data.frame["brightness"].dropna()
    assert np.nansum(bins.mean * bins.count) == pytest.approx(known.sum(), rel=1e-5)
    assert bins.low < bins.high
    loss = map_bins(data.run, EVERYTHING, "loss", size=8)
    assert np.isnan(loss.mean[loss.count == 0]).all()


def test_a_category_colours_by_the_most_frequent(data):
    bins = map_bins(data.run, EVERYTHING, "operator", size=1)
    counts = data.frame["operator"].value_counts()
    assert bins.categories[bins.dominant[0, 0]] in counts.index[counts == counts.max()]
    nobody = map_bins(data.run, parse("operator is missing"), "operator", size=3)
    assert (nobody.dominant == -1).all()
    assert nobody.categories == ()


def test_a_view_shows_a_part_of_the_map(data):
    view = View(0.0, 0.0, 2.0, 2.0)
    inside = data.frame.query("0 <= map_x < 2 and 0 <= map_y < 2")
    assert map_bins(data.run, view=view, size=5).count.sum() == len(inside)
    for bad in ({"size": 0}, {"size": 513}, {"view": View(1, 0, 1, 2)}):
        with pytest.raises(UsageError, match="A map needs"):
            map_bins(data.run, **bad)


def test_outlines_hold_most_members_and_can_be_used_as_filters(data):
    whole = extent(data.run)
    for outline in outlines(data.run, cells=12):
        members = data.frame.iloc[data.members[outline.concept_id]]
        assert outline.n == len(members)
        assert outline.x == pytest.approx(members["map_x"].median())
        concept = Condition("concept", "=", (outline.concept_id,))
        held = 0
        for ring in outline.rings:
            assert ring[0] == ring[-1]
            assert all(whole.x0 <= x <= whole.x1 and whole.y0 <= y <= whole.y1 for x, y in ring)
            flat = tuple(float(value) for point in ring[:-1] for value in point)
            inside = Condition("map", "in", flat)
            sign = 1 if area(ring) > 0 else -1  # a hole runs the other way round
            held += sign * count(data.run, both(inside, concept))
        assert 0.8 * outline.n <= held <= outline.n


def area(ring):
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring)) / 2


# --- Runs beside each other ---


def test_timeline(data, other):
    rows = timeline([other.run, data.run]).to_pylist()
    assert [row["name"] for row in rows] == ["v2", "v1"]
    validation = data.frame[data.frame["population"] == "validation"]
    assert rows[1]["n"] == 120
    assert rows[1]["mean_loss"] == pytest.approx(
        np.average(validation["loss"], weights=validation["weight"])
    )
    assert rows[1]["aggressors"] == 2
    assert timeline([]).num_rows == 0


def test_aggressors_of_two_runs_are_matched_by_the_samples_they_share(data, other):
    rows = matched(data.run, other.run).to_pylist()
    # Concept 5 has the same members in both; the others are drawn afresh.
    pairs = {row["concept_id"]: row["other_concept_id"] for row in rows if row["shared"]}
    assert pairs == {5: 5}
    row = next(row for row in rows if row["concept_id"] == 5)
    assert (row["shared"], row["overlap"]) == (11, 1.0)
    assert sorted(row["rank"] for row in rows if row["rank"]) == [1, 2, 3]
    assert sorted(row["other_rank"] for row in rows if row["other_rank"]) == [1, 2, 3]
    assert len(rows) == 5
    # The same by hand, in every pair.
    for row in rows:
        if row["shared"]:
            sides = [
                {
                    found.frame["sample_id"][place]
                    for place in found.members[concept]
                    if found.frame["population"][place] == "validation"
                }
                for found, concept in (
                    (data, row["concept_id"]), (other, row["other_concept_id"]),
                )
            ]  # fmt: skip
            assert row["overlap"] == len(sides[0] & sides[1]) / len(sides[0] | sides[1])
    identical = matched(data.run, data.run).to_pylist()
    assert [row["overlap"] for row in identical] == [1.0, 1.0, 1.0]
