"""How many of each label are drawn, by hand and for any counts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggressors.stats.matching import matched_counts

COUNTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 400)), min_size=1, max_size=6).map(
    lambda pairs: tuple(np.array(pairs).T)
)


def test_the_scarcest_label_decides_how_many_are_drawn():
    wanted, there = np.array([30, 10, 0]), np.array([90, 20, 500])
    assert matched_counts(wanted, there, 1_000).tolist() == [60, 20, 0]
    assert matched_counts(wanted, there, 40).tolist() == [30, 10, 0]
    assert matched_counts(wanted, there, 20).tolist() == [15, 5, 0]


def test_a_label_that_few_of_those_wanted_have_may_fall_short():
    wanted = np.array([90, 10])
    assert matched_counts(wanted, np.array([900, 0]), 1_000).tolist() == [900, 0]
    assert matched_counts(wanted, np.array([900, 3]), 1_000).tolist() == [900, 3]
    assert matched_counts(np.array([80, 20]), np.array([900, 3]), 1_000).tolist() == [12, 3]


def test_nothing_is_drawn_where_more_than_a_tenth_have_a_label_that_no_other_has():
    assert matched_counts(np.array([89, 11]), np.array([900, 0]), 1_000).tolist() == [0, 0]
    assert matched_counts(np.array([90, 10]), np.array([900, 0]), 1_000).tolist() == [900, 0]


def test_nothing_wanted_and_nothing_there():
    assert matched_counts(np.zeros(3, int), np.array([5, 5, 5]), 10).tolist() == [0, 0, 0]
    assert matched_counts(np.array([4, 4]), np.zeros(2, int), 10).tolist() == [0, 0]


def test_rounding_takes_nothing_away():
    assert matched_counts(np.array([30, 70]), np.array([30, 70]), 10).tolist() == [3, 7]


@given(COUNTS, st.integers(1, 300))
def test_shares_are_kept_within_what_there_is(counts, most):
    wanted, there = counts
    drawn = matched_counts(wanted, there, most)
    assert (drawn <= there).all()
    assert drawn.sum() <= most
    assert not drawn[wanted == 0].any()
    full = (wanted > 0) & (drawn < there)  # these do not fall short
    if full.any():
        times = drawn[full] / wanted[full]
        assert (
            np.abs(times[:, None] - times) <= 1 / wanted[full][:, None] + 1 / wanted[full]
        ).all()
