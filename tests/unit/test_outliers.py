"""How unusual a value is, against normal values, and what it must not be taken in by."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aggressors.stats.outliers import largest_score, rarity


def score(values):
    values = np.asarray(values)
    return largest_score(values, np.full(len(values), np.nan))


def test_of_normal_values_it_is_the_z_score():
    values = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    found = score(5 + 3 * values)
    np.testing.assert_allclose(found[20:-20], np.abs(values)[20:-20], atol=0.02, rtol=0.02)
    assert found[-1] == pytest.approx(rarity(np.array([2 / 20_000]))[0])


def test_rarity_is_a_two_sided_z_score():
    np.testing.assert_allclose(rarity(np.array([0.0455003, 0.0026998, 1])), [2, 3, 0], atol=1e-5)


def test_an_even_spread_has_no_outliers_and_long_tails_have_few():
    rng = np.random.default_rng(0)
    assert score(rng.uniform(size=5_000)).max() < 1.4
    tails = score(np.exp(3 * rng.normal(size=5_000)))
    assert np.mean(tails > 3) < 0.01
    assert tails.max() < 4


def test_one_value_far_out_does_not_hide_another():
    values = np.append(np.random.default_rng(1).normal(size=1_000), [50, 1e308])
    found = score(values)
    assert np.isfinite(found).all()
    assert found[-2:].min() > 2.8
    assert np.median(found[:-2]) == pytest.approx(0.67, abs=0.1)


def test_a_rare_value_among_equal_ones_is_as_unusual_as_a_rare_category():
    values = np.zeros(1_000)
    values[:5] = 1.0
    codes = values.astype(np.int64)
    assert score(values)[0] == pytest.approx(rarity(np.array([0.01]))[0])
    assert score(codes)[0] == pytest.approx(rarity(np.array([0.005]))[0])
    assert score(values)[-1] == score(codes)[-1] == 0


def test_categories_are_unusual_by_all_that_are_as_rare():
    codes = np.repeat(np.arange(12), [900, *[10] * 10, 5])
    expected = rarity(np.array([1, 105 / 1_005, 5 / 1_005]))
    np.testing.assert_allclose(score(codes)[[0, 950, -1]], expected)
    assert score(np.arange(50)).max() == pytest.approx(0, abs=1e-9)  # each stands for itself


def test_constant_and_missing_values():
    assert score(np.full(9, 7.0)).tolist() == [0] * 9
    assert np.isnan(score(np.full(9, np.nan))).all()
    assert np.isnan(score(np.full(9, -1))).all()
    assert score(np.array([np.nan, 2.0])).tolist()[1] == 0


def test_the_larger_of_two_fields_counts():
    first, second = np.random.default_rng(2).normal(size=(2, 400))
    first[:20], second[10:30] = np.nan, np.nan
    both = largest_score(second, score(first))
    np.testing.assert_array_equal(both, np.fmax(score(first), score(second)))
    np.testing.assert_array_equal(both, largest_score(first, score(second)))
    assert np.isnan(both[10:20]).all()
