"""What holds for any input: order and scale of the samples, uniform p-values, monotone q."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

from aggressors.stats.multiple import benjamini_hochberg
from aggressors.stats.paired import LARGE, paired_difference
from aggressors.stats.severity import loss_gap, loss_gaps

p_values = npst.arrays(np.float64, st.integers(0, 40), elements=st.floats(0, 1))
losses = npst.arrays(
    np.float64, st.integers(6, 40), elements=st.floats(0, 50, allow_subnormal=False)
)


@given(p_values)
def test_q_is_monotone_in_p_and_never_below_it(p):
    q = benjamini_hochberg(p)
    assert (q >= p).all()
    assert (q <= 1).all()
    assert (np.diff(q[np.argsort(p)]) >= 0).all()


@given(p_values, st.randoms(use_true_random=False))
def test_q_does_not_depend_on_the_order(p, random):
    order = np.array(random.sample(range(len(p)), len(p)), dtype=int)
    np.testing.assert_array_equal(benjamini_hochberg(p)[order], benjamini_hochberg(p[order]))


@given(losses, st.integers(2, 4), st.randoms(use_true_random=False))
def test_gap_does_not_depend_on_the_order(loss, n_inside, random):
    member = np.arange(len(loss)) < n_inside
    order = np.array(random.sample(range(len(loss)), len(loss)))
    here, there = loss_gap(loss, member), loss_gap(loss[order], member[order])
    assert there.value == pytest.approx(here.value, abs=1e-9)
    assert there.low == pytest.approx(here.low, rel=1e-6, abs=1e-6)


@given(losses, st.floats(0.1, 10), st.floats(-5, 5))
def test_gap_scales_with_the_loss(loss, scale, shift):
    member = np.arange(len(loss)) % 3 == 0
    here, there = loss_gap(loss, member), loss_gap(loss * scale + shift, member)
    assert there.value == pytest.approx(here.value * scale, rel=1e-6, abs=1e-6)
    assert there.high - there.low == pytest.approx(
        (here.high - here.low) * scale, rel=1e-4, abs=1e-4
    )


@given(losses)
def test_swapping_inside_and_rest_flips_the_gap(loss):
    member = np.arange(len(loss)) % 3 == 0
    here, there = loss_gap(loss, member), loss_gap(loss, ~member)
    assert there.value == pytest.approx(-here.value, abs=1e-9)
    assert there.low == pytest.approx(-here.high, rel=1e-6, abs=1e-6)


@given(losses)
def test_an_interval_holds_its_value_and_lies_among_the_differences(loss):
    found = paired_difference(loss, loss[::-1])
    assert found.low <= found.value <= found.high
    if len(loss) < LARGE:
        apart = loss - loss[::-1]
        assert apart.min() - 1e-9 <= found.low
        assert found.high <= apart.max() + 1e-9


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_p_values_are_uniform_where_there_is_no_effect(share):
    rng = np.random.default_rng(11)
    loss = rng.normal(1, 0.4, 400)
    p = loss_gaps(loss, rng.random((3000, 400)) < share).p_value
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_skewed_losses_do_not_inflate_the_small_p_values():
    rng = np.random.default_rng(12)
    p = np.concatenate(
        [
            loss_gaps(rng.exponential(1, 300) ** 2, rng.random((20, 300)) < 0.1).p_value
            for _ in range(100)
        ]
    )
    assert (p < 0.05).mean() < 0.06
    assert (p < 0.001).mean() < 0.002
