"""Maps of two runs on one another: turned, mirrored, scaled and shifted."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from aggressors.contracts import EVERYTHING
from aggressors.errors import UsageError
from aggressors.queries.alignment import aligned, placed_extent
from aggressors.queries.maps import View, map_bins
from aggressors.stats.alignment import STAYS, Similarity, onto
from queried import queried


def test_a_quarter_turn_by_hand():
    # A square of side 1 at the origin, turned left, twice as wide, and shifted by (10, 0).
    moved = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float)
    still = np.array([[10, 0], [10, 2], [8, 2], [8, 0]], dtype=float)
    found = onto(moved, still)
    assert np.allclose(
        [found.xx, found.xy, found.yx, found.yy, found.x0, found.y0], [0, -2, 2, 0, 10, 0]
    )
    assert found.point(1, 0) == pytest.approx((10, 2))


def test_any_turn_mirroring_scale_and_shift_is_found():
    rng = np.random.default_rng(3)
    for _ in range(25):
        moved = rng.normal(size=(30, 2)) * [3, 1]
        angle, mirror = rng.uniform(0, 2 * np.pi), rng.choice([-1, 1])
        turn = np.array(
            [[np.cos(angle), -mirror * np.sin(angle)], [np.sin(angle), mirror * np.cos(angle)]]
        )
        still = rng.uniform(0.2, 5) * moved @ turn.T + rng.normal(size=2) * 10
        found = onto(moved, still)
        assert np.allclose(np.column_stack(found.of(*moved.T)), still)


def test_the_turn_is_that_of_scipy_whatever_the_noise():
    rng = np.random.default_rng(5)
    moved, still = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    found = onto(moved, still)
    own, other = moved - moved.mean(0), still - still.mean(0)
    turn, _ = orthogonal_procrustes(own, other)
    width = np.linalg.norm(other) / np.linalg.norm(own)
    assert np.allclose([[found.xx, found.xy], [found.yx, found.yy]], width * turn.T)
    there = np.column_stack(found.of(*moved.T))
    assert np.allclose(there.mean(0), still.mean(0))
    assert np.linalg.norm(there - there.mean(0)) == pytest.approx(np.linalg.norm(other))


def test_there_and_back_and_one_after_another():
    one, two = Similarity(0, -2, 2, 0, 10, 1), Similarity(0.6, 0.8, 0.8, -0.6, -3, 4)
    point = (1.5, -0.25)
    assert one.inverse().point(*one.point(*point)) == pytest.approx(point)
    assert one.then(two).point(*point) == pytest.approx(two.point(*one.point(*point)))
    assert STAYS.point(*point) == point


def test_what_lies_in_one_point_is_only_shifted():
    point, line = np.ones((3, 2)), np.array([[0, 0], [2, 0], [4, 0]], dtype=float)
    assert onto(point, line) == Similarity(1, 0, 0, 1, 1, -1)
    assert onto(line, point) == Similarity(1, 0, 0, 1, -1, 1)


@pytest.mark.parametrize("shape", [(0, 2), (3, 3), (4,)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(UsageError, match="places"):
        onto(np.zeros(shape), np.zeros(shape))


def test_two_runs_lie_on_one_another_by_their_shared_samples(tmp_path):
    with (
        queried(tmp_path / "a").run as first,
        queried(tmp_path / "b", turn=Similarity(0, -2, 2, 0, 10, 1)).run as second,
    ):
        found = aligned(second, first)
        assert found is not None
        back = Similarity(0, -2, 2, 0, 10, 1).inverse()
        for name in ("xx", "xy", "yx", "yy", "x0", "y0"):
            assert getattr(found, name) == pytest.approx(getattr(back, name), abs=1e-5)
        here = placed_extent(first, STAYS)
        there = placed_extent(second, found)
        view = View(here.x0 - 0.1, here.y0 - 0.1, here.x1 + 0.1, here.y1 + 0.1)
        assert (there.x0, there.y1) == pytest.approx((here.x0, here.y1), abs=1e-4)
        one = map_bins(first, EVERYTHING, "operator", view, 7)
        two = map_bins(second, EVERYTHING, "operator", view, 7, found)
        assert (one.count == two.count).all()
        assert (one.dominant == two.dominant).all()


def test_runs_that_share_too_few_samples_stay_as_they_are(tmp_path):
    with (
        queried(tmp_path / "a").run as first,
        queried(tmp_path / "b", prefix="other-").run as second,
    ):
        assert aligned(second, first) is None
