"""The mean change inside a group against 0: by scipy, by hand, and where nothing can be said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aggressors.errors import InputError
from aggressors.stats.worsening import mean_changes

RNG = np.random.default_rng(5)


def test_it_is_students_test_of_the_members():
    change, members = RNG.normal(0.2, 1, 60), RNG.random((4, 60)) < 0.4
    found = mean_changes(change, members, level=0.9)
    for place, member in enumerate(members):
        known = stats.ttest_1samp(change[member], 0, alternative="greater")
        both = stats.ttest_1samp(change[member], 0).confidence_interval(0.9)
        assert found.n[place] == member.sum()
        assert found.value[place] == pytest.approx(change[member].mean())
        assert found.p_value[place] == pytest.approx(known.pvalue)
        assert (found.low[place], found.high[place]) == pytest.approx((both.low, both.high))


def test_equal_weights_change_nothing_and_a_weight_of_two_is_no_second_sample():
    change, member = np.array([1.0, 2.0, 4.0, 9.0]), np.array([[True, True, True, False]])
    plain, equal = (mean_changes(change, member, weight=w) for w in (None, np.full(4, 3.0)))
    assert equal.value == pytest.approx(plain.value)
    assert equal.low == pytest.approx(plain.low)
    heavy = mean_changes(change, member, weight=np.array([2.0, 1.0, 1.0, 1.0]))
    assert heavy.value[0] == pytest.approx((2 * 1 + 2 + 4) / 4)
    assert heavy.high[0] - heavy.low[0] > plain.high[0] - plain.low[0]


def test_samples_that_belong_together_are_one_observation():
    each = RNG.normal(0.5, 1, 20)
    change, group = np.repeat(each, 5), np.repeat(np.arange(20), 5)
    found = mean_changes(change, np.ones((1, 100), bool), group=group)
    alone = stats.ttest_1samp(each, 0, alternative="greater")
    assert found.p_value[0] == pytest.approx(alone.pvalue)
    assert found.p_value[0] > mean_changes(change, np.ones((1, 100), bool)).p_value[0]


def test_what_cannot_be_said_is_nan_with_a_p_value_of_one():
    change = np.array([1.0, 2.0, 3.0])
    members = np.array([[False] * 3, [True, False, False]])
    found = mean_changes(change, members)
    assert np.isnan(found.value).all()
    assert found.p_value.tolist() == [1, 1]
    one_group = mean_changes(change, np.ones((1, 3), bool), group=np.zeros(3, dtype=np.int64))
    assert np.isnan(one_group.value[0])
    assert one_group.p_value[0] == 1


def test_an_equal_change_is_certain_and_none_says_nothing():
    for change, p_value in ((0.5, 0.0), (0.0, 1.0), (-0.5, 1.0)):
        found = mean_changes(np.full(5, change), np.ones((1, 5), bool))
        assert found.p_value[0] == p_value
        assert found.low[0] == found.high[0] == change


def test_a_change_must_be_finite():
    with pytest.raises(InputError, match="finite"):
        mean_changes(np.array([1.0, np.nan]), np.ones((1, 2), bool))


@given(st.integers(0, 2**32 - 1), st.integers(3, 30))
def test_the_order_of_the_samples_does_not_matter(seed, n):
    rng = np.random.default_rng(seed)
    change, member, order = rng.normal(size=n), rng.random((2, n)) < 0.7, rng.permutation(n)
    one, two = mean_changes(change, member), mean_changes(change[order], member[:, order])
    np.testing.assert_allclose(one.p_value, two.p_value, rtol=1e-9)
    np.testing.assert_allclose(one.low, two.low, rtol=1e-9, atol=1e-12)
