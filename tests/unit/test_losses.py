"""Means of the loss by value: bins that hold what the sentence and the filter say."""

import re

import numpy as np
import pytest

from aggressors.stages.frame import Field
from aggressors.stages.losses import Signal, category_losses, missing_losses, number_losses


def number_field(unit=""):
    return Field("x", "number", unit, np.zeros(0), None, ())


def told(values, loss):
    order = np.argsort(values, kind="stable")
    return number_losses(number_field(), values[order], Signal("loss", loss[order]))


def held(values, filter):
    """Samples that the text of a filter on x holds."""
    met = np.ones(len(values), dtype=bool)
    for part in filter.split(" and "):
        name, op, bound = part.split()
        assert name == "x"
        assert op in ("<", ">=")
        met &= values < float(bound) if op == "<" else values >= float(bound)
    return met


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_a_number_of_two_values_has_two_bins_and_a_claim(share):
    rng = np.random.default_rng(1)
    x = (rng.random(2_000) < share).astype(float)
    loss = rng.exponential(size=2_000) + 2 * x
    found = told(x, loss)
    assert [one["n"] for one in found["bins"]] == [int((x == 0).sum()), int((x == 1).sum())]
    assert found["bins"][1]["mean_loss"] == pytest.approx(loss[x == 1].mean())
    assert (held(x, found["filter"]) == (x == 1)).all()
    assert re.fullmatch(r"mean loss \S+ at x = 0, \S+ at 1", found["sentence"])


def test_a_count_that_is_mostly_zero_has_a_claim():
    rng = np.random.default_rng(2)
    x = np.where(rng.random(3_000) < 0.95, 0, rng.integers(1, 40, 3_000)).astype(float)
    loss = rng.exponential(size=3_000) + 2 * (x > 0)
    found = told(x, loss)
    assert (held(x, found["filter"]) == (x > 0)).all()
    assert [one["n"] for one in found["bins"]] == [(x == 0).sum(), (x > 0).sum()]
    assert "at x = 0" in found["sentence"]
    assert found["sentence"].endswith("from 1 on")


def test_the_two_highest_values_are_told_apart():
    x = np.repeat([0.0, 1.0, 2.0], [400, 300, 300])
    found = told(x, np.repeat([0.1, 0.2, 0.9], [400, 300, 300]))
    assert [one["n"] for one in found["bins"]] == [400, 300, 300]
    assert found["filter"] == "x >= 2.0"
    assert found["sentence"] == "mean loss 0.1 at x = 0, 0.9 at 2"


def test_the_middle_is_named_where_it_is_worst():
    x = np.repeat([0.0, 1.0, 2.0], [400, 300, 300])
    found = told(x, np.repeat([0.1, 0.9, 0.2], [400, 300, 300]))
    assert found["filter"] == "x >= 1.0 and x < 2.0"
    assert found["sentence"].endswith("; highest, 0.9, at 1")


def test_bins_begin_at_short_numbers():
    rng = np.random.default_rng(5)
    found = told(rng.normal(0.5, 0.2, 4_000), rng.exponential(size=4_000))
    inner = [one["low"] for one in found["bins"][1:]]
    assert len(inner) == 9
    assert all(float(f"{low:.2g}") == low for low in inner)
    assert all(200 <= one["n"] <= 600 for one in found["bins"])  # each end a fourth of 400 off


def test_an_empty_category_can_be_seen():
    field = Field("note", "category", "", None, np.zeros(0, dtype=np.int64), ("", "b"))
    found = category_losses(field, np.array([0, 0, 1]), Signal("loss", np.array([2.0, 2, 1])))
    assert found["sentence"] == 'mean loss 2 at note = "", 1 elsewhere'


@pytest.mark.parametrize("seed", range(12))
def test_the_filter_holds_the_worst_bin_exactly(seed):
    """Also of dates, ids and tiny numbers, whose digits may not be rounded."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 400))
    scale, start = [(1.0, 0.0), (1e5, 1.7e9), (1e-7, 0.0), (50.0, -20.0)][seed % 4]
    x = start + scale * rng.random(n)
    x = np.round(x) if seed % 3 == 0 and scale > 1 else x
    loss = rng.exponential(size=n)
    found = told(x, loss)
    worst = max(found["bins"], key=lambda one: one["mean_loss"])
    met = held(x, found["filter"])
    assert met.sum() == worst["n"]
    assert loss[met].mean() == pytest.approx(worst["mean_loss"])
    assert sum(one["n"] for one in found["bins"]) == n


def test_evening_labels_out_takes_away_what_labels_do():
    label = np.array([0, 0, 1, 1, -1])
    signal = Signal("loss", np.array([1.0, 3.0, 10.0, 14.0, 7.0]))
    evened = signal.evened(label)
    assert evened.values.tolist() == [6.0, 8.0, 5.0, 9.0, 7.0]  # of mean 7, as before
    field = Field("site", "category", "", None, np.zeros(0, dtype=np.int64), ("a", "b"))
    codes = np.array([0, 1, 0, 1, -1])
    assert category_losses(field, codes, signal)["sentence"] == (
        "mean loss 8.5 at site = b, 5.5 elsewhere"
    )
    assert category_losses(field, codes, evened)["sentence"] == (
        "labels evened out, mean loss 8.5 at site = b, 5.5 elsewhere"
    )


def test_the_claim_of_missing_values_is_the_worse_side():
    missing = np.array([1.0, 1, 0, 0, 0])
    field = number_field()
    bad = missing_losses(field, missing, Signal("loss", np.array([2.0, 2, 1, 1, 1])))
    assert bad["filter"] == "x is missing"
    assert bad["sentence"] == "mean loss 2 where x is missing (40.0 %), 1 elsewhere"
    good = missing_losses(field, missing, Signal("loss", np.array([0.0, 0, 1, 1, 1])))
    assert good["filter"] == "not x is missing"
