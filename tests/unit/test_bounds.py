"""Intervals of what the diagnosis measures."""

import numpy as np
import pytest
from scipy import stats

from aggressors.stats.bounds import (
    difference_bounds,
    entropy_bounds,
    ratio_bounds,
    share_bounds,
    shortcut_bounds,
)
from aggressors.stats.evidence import entropy, shortcut


def test_share_is_wilsons():
    what = np.repeat([True, False], [8, 32])
    wanted = stats.binomtest(8, 40).proportion_ci(0.95, method="wilson")
    assert share_bounds(what) == pytest.approx((wanted.low, wanted.high))
    assert share_bounds(np.zeros(0, dtype=bool)) is None


def test_difference_is_welchs():
    rng = np.random.default_rng(0)
    one, other = rng.normal(1, 1, 30), rng.normal(0, 3, 50)
    wanted = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    assert difference_bounds(one, other) == pytest.approx((wanted.low, wanted.high))
    assert difference_bounds(one[:1], other) is None
    assert difference_bounds(np.ones(3), np.zeros(3)) == (1.0, 1.0)


def test_intervals_cover_as_often_as_they_say():
    rng = np.random.default_rng(1)
    covered = {"ratio": 0, "entropy": 0, "shortcut": 0}
    typical, others = np.zeros(500, dtype=np.int64), np.ones(500, dtype=np.int64)
    for _ in range(300):
        low, high = ratio_bounds(rng.gamma(4, 0.5, 80), rng.gamma(4, 1, 200))
        covered["ratio"] += low <= 0.5 <= high
        codes = rng.choice(3, 200, p=[0.5, 0.3, 0.2])
        low, high = entropy_bounds(codes, 3)
        assert low <= entropy(codes, 3) <= high
        covered["entropy"] += low <= -sum(p * np.log(p) for p in (0.5, 0.3, 0.2)) <= high
        inside = (rng.random(100) < 0.8).astype(np.int64)
        low, high = shortcut_bounds(typical, others, inside, 2)
        assert low <= shortcut(typical, others, inside, 2) <= high
        covered["shortcut"] += low <= 0.6 <= high  # .8 of the way to the others, less .2
    assert min(covered.values()) >= 0.9 * 300


def test_a_ratio_without_a_size_has_no_interval():
    assert ratio_bounds(np.zeros(5), np.ones(5)) is None
    assert ratio_bounds(np.ones(1), np.ones(5)) is None
    assert entropy_bounds(np.array([-1, -1]), 3) is None
