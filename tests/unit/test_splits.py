"""Thresholds that part members from the rest: hand-computed, short, and the same as the filter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggressors.stats.association import MOST_RUNS, ranked
from aggressors.stats.splits import Placed, histogram, one_cut, quantiles, two_cuts


def placed(inside, outside):
    values = np.concatenate([inside, outside]).astype(float)
    return Placed.of(ranked(values), np.arange(len(inside)))


def test_a_threshold_is_a_short_number_that_holds():
    found = one_cut(placed([0.1234, 0.1301], [0.1999, 0.2, 0.5]))
    assert (found.low, found.high, found.ends) == (None, 0.16, False)
    assert (found.inside, found.outside, found.precision) == (1, 0, 1)
    turned = one_cut(placed([0.1999, 0.2, 0.5], [0.1234, 0.1301]))
    assert (turned.low, turned.high) == (0.16, None)


def test_shares_and_precision_are_counted():
    found = one_cut(placed([1, 1, 1, 5], [1, 5, 5, 5, 5, 5, 5, 5]))
    assert found.high is not None
    assert (found.inside, found.outside) == (0.75, 0.125)
    assert found.precision == 0.75


def test_two_cuts_find_both_ends_and_the_middle():
    ends = two_cuts(placed([0, 1, 9, 10], [3, 4, 5, 6, 7]))
    assert ends.ends
    assert (ends.inside, ends.outside) == (1, 0)
    assert 1 < ends.high <= 3
    assert 7 < ends.low <= 9
    middle = two_cuts(placed([4, 5, 6], [0, 1, 2, 8, 9, 10]))
    assert not middle.ends
    assert 2 < middle.low <= 4
    assert 6 < middle.high <= 8


def test_one_cut_is_enough_where_one_is():
    assert two_cuts(placed([0, 1, 2], [5, 6, 7])) == one_cut(placed([0, 1, 2], [5, 6, 7]))


def test_thresholds_that_come_together_when_shortened_are_one():
    """Where members and others hardly differ, each threshold may be as short as can be."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        values = np.sort(rng.normal(size=5))
        noise = [1_000.0 + rng.integers(-1, 2, 5) for _ in range(2)]
        found = two_cuts(Placed(values, values, *noise))
        if found is not None and found.low is not None and found.high is not None:
            assert found.inside > 0
            assert (found.high < found.low) == found.ends


@pytest.mark.parametrize(("inside", "outside"), [([], [1, 2]), ([1, 2], []), ([3, 3], [3, 3])])
def test_nothing_to_part_gives_none(inside, outside):
    assert one_cut(placed(inside, outside)) is None
    assert two_cuts(placed(inside, outside)) is None


NUMBERS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40)


@given(NUMBERS, NUMBERS)
def test_the_filter_holds_the_samples_that_were_counted(inside, outside):
    x, y = np.array(inside, dtype=float), np.array(outside, dtype=float)
    for found in (one_cut(placed(x, y)), two_cuts(placed(x, y))):
        if found is None:
            continue
        low = -np.inf if found.low is None else found.low
        high = np.inf if found.high is None else found.high

        def met(values, low=low, high=high, ends=found.ends):
            return (values < high) | (values >= low) if ends else (values >= low) & (values < high)

        assert met(x).mean() == pytest.approx(found.inside)
        assert met(y).mean() == pytest.approx(found.outside)


def test_many_values_are_told_apart_in_runs_and_part_as_well():
    rng = np.random.default_rng(0)
    values = rng.normal(size=60_000)
    rows = np.flatnonzero((values < -1) & (rng.random(60_000) < 0.9))
    field = ranked(values)
    assert len(field.run_size) <= MOST_RUNS + 1
    found = one_cut(Placed.of(field, rows))
    assert found.high == pytest.approx(-1, abs=0.01)
    assert found.inside > 0.999
    outside = np.delete(values, rows)
    assert found.outside == pytest.approx((outside < found.high).mean(), abs=1e-9)


def test_quantiles_and_bars_are_those_of_the_two_sides():
    rng = np.random.default_rng(1)
    x, y = rng.normal(2, 1, 300), rng.normal(0, 1, 900)
    ours, theirs = quantiles(placed(x, y), (0.25, 0.5))
    assert ours == pytest.approx(np.quantile(x, [0.25, 0.5], method="inverted_cdf"))
    assert theirs == pytest.approx(np.quantile(y, [0.25, 0.5], method="inverted_cdf"))
    edges, inside, outside = histogram(placed(x, y), 12)
    assert len(edges) == 13
    assert inside.sum() == pytest.approx(1)
    assert outside.sum() == pytest.approx(1)
    assert inside[-3:].sum() > 5 * outside[-3:].sum()


def test_the_rest_is_weighted_to_the_labels_of_the_members():
    label = np.repeat([0, 1], [100, 1_000])
    values = np.concatenate([np.arange(100), 500 + np.arange(1_000)]).astype(float)
    members = np.arange(0, 30)  # the low ones of the first label
    within = Placed.within(ranked(values, label.astype(np.int16)), members)
    assert within.high.max() < 100  # the second label has no member and takes no part
    found = one_cut(within)
    assert (found.high, found.inside, found.outside) == (30, 1, 0)
