"""Gaps and intervals against numbers worked out by hand and against scipy."""

import numpy as np
import pytest
from scipy import stats

from aggressors.errors import InputError
from aggressors.stats.intervals import mean_interval
from aggressors.stats.severity import impact, loss_gap, loss_gaps


def test_gap_by_hand():
    # inside 4, 6 (mean 5, variance 2); rest 1, 2, 3 (mean 2, variance 1)
    gap = loss_gap(np.array([4.0, 1, 6, 2, 3]), np.array([1, 0, 1, 0, 0], dtype=bool))
    assert (gap.n, gap.inside, gap.rest, gap.value) == (2, 5.0, 2.0, 3.0)
    error2 = 2 / 2 + 1 / 3
    freedom = error2**2 / ((2 / 2) ** 2 / 1 + (1 / 3) ** 2 / 2)
    half = stats.t.ppf(0.975, freedom) * error2**0.5
    assert gap.low == pytest.approx(3 - half)
    assert gap.high == pytest.approx(3 + half)


@pytest.mark.parametrize("n_inside", [2, 7, 60])
def test_gap_is_welch(n_inside):
    rng = np.random.default_rng(n_inside)
    inside, rest = rng.exponential(2, n_inside), rng.exponential(1, 90)
    gap = loss_gap(np.r_[inside, rest], np.arange(n_inside + 90) < n_inside, level=0.9)
    welch = stats.ttest_ind(inside, rest, equal_var=False, alternative="greater")
    both = stats.ttest_ind(inside, rest, equal_var=False).confidence_interval(0.9)
    assert gap.p_value == pytest.approx(welch.pvalue)
    assert (gap.low, gap.high) == pytest.approx((both.low, both.high))


def test_equal_weights_change_nothing_and_zero_weights_remove_samples():
    rng = np.random.default_rng(1)
    loss, member = rng.exponential(1, 40), np.arange(40) < 12
    plain = loss_gap(loss, member)
    scaled = loss_gap(loss, member, weight=np.full(40, 3.0))
    assert scaled.low == pytest.approx(plain.low)
    kept = np.arange(40) % 3 > 0
    assert loss_gap(loss, member, weight=kept.astype(float)).low == pytest.approx(
        loss_gap(loss[kept], member[kept]).low
    )


def test_weighted_mean_by_hand():
    weight = np.array([3.0, 1, 1, 1])
    gap = loss_gap(np.array([1.0, 5, 0, 2]), np.array([1, 1, 0, 0], dtype=bool), weight=weight)
    assert gap.inside == pytest.approx((3 * 1 + 5) / 4)
    assert gap.rest == pytest.approx(1)


def test_a_large_offset_does_not_cost_precision():
    rng = np.random.default_rng(2)
    loss, member = rng.normal(size=50), np.arange(50) < 20
    assert loss_gap(loss + 1e8, member).low == pytest.approx(loss_gap(loss, member).low, abs=1e-5)


def test_many_gaps_equal_one_by_one():
    rng = np.random.default_rng(3)
    loss, members = rng.exponential(1, 80), rng.random((6, 80)) < 0.3
    together = loss_gaps(loss, members)
    for place, member in enumerate(members):
        alone, among = loss_gap(loss, member), together[place]
        assert among.n == alone.n
        assert (among.low, among.p_value) == pytest.approx((alone.low, alone.p_value))


def test_too_few_members_say_nothing():
    gaps = loss_gaps(np.arange(5.0), np.eye(1, 5, dtype=bool))
    assert np.isnan(gaps.value[0])
    assert gaps.p_value[0] == 1
    with pytest.raises(InputError, match="at least 2 samples inside and outside; got 1 of 5"):
        loss_gap(np.arange(5.0), np.arange(5) == 0)


def test_constant_losses():
    member = np.arange(8) < 4
    same = loss_gap(np.ones(8), member)
    assert (same.value, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    apart = loss_gap(member.astype(float), member)
    assert (apart.value, apart.low, apart.p_value) == (1, 1, 0)


def test_bad_loss_is_named():
    with pytest.raises(InputError, match="value 2 is nan"):
        loss_gap(np.array([0, 1, np.nan, 2.0]), np.arange(4) < 2)
    with pytest.raises(InputError, match="'loss' has 4 values but 'member' has 3"):
        loss_gap(np.arange(4.0), np.arange(3) < 2)


def test_impact_is_the_share_of_loss_that_would_vanish():
    loss, member = np.array([5.0, 7, 1, 3, 2, 2]), np.arange(6) < 2
    gap = loss_gap(loss, member)
    healed = np.where(member, loss - gap.value, loss)
    assert impact(2, gap.value, loss.sum()) == pytest.approx(1 - healed.sum() / loss.sum())
    assert impact(2, 1.0, 0.0) == 0


def test_mean_interval_is_students():
    value = np.array([1.0, 2, 4, 9])
    low, high = stats.t.interval(0.95, 3, value.mean(), stats.sem(value))
    found = mean_interval(value)
    assert (found.value, found.low, found.high) == pytest.approx((4, low, high))
