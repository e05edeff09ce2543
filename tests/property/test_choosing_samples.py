"""Orders of samples, and beliefs about them, for any positions and chances."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aggressors.stats.beliefs import beliefs, mixed, tilted
from aggressors.stats.density import chances
from aggressors.stats.spreading import depth_held, spread

COUNTS = st.integers(2, 40)
SHARES = st.floats(0, 1)


@st.composite
def samples(draw):
    """(n,) chances, falling, and (n, 3) positions."""
    n = draw(COUNTS)
    chance = np.sort(draw(arrays(np.float64, n, elements=SHARES)))[::-1]
    z = draw(arrays(np.float32, (n, 3), elements=st.floats(-5, 5, width=32)))
    return chance, z


@given(samples(), st.integers(1, 50), SHARES, st.booleans())
def test_every_row_is_taken_once_and_from_within_reach(given_, count, variety, even):
    chance, z = given_
    kind = np.arange(len(z)) % 3 if even else None
    order, gain = spread(z, chance, count, variety=variety, reach=1 + variety, kind=kind)
    assert len(order) == len(set(order.tolist())) == min(count, len(z))
    assert np.isfinite(gain).all()
    if not even:
        assert (order < np.ceil((1 + variety) * np.arange(1, len(order) + 1))).all()


@given(samples(), st.integers(1, 50))
def test_without_variety_the_order_is_that_of_worth(given_, count):
    chance, z = given_
    order, _ = spread(z, chance, count, variety=0)
    assert (chance[order] == chance[: len(order)]).all()


@given(samples(), st.integers(1, 50))
def test_kinds_are_taken_in_turn(given_, count):
    chance, z = given_
    kind = np.arange(len(z)) % 2
    order, _ = spread(z, chance, min(count, len(z) // 2 * 2), variety=0.5, kind=kind)
    taken = np.bincount(kind[order], minlength=2)
    assert abs(taken[0] - taken[1]) <= 1


@given(samples(), st.integers(1, 40), SHARES)
def test_variety_gives_up_no_more_than_a_tenth(given_, count, variety):
    chance, _ = given_
    count = min(count, len(chance))
    depth = depth_held(chance, count, variety)
    assert count <= depth <= len(chance)
    assert chance[:depth].mean() >= (1 - 0.1 * variety) * chance[:count].mean() - 1e-9


@given(samples(), st.data())
def test_beliefs_are_chances_and_answers_stand(given_, data):
    chance, z = given_
    n = len(chance)
    k = data.draw(st.integers(0, n))
    seen = np.sort(np.random.default_rng(0).permutation(n)[:k])
    truth = data.draw(arrays(np.bool_, k))
    found = beliefs(chance, z, seen, truth, doubt=1.0)
    assert ((found.chance >= 0) & (found.chance <= 1)).all()
    assert (found.chance[seen] == truth).all()
    share = found.share(np.arange(n), seed=0)
    assert 0 <= share.low <= share.expected <= share.high <= 1
    known = truth.sum() / n
    assert known - 1e-9 <= share.expected <= known + (n - k) / n + 1e-9
    if k == 0:
        assert abs(share.expected - np.clip(chance, 0.02, 0.98).mean()) < 0.1


@given(samples(), st.integers(0, 39), st.booleans())
def test_one_answer_moves_no_other_against_it(given_, place, hit):
    chance, z = given_
    place = min(place, len(chance) - 1)
    nothing = beliefs(chance, z, np.arange(0), np.zeros(0, bool), doubt=1.0)
    found = beliefs(chance, z, np.array([place]), np.array([hit]), doubt=1.0)
    moved = found.mean - nothing.mean
    assert (moved >= -1e-9).all() if hit else (moved <= 1e-9).all()


@given(samples(), st.integers(0, 39))
def test_an_example_raises_itself_most_and_its_opposite_lowers_it(given_, place):
    chance, z = given_
    place = min(place, len(chance) - 1)
    one, none = np.array([place]), np.arange(0)
    more, less = tilted(chance, z, one, none), tilted(chance, z, none, one)
    flat = np.full(len(chance), 0.5)
    assert tilted(flat, z, one, none)[place] == tilted(flat, z, one, none).max()
    assert more[place] >= np.clip(chance[place], 0.02, 0.98) - 1e-9
    assert less[place] <= np.clip(chance[place], 0.02, 0.98) + 1e-9
    assert (tilted(chance, z, none, none) == chance).all()


@given(
    arrays(np.float64, st.integers(1, 30), elements=st.floats(-5, 5)),
    arrays(np.float64, st.integers(1, 30), elements=st.floats(-5, 5)),
    arrays(np.float64, st.integers(1, 30), elements=st.floats(-5, 5)),
)
@example(np.array([0.0, 1e-158]), np.array([0.0]), np.array([1.0]))
def test_chance_never_falls_with_the_score(members, others, pool):
    chance = chances(members, others, pool, np.linspace(-6, 6, 50))
    assert ((chance >= 0) & (chance <= 1)).all()
    assert (np.diff(chance) >= -1e-12).all()


def test_a_group_of_which_few_fail_may_be_mixed():
    assert [mixed(share) for share in (1.0, 0.45, 0.44, 0.0)] == [False, False, True, True]
    assert not mixed(float("nan"))


def test_a_pilot_measures_a_queue():
    """All were thought sure; of 20 answers 6 are hits: the 80 left are expected to be like them."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(100, 32))
    seen = np.arange(0, 100, 5)
    truth = np.arange(20) % 10 < 3
    found = beliefs(np.full(100, 0.97), z, seen, truth, doubt=2.5)
    share = found.share(np.arange(100), seed=0)
    assert 0.1 < share.low < 0.3 < share.high < 0.6
    assert abs(share.expected - 0.35) < 0.1


def test_many_sure_answers_do_not_overshoot():
    """Whole Newton steps from log odds of 6 jump back and forth; the mode does not."""
    z = np.random.default_rng(1).normal(size=(40, 4))
    seen = np.arange(20)
    found = beliefs(np.full(40, 0.999), z, seen, np.zeros(20, bool), doubt=2.5)
    assert (found.chance[20:] < 0.3).all()
