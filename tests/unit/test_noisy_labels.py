"""The true classes behind wrong labels: by hand, in what must hold, and on bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggressors.stats import noisy_labels
from aggressors.stats.noisy_labels import expected, label_noise


def test_a_class_that_occurs_nowhere_near_is_not_expected():
    judged = np.array([[0.1, 0.2, 0.7]])
    usual = np.full(3, 1 / 3)
    # Halved towards any class: (.1 + 1/3, .2 + 1/3, .7 + 1/3), times what is near.
    found = expected(judged, usual, np.array([[0.5, 0.5, 0.0]]))
    assert found == pytest.approx(np.array([[13 / 29, 16 / 29, 0.0]]))


def test_a_class_that_was_frequent_outside_is_believed_less():
    judged, local = np.array([[0.5, 0.5]]), np.array([[1.0, 1.0]])
    # .5 / (.9 + .5) and .5 / (.1 + .5) are .3 and .7 of their sum.
    found = expected(judged, np.array([0.9, 0.1]), local)
    assert found == pytest.approx(np.array([[0.4, 0.6]]))


def test_one_step_by_hand(monkeypatch):
    monkeypatch.setattr(noisy_labels, "STEPS", 1)
    likely = np.array([[0.8, 0.2], [0.6, 0.4]])
    found = label_noise(likely, np.array([0, 1]))
    # Of class 0: .8 labeled 0, .6 labeled 1, and the belief .1 * 1.4 * (.6, .4).
    of_0 = np.array([0.8 + 0.084, 0.6 + 0.056]) / 1.54
    of_1 = np.array([0.2 + 0.024, 0.4 + 0.036]) / 0.66
    assert found.flips == pytest.approx(np.array([of_0, of_1]), abs=1e-6)
    first = np.array([0.8 * of_0[0], 0.2 * of_1[0]])
    assert found.likely[0] == pytest.approx(first / first.sum(), abs=1e-6)


def test_a_flip_that_many_tell_of_is_found():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 900)
    flipped = (true == 0) & (rng.random(900) < 0.4)
    label = np.where(flipped, 1, true)
    likely = 0.15 + 0.55 * np.eye(3)[true] + 0.02 * rng.random((900, 3))
    found = label_noise(likely / likely.sum(axis=1, keepdims=True), label)
    assert found.flips[0, 1] > 4 * found.flips[0, 2]
    assert (found.likely.argmax(axis=1) == true).mean() > 0.99


@given(st.integers(1, 30), st.integers(2, 6), st.integers(0, 1000))
def test_what_comes_out_are_probabilities_and_names_do_not_matter(m, k, seed):
    rng = np.random.default_rng(seed)
    judged, local = rng.dirichlet(np.ones(k), m), rng.dirichlet(np.ones(k), m)
    usual, label = rng.dirichlet(np.ones(k)), rng.integers(0, k, m)
    prior = expected(judged, usual, local)
    found = label_noise(prior, label)
    for rows in (prior, found.likely, found.flips):
        assert np.isfinite(rows).all()
        assert (rows >= 0).all()
        assert rows.sum(axis=1) == pytest.approx(1)
    order = rng.permutation(k)
    renamed = label_noise(prior[:, order], np.argsort(order)[label])
    assert renamed.likely == pytest.approx(found.likely[:, order])


def test_shapes_that_do_not_belong_together_are_refused():
    judged = np.full((2, 3), 1 / 3)
    with pytest.raises(ValueError, match=r"usual must be \(3,\).*got \(2,\)"):
        expected(judged, np.ones(2), judged)
    with pytest.raises(ValueError, match="row of zeros"):
        expected(judged, np.ones(3), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="2 codes below 3"):
        label_noise(judged, np.array([0, 3]))
    with pytest.raises(ValueError, match="leave out unlabeled"):
        label_noise(judged, np.array([-1, 0]))
