"""Two groups compared in one field: against scipy, by hand, and as properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from scipy.spatial.distance import jensenshannon

from aggressors.errors import InputError
from aggressors.stats import association, drift

VALUES = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=30).map(np.array)
COUNTS = st.lists(st.integers(0, 30), min_size=2, max_size=6).map(np.array)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("decimals", [0, 1, 12])
def test_ks_and_rank_biserial_are_those_of_scipy(seed, decimals):
    rng = np.random.default_rng(seed)
    left = np.round(rng.normal(0.1, 1.3, 220), decimals)
    right = np.round(rng.normal(0, 1, 340), decimals)
    at = drift.merged(left, right)
    distance, p_value = drift.kolmogorov_smirnov(at)
    oracle = scipy_stats.ks_2samp(left, right, method="asymp")
    assert distance == pytest.approx(oracle.statistic)
    assert p_value == pytest.approx(oracle.pvalue, abs=0.02)
    u = scipy_stats.mannwhitneyu(left, right).statistic
    assert drift.rank_biserial(at)[0] == pytest.approx(2 * u / (220 * 340) - 1)


def test_rank_biserial_is_that_of_the_findings():
    rng = np.random.default_rng(1)
    values = np.round(rng.normal(size=500), 1)
    members = np.flatnonzero(rng.random(500) < 0.3)
    others = np.setdiff1d(np.arange(500), members)
    found = drift.rank_biserial(drift.merged(values[members], values[others]))
    known = association.rank_biserial(association.ranked(values), members)
    assert found == pytest.approx((known.value, known.low, known.high))


def test_ks_by_hand():
    # F_left is 1/2 at 1 and 1 at 3; F_right is 1/4 at 2, ... so they are 3/4 apart at 3.
    left, right = np.array([1.0, 3.0]), np.array([2.0, 4.0, 5.0, 6.0])
    assert drift.kolmogorov_smirnov(drift.merged(left, right))[0] == 0.75
    # 1 lies below all four; 3 lies above one of them and below three.
    assert drift.rank_biserial(drift.merged(left, right))[0] == pytest.approx((-4 - 2) / 8)


def test_psi_by_hand():
    # 100 samples of each: 60/40 found, 50/50 expected, half a sample more in every bin.
    found, expected = np.array([0.6, 0.4]), np.array([0.5, 0.5])
    index = drift.stability_index(expected, found, n_expected=100, n_found=100)
    f, e = np.array([60.5, 40.5]) / 101, np.array([0.5, 0.5])
    assert index == pytest.approx(float(((f - e) * np.log(f / e)).sum()))
    same = drift.stability_index(expected, expected, n_expected=100, n_found=100)
    assert same == 0


def test_an_empty_bin_counts_for_more_the_more_samples_say_so():
    found, expected = np.array([1.0, 0.0]), np.array([0.9, 0.1])
    few = drift.stability_index(expected, found, n_expected=20, n_found=20)
    many = drift.stability_index(expected, found, n_expected=9_000, n_found=9_000)
    assert 0 < few < 0.2
    assert many > 0.5
    with pytest.raises(InputError, match="2 expected and 3 found"):
        drift.stability_index(expected, np.ones(3) / 3, n_expected=1, n_found=1)


def test_psi_is_laid_on_quantiles_of_the_reference():
    right = np.arange(100.0)
    left = np.arange(50.0)
    found, expected = drift.in_quantiles(drift.merged(left, right))
    assert expected == pytest.approx(np.full(10, 0.1))
    assert found == pytest.approx([0.2] * 5 + [0] * 5)
    constant, whole = drift.in_quantiles(drift.merged(np.zeros(5), np.zeros(9)))
    assert constant.tolist() == whole.tolist() == [1.0]


def test_psi_of_equal_normals_is_small_and_of_a_shift_as_known():
    rng = np.random.default_rng(0)
    reference = rng.normal(size=40_000)
    same = drift.of_numbers(rng.normal(size=40_000), reference)
    assert same.psi < 0.005
    assert (same.shift, same.size) == ("small", "negligible")
    shifted = drift.of_numbers(rng.normal(0.5, 1, 40_000), reference)
    # The index of two normals a standard deviation/2 apart is 0.25 without bins.
    assert shifted.psi == pytest.approx(0.25, abs=0.03)
    # KS of a shift d is 2 Phi(d/2) - 1, and so is the rank-biserial with d / sqrt(2).
    assert shifted.distance == pytest.approx(2 * scipy_stats.norm.cdf(0.25) - 1, abs=0.01)
    assert shifted.effect == pytest.approx(2 * scipy_stats.norm.cdf(0.5 / 2**0.5) - 1, abs=0.01)
    assert shifted.low < shifted.effect < shifted.high
    assert shifted.size == "small"


@pytest.mark.parametrize("seed", range(4))
def test_chi_square_and_jensen_shannon_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    left, right = rng.integers(1, 60, 6), rng.integers(1, 60, 6)
    oracle = scipy_stats.chi2_contingency(np.stack([left, right]), correction=False)
    assert drift.chi_square(left, right) == pytest.approx((oracle.statistic, oracle.pvalue))
    assert drift.jensen_shannon(left, right) == pytest.approx(
        jensenshannon(left, right, base=2) ** 2
    )
    found = drift.of_categories(left, right)
    n, k = left.sum() + right.sum(), 6
    plain = oracle.statistic / n
    unbiased = max(plain - (k - 1) / n * (1 - plain), 0) ** 0.5
    assert found.effect == pytest.approx(unbiased)
    assert found.low <= found.effect <= found.high


def test_categories_by_hand():
    assert drift.jensen_shannon(np.array([4, 0]), np.array([0, 9])) == 1
    assert drift.jensen_shannon(np.array([2, 2]), np.array([7, 7])) == 0
    # All four cells expect 5: 4 * 3^2 / 5.
    statistic, p_value = drift.chi_square(np.array([8, 2]), np.array([2, 8]))
    assert statistic == pytest.approx(7.2)
    assert p_value == pytest.approx(scipy_stats.chi2.sf(7.2, 1))
    only = drift.of_categories(np.array([5, 0]), np.array([9, 0]))
    assert (only.effect, only.distance, only.p_value, only.psi) == (0, 0, 1, None)
    assert (only.shift, only.size) == ("", "negligible")


def test_groups_without_samples_are_refused():
    some, none = np.array([1.0]), np.array([])
    for left, right in ((none, some), (some, none), (some, np.array([np.nan]))):
        with pytest.raises(InputError):
            drift.of_numbers(left, right)
    with pytest.raises(InputError, match="positive weight"):
        drift.of_numbers(some, some, np.zeros(1), None)
    with pytest.raises(InputError, match="at least one sample"):
        drift.of_categories(np.zeros(2), np.ones(2))
    with pytest.raises(InputError, match="the same categories"):
        drift.of_categories(np.ones(3), np.ones(2))


def test_p_values_are_uniform_where_nothing_differs():
    rng = np.random.default_rng(3)
    ks, chi = [], []
    for _ in range(400):
        ks.append(drift.of_numbers(rng.normal(size=150), rng.normal(size=200)).p_value)
        codes = rng.integers(0, 4, (2, 200))
        counts = [np.bincount(row, minlength=4) for row in codes]
        chi.append(drift.of_categories(*counts).p_value)
    for found in (ks, chi):
        assert scipy_stats.kstest(found, "uniform").pvalue > 0.001


def test_intervals_of_the_effect_cover_the_truth():
    rng = np.random.default_rng(4)
    truth = 2 * scipy_stats.norm.cdf(0.4 / 2**0.5) - 1
    held = 0
    for _ in range(300):
        found = drift.of_numbers(rng.normal(0.4, 1, 80), rng.normal(size=160))
        held += found.low <= truth <= found.high
    assert 0.91 <= held / 300 <= 0.99


def test_what_chance_gives_is_no_difference():
    rng = np.random.default_rng(5)
    n = 300
    same = [np.bincount(rng.integers(0, 40, n), minlength=40) / n for _ in range(2)]
    assert np.abs(same[0] - same[1]).sum() / 2 > 0.1
    assert drift.beyond_chance(*same, n, n) < 0.03
    apart = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert drift.beyond_chance(*apart, n, n) > 0.9
    assert drift.beyond_chance(np.empty(0), np.empty(0), 0, 0) == 0


@given(VALUES, VALUES)
def test_drift_of_numbers_is_symmetric_and_bounded(left, right):
    one, other = drift.of_numbers(left, right), drift.of_numbers(right, left)
    assert one.effect == pytest.approx(-other.effect)
    assert one.distance == pytest.approx(other.distance)
    assert -1 <= one.low <= one.effect <= one.high <= 1
    # A distance D lets at most 1 - (1 - D)^2 of the pairs differ more one way than the other.
    assert abs(one.effect) <= 1 - (1 - one.distance) ** 2 + 1e-9
    assert one.psi >= 0
    turned = drift.of_numbers(np.exp(left), np.exp(right))
    assert (turned.effect, turned.distance) == pytest.approx((one.effect, one.distance))


@given(VALUES, VALUES, st.integers(1, 4))
def test_a_weight_is_as_many_samples(left, right, times):
    weighted = drift.merged(left, right, np.full(len(left), float(times)))
    repeated = drift.merged(np.repeat(left, times), right)
    assert weighted.left == pytest.approx(repeated.left)
    assert drift.rank_biserial(weighted)[0] == pytest.approx(drift.rank_biserial(repeated)[0])
    assert weighted.n_left == pytest.approx(len(left))  # equal weights are no further samples


@given(COUNTS)
def test_drift_of_categories_is_symmetric_and_bounded(counts):
    left, right = counts + 1, counts[::-1] + 1
    one, other = drift.of_categories(left, right), drift.of_categories(right, left)
    assert one.distance == pytest.approx(other.distance)
    assert one.effect == pytest.approx(other.effect)
    assert 0 <= one.distance <= 1
    assert 0 <= one.low <= one.effect <= one.high <= 1
    halves = drift.of_categories(left * 2, right * 2, n_left=left.sum(), n_right=right.sum())
    assert halves.p_value == pytest.approx(one.p_value)
