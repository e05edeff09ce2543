"""Numbers of heatmaps, against values worked out by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats

from aggressors.errors import InputError
from aggressors.stats.attention import (
    EVEN_BORDER,
    averaged_down,
    border_share,
    concentration,
    difference_of,
    distance,
    mean_of,
    shares,
)

MAPS = arrays(
    np.float64,
    array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=12),
    elements=st.floats(0.01, 1e3),
)


def test_shares_of_a_map_and_of_an_empty_one():
    found = shares(np.array([[[1.0, 3.0]], [[0.0, 0.0]]]))
    assert found[0].tolist() == [[0.25, 0.75]]
    assert np.isnan(found[1]).all()


def test_concentration_counts_the_tenth_cell_in_part():
    share = np.zeros((3, 4, 4))  # a tenth of 16 cells is 1.6
    share[0, 1, 1] = 1
    share[1, 0, :2] = 0.5
    share[2] = 1 / 16
    np.testing.assert_allclose(concentration(share), [1, 0.5 + 0.6 * 0.5, 0.1])


def test_border_of_grids_of_any_size():
    share = np.zeros((3, 8, 8))  # an eighth of the side is one cell
    share[0, 0, 5] = 1
    share[1, 4, 4] = 1
    share[2] = 1 / 64
    np.testing.assert_allclose(border_share(share), [1, 0, 28 / 64])
    corner = np.zeros((1, 4, 2))  # the border takes half of a row, and a quarter of a column
    corner[0, 0, 0] = 1
    np.testing.assert_allclose(border_share(corner), [1 - 0.5 * 0.75])


@given(MAPS)
def test_an_even_map_has_the_same_numbers_on_every_grid(maps):
    even = shares(np.ones_like(maps))
    np.testing.assert_allclose(concentration(even), 0.1)
    np.testing.assert_allclose(border_share(even), EVEN_BORDER)


@given(MAPS, st.floats(0.1, 10))
def test_numbers_are_shares_and_know_neither_scale_nor_mirror(maps, factor):
    share = shares(maps)
    np.testing.assert_allclose(share.sum(axis=(1, 2)), 1)
    for measure in (concentration, border_share):
        value = measure(share)
        assert ((value > 0) & (value < 1 + 1e-9)).all()
        np.testing.assert_allclose(measure(shares(factor * maps)), value)
        np.testing.assert_allclose(measure(share[:, ::-1, ::-1]), value)
    assert (concentration(share) >= 0.1 - 1e-9).all()


def test_distance_is_the_share_that_must_move():
    one = np.array([[[1.0, 0, 0]], [[0.5, 0.5, 0]], [[0.2, 0.3, 0.5]]])
    other = np.array([[[0, 0, 1.0]], [[0.25, 0.5, 0.25]], [[0.2, 0.3, 0.5]]])
    np.testing.assert_allclose(distance(one, other), [1, 0.25, 0])


@given(MAPS, st.integers(1, 14))
def test_averaging_down_keeps_the_mean_and_the_bound(maps, most):
    small = averaged_down(maps, most)
    assert max(small.shape[1:]) <= max(most, 1)
    np.testing.assert_allclose(small.mean(axis=(1, 2)), maps.mean(axis=(1, 2)))
    assert small.min() >= maps.min() - 1e-9
    assert small.max() <= maps.max() + 1e-9


def test_averaging_down_by_hand():
    maps = np.arange(16.0).reshape(1, 4, 4)
    assert averaged_down(maps, 2)[0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert averaged_down(np.array([[[0.0, 3.0, 6.0]]]), 2)[0].tolist() == [[1.0, 5.0]]
    assert averaged_down(maps, 4) is maps


def test_mean_has_students_interval(rng):
    value = rng.gamma(2, size=40)
    found = mean_of(value, level=0.9)
    expected = stats.t.interval(0.9, 39, value.mean(), stats.sem(value))
    np.testing.assert_allclose((found.value, found.low, found.high), (value.mean(), *expected))


def test_alike_samples_of_a_group_widen_the_interval(rng):
    value, group = np.repeat(rng.normal(size=20), 10), np.repeat(np.arange(20), 10)
    alone = mean_of(value[::10])
    grouped = mean_of(value, group)
    np.testing.assert_allclose((grouped.low, grouped.high), (alone.low, alone.high))
    assert grouped.high - grouped.low > 2 * (mean_of(value).high - mean_of(value).low)


def test_difference_is_welchs(rng):
    inside, reference = rng.normal(1, 1, 30), rng.normal(0, 3, 50)
    found = difference_of(inside, reference)
    expected = stats.ttest_ind(inside, reference, equal_var=False).confidence_interval(0.95)
    np.testing.assert_allclose((found.low, found.high), expected)
    assert found.value == pytest.approx(inside.mean() - reference.mean())


def test_too_few_values():
    assert difference_of(np.ones(1), np.arange(5.0)) is None
    groups = (np.zeros(3, int), np.arange(1, 6))
    assert difference_of(np.arange(3.0), np.arange(5.0), groups) is None
    with pytest.raises(InputError, match="at least 2 values; got 1"):
        mean_of(np.ones(1))
    with pytest.raises(InputError, match="at least 2 groups; got 1"):
        mean_of(np.ones(4), np.zeros(4, int))
    with pytest.raises(InputError, match="must be finite"):
        mean_of(np.array([1.0, np.nan]))


@pytest.fixture
def rng():
    return np.random.default_rng(5)
