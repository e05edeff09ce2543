"""How sure against how often right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from aggressors.errors import InputError
from aggressors.stats.calibration import calibration

SURE = st.lists(st.integers(0, 10).map(lambda one: one / 10), min_size=1, max_size=60)


def test_by_hand():
    # Two bins: (0.2, 0.4) with one of two right, (0.6, 0.8) with both right.
    found = calibration(np.array([0.2, 0.4, 0.6, 0.8]), np.array([True, False, True, True]), bins=2)
    assert found.n.tolist() == [2, 2]
    assert found.start.tolist() == [0.2, 0.6]
    assert found.end.tolist() == [0.6, 0.8]
    assert found.confidence == pytest.approx([0.3, 0.7])
    assert found.accuracy.tolist() == [0.5, 1.0]
    assert found.error == pytest.approx((0.2 + 0.3) / 2)
    assert (found.mean_confidence, found.mean_accuracy) == pytest.approx((0.5, 0.75))


def test_intervals_are_wilsons():
    rng = np.random.default_rng(0)
    right = rng.random(90) < 0.8
    found = calibration(np.full(90, 0.8), right)
    oracle = binomtest(int(right.sum()), 90).proportion_ci(method="wilson")
    assert (found.low[0], found.high[0]) == pytest.approx((oracle.low, oracle.high))


def test_a_calibrated_model_has_the_error_that_chance_gives():
    rng = np.random.default_rng(1)
    errors, expected = [], []
    for _ in range(60):
        sure = rng.uniform(0.5, 1, 1_500)
        found = calibration(sure, rng.random(1_500) < sure)
        errors.append(found.error)
        expected.append(found.by_chance)
    assert np.mean(errors) == pytest.approx(np.mean(expected), rel=0.08)
    boastful = calibration(sure, rng.random(1_500) < sure - 0.2)
    assert boastful.error == pytest.approx(0.2, abs=0.04)
    assert boastful.error > 3 * boastful.by_chance


def test_bins_hold_equally_many():
    sure = np.random.default_rng(2).beta(8, 1, 6_000)
    found = calibration(sure, sure > 0.5)
    assert found.n.tolist() == [400] * 15


def test_weights_weigh_means_and_not_counts():
    sure, right = np.array([0.5, 0.9]), np.array([False, True])
    found = calibration(sure, right, np.array([1.0, 3.0]), bins=1)
    assert found.n.tolist() == [2]
    assert found.accuracy[0] == 0.75
    assert found.confidence[0] == pytest.approx(0.8)


def test_bad_input_is_refused():
    for sure, right in (([], []), ([0.5], [True, False]), ([1.2], [True]), ([np.nan], [True])):
        with pytest.raises(InputError):
            calibration(np.array(sure), np.array(right, dtype=bool))


@given(SURE, st.integers(1, 20), st.randoms(use_true_random=False))
def test_bins_part_the_samples(sure, bins, random):
    sure = np.array(sure)
    right = np.array([random.random() < 0.5 for _ in sure])
    found = calibration(sure, right, bins=bins)
    assert found.n.sum() == len(sure)
    assert (found.n > 0).all()
    assert len(found.n) <= bins
    assert found.end[:-1].tolist() == found.start[1:].tolist()
    for place, (start, end) in enumerate(zip(found.start, found.end, strict=True)):
        last = place == len(found.n) - 1
        inside = (sure >= start) & ((sure <= end) if last else (sure < end))
        assert found.n[place] == inside.sum()
        assert found.accuracy[place] == pytest.approx(right[inside].mean())
    assert 0 <= found.error <= 1
    assert ((found.low <= found.accuracy + 1e-9) & (found.accuracy <= found.high + 1e-9)).all()
