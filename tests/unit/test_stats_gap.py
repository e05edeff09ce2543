"""Gaps and intervals against numbers worked out by hand and against scipy."""

import numpy as np
import pytest
from scipy import stats

from aggressors.errors import InputError
from aggressors.stats.intervals import mean_interval
from aggressors.stats.severity import impact, loss_gap, loss_gaps, p_within


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


# --- Samples that belong together ---


def repeated(patients: int, each: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Losses that are alike within a patient, and a group of whole patients that means nothing."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), each)
    loss = rng.normal(size=patients)[patient] + 0.1 * rng.normal(size=patients * each)
    return loss, np.isin(patient, rng.choice(patients, patients // 4, replace=False)), patient


def test_repeated_measures_raise_few_alarms_when_they_are_told():
    plain, told, within = [], [], []
    for seed in range(200):
        loss, member, patient = repeated(40, 10, seed)
        plain.append(loss_gaps(loss, member[None]).p_value[0])
        told.append(loss_gaps(loss, member[None], group=patient).p_value[0])
        label = np.zeros(len(loss), dtype=np.int64)
        within.append(p_within(loss, member[None], label, group=patient)[0])
    assert np.mean(np.array(plain) < 0.05) > 0.2
    assert np.mean(np.array(told) < 0.05) < 0.1
    assert np.mean(np.array(within) < 0.05) < 0.1


def test_groups_of_one_sample_change_little():
    rng = np.random.default_rng(0)
    loss, member = rng.normal(size=500), rng.random((3, 500)) < 0.2
    plain = loss_gaps(loss, member)
    alone = loss_gaps(loss, member, group=np.arange(500))
    np.testing.assert_allclose(alone.value, plain.value)
    np.testing.assert_allclose(alone.low, plain.low, atol=0.02)


def test_one_patient_alone_proves_nothing():
    loss, patient = np.repeat([0.0, 5.0], 50), np.repeat([0, 1], 50)
    gaps = loss_gaps(loss + np.arange(100) % 2, (patient == 1)[None], group=patient)
    assert np.isnan(gaps.value[0])
    assert gaps.p_value[0] == 1


# --- Within labels ---


def test_a_hard_label_says_nothing_of_a_group_that_holds_more_of_it():
    rng = np.random.default_rng(1)
    label = np.repeat([0, 1], 300)
    loss = rng.normal(2.0 * label, 0.5)
    member = rng.random(600) < np.where(label == 1, 0.5, 0.1)
    assert loss_gaps(loss, member[None]).p_value[0] < 1e-6
    assert p_within(loss, member[None], label)[0] > 0.01
    assert p_within(loss, (label == 1)[None], label)[0] == 1  # nothing to compare with


def test_within_labels_equals_the_permutations_of_each():
    rng = np.random.default_rng(2)
    label = rng.integers(0, 3, 90)
    loss = rng.exponential(size=90) + label
    member = rng.random(90) < 0.3
    observed = loss[member].sum()
    sums = []
    for _ in range(4_000):
        dealt = loss.copy()
        for code in range(3):
            dealt[label == code] = rng.permutation(loss[label == code])
        sums.append(dealt[member].sum())
    assert p_within(loss, member[None], label)[0] == pytest.approx(
        np.mean(np.array(sums) >= observed), abs=0.03
    )
