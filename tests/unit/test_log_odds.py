"""Log-odds with an informative Dirichlet prior: by hand, under no effect, and what it refuses."""

import numpy as np
import pytest
from scipy.stats import norm

from aggressors.errors import InputError
from aggressors.stats.log_odds import log_odds


def test_it_equals_the_formula_by_hand():
    inside, outside = np.array([8.0, 2.0, 10.0]), np.array([2.0, 8.0, 30.0])
    found = log_odds(inside, outside, prior_share=0.1)
    # Prior of the first word: 0.1 x (8 + 2) = 1; all words 60, so the prior weighs 6.
    odds_in = (8 + 1) / (20 + 6 - 8 - 1)
    odds_out = (2 + 1) / (40 + 6 - 2 - 1)
    assert found.value[0] == pytest.approx(np.log(odds_in) - np.log(odds_out))
    assert found.z[0] == pytest.approx(found.value[0] / np.sqrt(1 / 9 + 1 / 3))
    alone = norm.sf(found.z)
    assert found.q_value.min() == pytest.approx(min(3 * alone.min(), 1))
    assert found.z[0] > 0 > found.z[1]


def test_both_sides_alike_say_nothing_and_swapping_them_turns_the_sign():
    counts = np.array([5.0, 50, 500])
    assert log_odds(counts, counts).z == pytest.approx([0, 0, 0])
    inside, outside = np.array([9.0, 40, 300]), np.array([2.0, 60, 310])
    np.testing.assert_allclose(log_odds(inside, outside).z, -log_odds(outside, inside).z)


def test_a_word_that_one_side_lacks_has_finite_odds_and_a_rare_one_needs_more():
    usual = np.full(500, 20.0)
    inside = np.concatenate([[12.0, 1.0], usual])
    outside = np.concatenate([[0.0, 0.0], 10 * usual])
    found = log_odds(inside, outside)
    assert np.isfinite(found.z).all()
    assert found.z[0] > 3 > 2 > found.z[1] > 0


@pytest.mark.parametrize(("n_inside", "n_outside"), [(30, 2_000), (300, 300), (2_000, 2_000)])
def test_no_word_is_called_where_there_is_no_difference(n_inside, n_outside):
    rng = np.random.default_rng(n_inside)
    share = 0.6 / np.arange(1, 1_501) ** 0.9  # of texts that hold each word
    trials = 20
    for_nothing = 0
    for _ in range(trials):
        inside, outside = (rng.binomial(n, share).astype(float) for n in (n_inside, n_outside))
        kept = inside + outside >= 5
        found = log_odds(inside[kept], outside[kept])
        for_nothing += bool(((found.q_value <= 0.05) & (found.z >= 2)).any())
    assert for_nothing <= 3  # of 20; at most 1 in 20 is expected, and the prior keeps it below


def test_a_planted_word_is_first():
    rng = np.random.default_rng(3)
    share = 0.6 / np.arange(1, 1_501) ** 0.9
    inside, outside = (rng.binomial(n, share).astype(float) for n in (60, 2_000))
    inside[700], outside[700] = 20, 15
    kept = np.flatnonzero(inside + outside >= 5)
    found = log_odds(inside[kept], outside[kept])
    assert kept[found.z.argmax()] == 700
    assert found.q_value[found.z.argmax()] < 1e-6


def test_without_or_with_one_word_there_is_nothing_to_compare():
    assert log_odds(np.empty(0), np.empty(0)).z.tolist() == []
    alone = log_odds(np.array([5.0]), np.array([1.0]))
    assert (alone.z.tolist(), alone.q_value.tolist()) == ([0], [1])


@pytest.mark.parametrize(
    ("inside", "outside", "prior", "says"),
    [
        ([1.0, 2.0], [1.0], 0.05, "one length"),
        ([1.0, -2.0], [1.0, 3.0], 0.05, "0 or more"),
        ([1.0, np.nan], [1.0, 3.0], 0.05, "finite"),
        ([1.0, 0.0], [1.0, 0.0], 0.05, "neither side"),
        ([1.0, 2.0], [1.0, 2.0], 0.0, "above 0"),
    ],
)
def test_what_it_refuses(inside, outside, prior, says):
    with pytest.raises(InputError, match=says):
        log_odds(np.array(inside), np.array(outside), prior_share=prior)
