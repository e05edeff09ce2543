"""Mutual information with membership: bias, intervals, p-values, and shapes that ranks miss."""

import numpy as np
import pytest
from scipy import stats

from aggressors.stats.association import coded, rank_biserial, ranked
from aggressors.stats.information import BINS, in_bins, mutual_information


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_a_field_that_decides_membership_removes_all_uncertainty():
    codes = np.repeat([0, 1], [900, 100])
    effect = mutual_information(coded(codes, 2), np.flatnonzero(codes))
    assert effect.value == pytest.approx(1, abs=0.01)
    assert effect.p_value < 1e-50


def test_value_is_that_of_the_formula_without_bias(rng):
    codes = rng.integers(0, 3, 4_000)
    member = rng.random(4_000) < np.array([0.1, 0.3, 0.05])[codes]
    joint = np.array([np.bincount(codes[member], minlength=3), np.bincount(codes[~member])]) / 4_000
    alone = joint.sum(1, keepdims=True) * joint.sum(0)
    told = (joint * np.log(joint / alone)).sum() - 2 / (2 * 4_000)
    entropy = stats.entropy(joint.sum(1))
    effect = mutual_information(coded(codes, 3), np.flatnonzero(member))
    assert effect.value == pytest.approx(np.sqrt(told / entropy), rel=1e-9)
    assert effect.low < effect.value < effect.high


def test_p_value_is_that_of_chi_squared_with_exact_moments(rng):
    codes = rng.integers(0, 4, 300)
    member = rng.random(300) < 0.2 + 0.05 * codes
    table = np.array([np.bincount(codes[member], minlength=4), np.bincount(codes[~member])])
    chi2 = stats.chi2_contingency(table, correction=False).statistic
    expected = stats.chi2.sf(chi2 * 299 / 300, 3)
    effect = mutual_information(coded(codes, 4), np.flatnonzero(member))
    assert effect.p_value == pytest.approx(expected)


def test_members_at_both_ends_are_found_where_ranks_see_nothing(rng):
    values = rng.normal(size=4_000)
    rows = np.flatnonzero((np.abs(values) > 1.5) & (rng.random(4_000) < 0.8))
    field = ranked(values)
    assert rank_biserial(field, rows).low < 0 < rank_biserial(field, rows).high
    effect = mutual_information(in_bins(field), rows)
    assert effect.low > 0.5
    assert effect.p_value < 1e-100


def test_labels_do_not_pose_as_the_field(rng):
    label = rng.integers(0, 5, 6_000)
    values = label + rng.normal(size=6_000)
    rows = np.flatnonzero(rng.random(6_000) < 0.02 + 0.2 * label / 4)
    plain = mutual_information(in_bins(ranked(values)), rows)
    within = mutual_information(in_bins(ranked(values, label)), rows)
    assert plain.low > 0.1
    assert within.low == 0
    assert within.p_value > 0.001


@pytest.mark.parametrize("strata", [1, 6])
def test_p_values_are_uniform_and_bias_is_gone_where_nothing_is_there(rng, strata):
    found = []
    for _ in range(400):
        label = rng.integers(0, strata, 400)
        rows = rng.choice(400, 40, replace=False)
        found.append(mutual_information(in_bins(ranked(rng.normal(size=400), label)), rows))
    assert stats.kstest([e.p_value for e in found], "uniform").pvalue > 0.01
    assert np.mean([e.low == 0 for e in found]) > 0.95


def test_the_interval_covers(rng):
    share_in, share_out, n = np.array([0.7, 0.2, 0.1]), np.array([0.2, 0.3, 0.5]), 1_500
    part = 0.1
    mixed = part * share_in + (1 - part) * share_out
    told = part * stats.entropy(share_in, mixed) + (1 - part) * stats.entropy(share_out, mixed)
    truth = np.sqrt(told / stats.entropy([part, 1 - part]))
    hits = []
    for _ in range(300):
        codes = np.concatenate(
            [rng.choice(3, 150, p=share_in), rng.choice(3, n - 150, p=share_out)]
        )
        effect = mutual_information(coded(codes, 3), np.arange(150))
        hits.append(effect.low <= truth <= effect.high)
    assert np.mean(hits) > 0.92


def test_bins_hold_as_many_of_each_stratum_and_leave_missing_out(rng):
    label = rng.integers(0, 3, 2_400)
    values = 100.0 * label + rng.normal(size=2_400)
    values[:50] = np.nan
    binned = in_bins(ranked(values, label))
    assert (binned.codes[:50] == -1).all()
    assert np.ptp(binned.count, axis=1).max() <= 2
    assert binned.count.shape == (3, BINS)


def test_nothing_to_compare_gives_none():
    one = coded(np.zeros(20, dtype=np.int64), 1)
    assert mutual_information(one, np.arange(5)) is None
    assert mutual_information(coded(np.arange(20) % 2, 2), np.arange(0)) is None
    assert mutual_information(coded(np.arange(20) % 2, 2), np.arange(20)) is None
