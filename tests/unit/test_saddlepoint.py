"""Bounds of a resampled mean beside what resampling finds."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from aggressors.stats.saddlepoint import _root, bootstrap_bounds, swapped_bound

RNG = np.random.default_rng(31)


def resampled(value, tail, draws):
    rng = np.random.default_rng(5)
    means = np.concatenate(
        [value[rng.integers(0, len(value), (1_000, len(value)))].mean(axis=1)
         for _ in range(draws // 1_000)]
    )  # fmt: skip
    return np.quantile(means, [tail, 1 - tail])


@pytest.mark.parametrize("tail", [0.025, 0.0025])
@pytest.mark.parametrize(
    "value",
    [RNG.normal(0.2, 1, 150), RNG.exponential(1, 20), RNG.lognormal(0, 1.5, 200)],
    ids=["normal", "few and skewed", "long tail"],
)
def test_bounds_are_those_of_resampling(value, tail):
    low, high = bootstrap_bounds(value, tail)
    least, most = resampled(value, tail, 40_000)
    # a third of the long tail's spread is one value, drawn twice or not
    assert low == pytest.approx(least, abs=0.03 * (most - least))
    assert high == pytest.approx(most, abs=0.03 * (most - least))


def test_bounds_of_answers_that_are_right_or_wrong_are_within_half_a_step_of_a_binomial():
    change = np.repeat([1.0, 0.0], [30, 170])
    low, high = bootstrap_bounds(change, 0.025)
    exact = stats.binom(200, 0.15)
    assert low * 200 == pytest.approx(exact.ppf(0.025), abs=0.5)
    assert high * 200 == pytest.approx(exact.ppf(0.975), abs=0.5)


def test_a_bound_that_no_mean_of_draws_reaches_is_the_extreme_value():
    # all twelve draws hit the one in twelve once in 12 ** 12 = 9e12
    value = np.append(np.zeros(11), 1.0)
    low, high = bootstrap_bounds(value, 1e-15)
    assert (low, high) == (pytest.approx(0, abs=1e-12), pytest.approx(1))


def test_bounds_turn_with_the_sign_and_move_with_the_unit():
    value = RNG.exponential(1, 60)
    low, high = bootstrap_bounds(value, 0.01)
    assert bootstrap_bounds(-value, 0.01) == pytest.approx((-high, -low))
    assert bootstrap_bounds(1e-6 * value + 5, 0.01) == pytest.approx(
        (1e-6 * low + 5, 1e-6 * high + 5)
    )


def test_equal_values_leave_no_doubt():
    assert bootstrap_bounds(np.full(20, 0.3), 0.025) == (pytest.approx(0.3), pytest.approx(0.3))


def test_bounds_widen_as_the_tail_gets_thinner():
    value = RNG.lognormal(0, 1, 80)
    found = [bootstrap_bounds(value, tail) for tail in (0.1, 0.025, 1e-3, 1e-5, 1e-8)]
    lows, highs = zip(*found, strict=True)
    assert list(lows) == sorted(lows, reverse=True)
    assert list(highs) == sorted(highs)


def test_signs_by_lot_agree_with_drawing_them():
    difference = RNG.exponential(1, 60) - 0.7
    drawn = np.where(RNG.random((400_000, 60)) < 0.5, 1, -1) @ difference / 60
    for tail in (0.05, 0.01, 1e-3):
        assert swapped_bound(difference, tail) == pytest.approx(
            np.quantile(drawn, 1 - tail), rel=0.03
        )


@pytest.mark.parametrize("tail", [0.05, 1e-3])
@pytest.mark.parametrize("changed", [1, 5, 9, 40])
def test_answers_that_changed_are_exactly_binomial(changed, tail):
    change = np.repeat([1.0, 0.0], [changed, 160])
    most = swapped_bound(change, tail) * len(change)
    assert stats.binom(changed, 0.5).sf((most + changed) / 2) <= tail
    if most > -changed + 2:
        assert stats.binom(changed, 0.5).sf((most + changed) / 2 - 1) > tail


def test_signs_do_not_matter_to_what_lot_makes_of_them():
    difference = RNG.normal(0.3, 1, 50)
    found = swapped_bound(difference, 0.01)
    assert found == swapped_bound(np.abs(difference), 0.01)
    assert swapped_bound(1e-6 * difference, 0.01) == pytest.approx(1e-6 * found)


def test_what_no_lot_exceeds_is_all_to_one_side():
    # five to one side: one in 32, and nothing is rarer than that
    assert swapped_bound(np.ones(5), 1e-4) == pytest.approx(1)
    assert swapped_bound(np.zeros(20), 0.05) == 0


def root(function, low, high):
    return _root(function, (low, function(low)), (high, function(high)))


@pytest.mark.parametrize(
    "function",
    [
        lambda at: at - 0.3,
        lambda at: at**9 - 1e-4,
        lambda at: math.log(at) if at > 0.2 else -math.inf,
        lambda at: math.tanh(40 * (at - 0.9)) if at < 1 else 1.0,
    ],
)
def test_a_root_is_where_the_library_finds_it(function):
    wanted = brentq(lambda at: max(function(at), -9.0), 0.01, 1.5)
    assert root(function, 0.01, 1.5) == pytest.approx(wanted, rel=1e-4)


def test_where_both_ends_are_the_root_it_is_that():
    assert root(lambda at: at - 0.3, 0.3, 0.3) == 0.3
