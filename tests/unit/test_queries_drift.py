"""Two filters compared, against pandas and scipy."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from aggressors.contracts import EVERYTHING
from aggressors.errors import FilterError
from aggressors.queries import drift
from aggressors.queries.columns import OTHER
from aggressors.queries.grammar import parse
from aggressors.stats.drift import of_numbers
from queried import ODD, queried

ODD_QUOTED = ODD.replace('"', '\\"')

EVEN = "weight = 1"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found
    found.run.close()


def test_a_number_inside_against_outside(data):
    pair = drift.inside_outside(EVERYTHING, 1)
    found = drift.compared(data.run, pair, "brightness", bins=10)
    rows = found.rows.to_pylist()
    known = data.frame[data.frame["brightness"].notna()]
    inside = known["row_id"].isin(data.members[1])
    assert sum(row["left"] for row in rows) == inside.sum()
    assert sum(row["right"] for row in rows) == (~inside).sum()
    for name in ("left_share", "right_share"):
        assert sum(row[name] for row in rows) == pytest.approx(1)
    total = known["weight"][inside].sum()
    for row in rows[1:-1]:
        within = (known["brightness"] >= row["low"]) & (known["brightness"] < row["high"])
        assert row["left"] == (within & inside).sum()
        weight = known["weight"][within & inside].sum()
        assert row["left_share"] == pytest.approx(weight / total)
    assert found.missing == (0, data.frame["brightness"].isna().sum())
    # Members are the dark ones, so that all of them lie below all others.
    assert found.drift.effect == pytest.approx(-1)
    assert found.drift.distance == pytest.approx(1)


def test_drift_of_even_weights_is_that_of_scipy(data):
    pair = drift.inside_outside(parse(EVEN), 5)
    frame = data.frame[data.frame["weight"] == 1]
    inside = frame["row_id"].isin(data.members[5])
    found = drift.compared(data.run, pair, ODD).drift
    oracle = scipy_stats.ks_2samp(frame[ODD][inside], frame[ODD][~inside])
    assert found.distance == pytest.approx(oracle.statistic)
    assert (found.n_left, found.n_right) == (inside.sum(), (~inside).sum())
    known = frame[frame["operator"].notna()]
    counts = (
        known.groupby([known["row_id"].isin(data.members[5]), "operator"]).size().unstack(0)
    ).fillna(0)
    oracle = scipy_stats.chi2_contingency(counts.to_numpy(), correction=False)
    found = drift.compared(data.run, pair, "operator").drift
    assert (found.chi_square, found.p_value) == pytest.approx((oracle.statistic, oracle.pvalue))


def test_weights_count_where_the_run_has_them(data):
    pair = drift.datasets(EVERYTHING, "population", "train", "test")
    frame = data.frame
    left, right = (frame[frame["population"] == name] for name in ("train", "test"))
    found = drift.compared(data.run, pair, "hour").drift
    parts = [side[name].to_numpy() for name in ("hour", "weight") for side in (left, right)]
    assert found == of_numbers(*parts)
    assert found != of_numbers(*parts[:2])


def test_datasets_are_compared_over_the_same_categories(data):
    pair = drift.datasets(EVERYTHING, "label", "coat", "shirt")
    found = drift.compared(data.run, pair, "operator", top=2)
    rows = found.rows.to_pylist()
    frame = data.frame
    for row in rows[:2]:
        for side, label in (("left", "coat"), ("right", "shirt")):
            cell = frame[(frame["label"] == label) & (frame["operator"] == row["value"])]
            assert row[side] == len(cell)
    assert rows[2]["value"] == OTHER
    named = [row["value"] for row in rows[:2]]
    other = frame[~frame["operator"].isin(named) & frame["operator"].notna()]
    assert rows[2]["left"] == (other["label"] == "coat").sum()
    # The chart's `(other)` is told apart again in the figures.
    whole = drift.compared(data.run, pair, "operator", top=12)
    assert found.drift == whole.drift


def test_groups_without_samples_have_no_drift(data):
    nobody = drift.inside_outside(parse("none"), 1)
    found = drift.compared(data.run, nobody, "hour")
    assert (found.drift, found.rows.num_rows, found.missing) == (None, 0, (0, 0))
    unknown = drift.inside_outside(parse("brightness is missing"), 2)
    assert drift.compared(data.run, unknown, "brightness").drift is None
    assert "brightness" not in drift.differences(data.run, unknown)["field"].to_pylist()
    alike = drift.inside_outside(parse("operator is missing or operator = op-1"), 2)
    assert drift.compared(data.run, alike, "operator").drift is None  # nobody outside has one
    assert drift.differences(data.run, nobody).num_rows == 0


def test_bad_pairs_are_refused(data):
    pair = drift.datasets(EVERYTHING, "population", "test", "dev")
    with pytest.raises(FilterError, match="no value 'dev'"):
        drift.differences(data.run, pair)
    with pytest.raises(FilterError, match="no field 'nothing'"):
        drift.compared(data.run, drift.inside_outside(EVERYTHING, 1), "nothing")


def test_differences_put_the_most_different_field_first(data):
    pair = drift.datasets(parse("brightness < 0.3 or operator = op-1"), "operator", "op-1", "op-2")
    rows = drift.differences(data.run, pair, ("operator",)).to_pylist()
    assert rows[0]["field"] == "brightness"
    assert "operator" not in {row["field"] for row in rows}
    distances = [row["distance"] for row in rows]
    assert distances == sorted(distances, reverse=True)
    assert all(0 <= distance <= 1 for distance in distances)
    for row in rows:
        assert row["low"] <= row["effect"] <= row["high"]
        assert (row["psi"] is None) == (row["kind"] == "category")
        assert (row["chi_square"] is None) == (row["kind"] == "number")
        alone = drift.compared(data.run, pair, row["field"], top=100).drift
        assert (row["effect"], row["p_value"]) == pytest.approx((alone.effect, alone.p_value))
    same = drift.Pair(parse("population = test"), EVERYTHING, whole=True)
    rows = drift.differences(data.run, same).to_pylist()
    assert {"hour", "operator"} <= {row["field"] for row in rows}
    for row in rows:
        assert (row["distance"], row["drift"], row["effect"]) == pytest.approx((0, 0, 0), abs=1e-9)


def test_very_many_samples_are_drawn_from_always_the_same(data, monkeypatch):
    pair = drift.datasets(EVERYTHING, "population", "train", "validation")
    whole = drift.compared(data.run, pair, "hour")
    monkeypatch.setattr(drift, "MOST", 40)
    monkeypatch.setattr(drift, "MOST_EACH", 40)
    drawn = [drift.compared(data.run, pair, "hour") for _ in range(2)]
    assert drawn[0].drift == drawn[1].drift
    assert 20 <= drawn[0].drift.n_right <= 60
    assert drawn[0].rows.equals(whole.rows)  # the chart itself counts them all
    rows = [drift.differences(data.run, pair).to_pylist() for _ in range(2)]
    assert rows[0] == rows[1]
    hour = next(row for row in rows[0] if row["field"] == "hour")
    assert 15 <= hour["n_left"] <= 60
    assert 20 <= hour["n_right"] <= 70


def test_thinning_keeps_every_value_equally_likely():
    rows = np.arange(100_000)
    kept = drift._thinned(rows, 20_000)
    assert len(kept) == pytest.approx(20_000, rel=0.03)
    assert kept.mean() == pytest.approx(50_000, rel=0.02)
    assert drift._thinned(rows, 100_000) is rows


def test_the_second_group_may_be_all_samples(data):
    found = drift.compared(
        data.run, drift.Pair(parse("hour > 3"), parse("hour > 3 and label = coat"), True), "hour"
    )
    late = data.frame[data.frame["hour"] > 3]
    assert sum(found.rows["right"].to_pylist()) == len(late)
    assert sum(found.rows["left"].to_pylist()) == (late["label"] == "coat").sum()


def test_scope_and_side_keep_their_own_values_on_a_field_of_any_name(data):
    pair = drift.Pair(parse("hour > 3"), parse(f'"{ODD_QUOTED}" > 0'))
    rows = drift.compared(data.run, pair, "hour").rows
    late = data.frame[data.frame["hour"] > 3]
    ours = late[ODD] > 0
    assert sum(rows["left"].to_pylist()) == ours.sum()
    assert sum(rows["right"].to_pylist()) == (~ours).sum()
