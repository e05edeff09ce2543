"""Take samples that are worth it and unlike one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import FloatArray
from aggressors.stats.neighbours import IntArray

GIVEN_UP = 0.1  # of the expected share of hits, at full variety


def depth_held(chance: FloatArray, count: int, variety: float) -> int:
    """How far down a falling list one may choose `count` without giving up much of it.

    Parameters
    ----------
    chance : (n,) chance that each is a hit, falling.
    variety : 0 to 1; at 1, a tenth of the expected share of hits among the first `count` may go.

    Returns
    -------
    The most samples, `count` to n, whose mean chance is at least what is left.
    """
    n = len(chance)
    if count >= n or variety <= 0:
        return min(count, n)
    share = np.cumsum(chance) / np.arange(1, n + 1)
    held = np.flatnonzero(share >= (1 - GIVEN_UP * variety) * share[count - 1]) + 1
    return int(held.max(initial=count))


def spread(
    z: NDArray[np.floating],
    worth: FloatArray,
    count: int,
    *,
    variety: float = 0.5,
    reach: float = np.inf,
    kind: IntArray | None = None,
) -> tuple[IntArray, FloatArray]:
    """Take rows, each time the one with the most worth x distance^(variety / 2) to those taken.

    Parameters
    ----------
    z : (n, p) positions.
    worth : (n,) at least 0.
    count : how many.
    variety : 0 to 1; 0 takes them by worth alone.
    reach : the first k taken come from the first reach x k rows, so that any beginning of the order
        is nearly as good as the best so many.
    kind : (n,) takes the kinds in turn, each time one of those that were taken least.

    Returns
    -------
    (count,) rows in the order taken, fewer where there are fewer, and (count,) their products.

    Notes
    -----
    Distances count up to the median between two rows, so that only crowding is held against one.
    """
    n = len(z)
    count = min(count, n)
    points = np.ascontiguousarray(z, dtype=np.float64)
    square = np.einsum("np,np->n", points, points)
    near = np.ones(n)  # squared distance to what is taken, in units of the median
    unit = _median_square(points)
    left = worth.astype(np.float64)
    taken, gain = np.empty(count, dtype=np.int64), np.empty(count)
    turns = None if kind is None else _Turns(kind)
    for turn in range(count):
        value = left * near ** (variety / 4) if variety else left  # near is squared
        allowed = value if turns is None else np.where(turns.allowed(), value, -1.0)
        within = allowed[: int(min(n, np.ceil(reach * (turn + 1))))]
        taken[turn] = best = int(np.argmax(within if within.max() >= 0 else allowed))
        gain[turn] = value[best]
        left[best] = -1.0
        if turns is not None:
            turns.take(best)
        if variety:
            gap = np.maximum(square + square[best] - 2 * points @ points[best], 0)
            np.minimum(near, gap / unit, out=near)
            near[taken[: turn + 1]] = 1.0  # so that what is taken stays below all others
    return taken, gain


class _Turns:
    """Which rows are of the kinds that were taken least among those with rows left."""

    def __init__(self, kind: IntArray) -> None:
        _, self.kind = np.unique(kind, return_inverse=True)
        self.left = np.bincount(self.kind)
        self.taken = np.zeros(len(self.left), dtype=np.int64)

    def allowed(self) -> NDArray[np.bool_]:
        least = self.taken[self.left > 0].min()
        return np.asarray(((self.taken == least) & (self.left > 0))[self.kind])

    def take(self, row: int) -> None:
        self.taken[self.kind[row]] += 1
        self.left[self.kind[row]] -= 1


def _median_square(points: NDArray[np.float64]) -> float:
    some = points[:: max(1, len(points) // 200)]
    gaps = np.linalg.norm(some[:, None] - some[None], axis=2)
    apart = gaps[gaps > 0]
    return float(np.median(apart)) ** 2 if len(apart) else 1.0
