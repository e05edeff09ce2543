"""A claim dealt out anew within strata: against scipy, under chance, and where nothing can move."""

import numpy as np
import pytest
from scipy.stats import permutation_test

from aggressors.stats.reshuffle import Reshuffled, reshuffle, shuffled

ONE = np.zeros(60, dtype=np.int64)


def dealt(signal, claim, stratum, **how) -> Reshuffled | None:
    return reshuffle(shuffled(signal, stratum, **how), claim)


def test_in_one_stratum_it_is_the_test_of_scipy():
    rng = np.random.default_rng(1)
    signal, claim = rng.exponential(size=60), np.arange(60) < 20
    signal[claim] += 0.7
    found = dealt(signal, claim, ONE, seed=3, times=9_999)
    oracle = permutation_test(
        (signal[claim], signal[~claim]),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        vectorized=True,
        alternative="greater",
        n_resamples=9_999,
        rng=np.random.default_rng(4),
    )
    assert 0.01 < found.p_value < 0.2
    assert found.p_value == pytest.approx(oracle.pvalue, abs=0.01)


def test_all_deals_of_a_few_samples_by_hand():
    # Of the 6 ways to deal 2 of 4, only the observed one sums to 7: p is near 1 in 6.
    found = dealt(
        np.array([1.0, 2, 3, 4]), np.array([0, 0, 1, 1], dtype=bool), ONE[:4], seed=0, times=9_999
    )
    assert found.p_value == pytest.approx(1 / 6, abs=0.015)


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_where_only_the_stratum_matters_p_is_uniform(share):
    p = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        stratum = rng.integers(0, 3, 400)
        signal = rng.exponential(size=400) + 3 * stratum
        claim = rng.random(400) < np.where(stratum == 2, share, 0.3)
        p.append(dealt(signal, claim, stratum, seed=seed, times=199).p_value)
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.045)
    assert np.mean(p) == pytest.approx(0.5, abs=0.07)


def test_a_strong_claim_reaches_the_least_that_the_times_can_show():
    rng = np.random.default_rng(5)
    claim = rng.random(30_000) < 0.1
    signal = rng.exponential(size=30_000) + 2 * claim
    found = dealt(signal, claim, rng.integers(0, 10, 30_000), seed=1)
    assert (found.n, found.of, found.times) == (10_000, 30_000, 999)
    assert found.p_value == pytest.approx(1 / 1_000)


def test_equal_values_are_no_evidence():
    found = dealt(np.full(60, 0.1), np.arange(60) < 20, ONE, seed=0)
    assert found.p_value == 1


def test_the_same_question_has_the_same_answer():
    rng = np.random.default_rng(6)
    signal, claim = rng.random(60), rng.random(60) < 0.5
    assert dealt(signal, claim, ONE, seed=2) == dealt(signal, claim, ONE, seed=2)


def test_nothing_can_change_places_where_the_claim_is_the_stratum():
    assert dealt(np.arange(60.0), ONE == 0, ONE, seed=0) is None
    label = np.arange(60) // 30
    assert dealt(np.arange(60.0), label == 1, label, seed=0) is None


def test_the_same_decks_serve_every_claim():
    rng = np.random.default_rng(7)
    signal, stratum = rng.random(60), rng.integers(0, 3, 60)
    decks = shuffled(signal, stratum, seed=9)
    for share in (0.1, 0.5, 0.9):
        claim = rng.random(60) < share
        assert reshuffle(decks, claim) == dealt(signal, claim, stratum, seed=9)
    assert decks.nbytes > 60 * 999 * 4
