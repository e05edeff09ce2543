import numpy as np
import pytest
from scipy import stats

from aggressors.errors import InputError
from aggressors.stats.multiple import benjamini_hochberg, holm, simultaneous_level
from aggressors.stats.paired import (
    LARGE,
    chance_difference,
    paired_difference,
    smallest_detectable,
)


def test_benjamini_hochberg_by_hand_and_scipy():
    p = np.array([0.04, 0.01, 0.03, 0.5])
    # sorted .01 .03 .04 .5 -> .04 .06 .0533 .5 -> from the right .04 .0533 .0533 .5
    assert benjamini_hochberg(p) == pytest.approx([0.16 / 3, 0.04, 0.16 / 3, 0.5])
    many = np.random.default_rng(0).random(200) ** 3
    assert benjamini_hochberg(many) == pytest.approx(stats.false_discovery_control(many))
    assert benjamini_hochberg(np.array([])).shape == (0,)


def test_p_values_are_checked():
    with pytest.raises(InputError, match="must lie in"):
        benjamini_hochberg(np.array([0.1, np.nan]))


def test_simultaneous_level():
    assert simultaneous_level(0.95, 1) == pytest.approx(0.95)
    assert simultaneous_level(0.95, 5) == pytest.approx(0.99)
    with pytest.raises(InputError, match="'n_tests' must be at least 1"):
        simultaneous_level(0.95, 0)


def test_paired_difference_close_to_t_for_normal_differences():
    rng = np.random.default_rng(4)
    reference = rng.exponential(1, 200)
    value = reference + rng.normal(0.1, 0.3, 200)
    found = paired_difference(value, reference)
    exact = stats.ttest_rel(value, reference).confidence_interval(0.95)
    width = exact.high - exact.low
    assert found.value == pytest.approx((value - reference).mean())
    assert found.low == pytest.approx(exact.low, abs=0.06 * width)
    assert found.high == pytest.approx(exact.high, abs=0.06 * width)


def test_paired_difference_covers_as_promised_for_few_samples():
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        found = paired_difference(rng.normal(0, 1, 12), np.zeros(12))
        covered += found.low <= 0 <= found.high
    assert 181 <= covered <= 199  # 95 % of 200, 3 standard errors


def test_the_order_of_the_samples_does_not_matter():
    rng = np.random.default_rng(6)
    value, reference, order = rng.random(30), rng.random(30), rng.permutation(30)
    assert paired_difference(value[order], reference[order]) == paired_difference(value, reference)


def test_equal_models_do_not_differ():
    loss = np.random.default_rng(8).random(40)
    found = paired_difference(loss, loss)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_large_samples_go_on_where_smaller_ones_end():
    rng = np.random.default_rng(9)
    value = rng.exponential(1, LARGE)
    exact = paired_difference(value, np.zeros(LARGE))
    smaller = paired_difference(value[:-1], np.zeros(LARGE - 1))
    width = exact.high - exact.low
    assert exact.high - exact.low == pytest.approx(smaller.high - smaller.low, rel=0.06)
    assert exact.low == pytest.approx(smaller.low, abs=0.06 * width)


def test_pairs_must_match():
    with pytest.raises(InputError, match="'value' has 3 samples but 'reference' has 2"):
        paired_difference(np.zeros(3), np.zeros(2))


def test_smallest_detectable_has_the_stated_power():
    n, sd = 100, 2.0
    size = smallest_detectable(n, sd)
    assert size == pytest.approx((1.959964 + 0.841621) * 0.2, rel=1e-5)
    noise = np.random.default_rng(10).normal(size, sd / n**0.5, 20_000)
    assert (noise > 1.959964 * sd / n**0.5).mean() == pytest.approx(0.8, abs=0.01)


def test_smallest_detectable_shrinks_with_n_and_grows_with_tests():
    assert smallest_detectable(400, 1) == pytest.approx(smallest_detectable(100, 1) / 2)
    assert smallest_detectable(100, 1, n_tests=10) > smallest_detectable(100, 1)
    assert smallest_detectable(100, 1, n_rest=100) > smallest_detectable(100, 1)
    assert smallest_detectable(1, 1) == float("inf")


def test_holm_equals_the_hand_computed_steps_and_bounds_benjamini_hochberg():
    p = np.array([0.03, 0.01, 0.04, 0.005])
    assert holm(p) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert (holm(p) >= benjamini_hochberg(p)).all()
    assert len(holm(np.array([]))) == 0
    with pytest.raises(InputError):
        holm(np.array([0.5, np.nan]))


def test_holm_calls_any_false_test_in_at_most_one_of_twenty_families():
    rng = np.random.default_rng(3)
    p = np.concatenate([np.full((4_000, 5), 1e-9), rng.random((4_000, 15))], axis=1)
    called = [(holm(each)[5:] <= 0.05).any() for each in p]
    assert np.mean(called) < 0.06


@pytest.mark.parametrize("n_tests", [1, 10])
def test_chance_exceeds_its_bound_in_one_check_of_twenty(n_tests):
    """Losses with a long tail, 40 samples a test, two models that differ by lot alone.

    600 checks at 5 % give at most 41 with probability 0.98, and at least 18.
    """
    rng = np.random.default_rng(11)
    exceeded = 0
    for _ in range(600):
        pair = rng.lognormal(-1, 1.5, (n_tests, 40, 2))
        exceeded += any(
            one[:, 0].mean() - one[:, 1].mean()
            > chance_difference(one[:, 0], one[:, 1], n_tests=n_tests)
            for one in pair
        )
    assert 18 <= exceeded <= 41


def test_chance_of_many_samples_goes_on_where_the_normal_law_takes_over():
    rng = np.random.default_rng(12)
    value = rng.exponential(1, LARGE)
    few, many = (chance_difference(value[:n], np.ones(n), n_tests=20) for n in (LARGE - 1, LARGE))
    assert many == pytest.approx(few, rel=0.01)


def test_chance_of_unequal_lengths_is_an_error():
    with pytest.raises(InputError, match="3 samples but 'reference' has 2"):
        chance_difference(np.zeros(3), np.zeros(2))
