"""Which points lie inside a polygon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]


def inside(
    x: NDArray[np.floating], y: NDArray[np.floating], corners: Sequence[Point]
) -> NDArray[np.bool_]:
    """(n,) True for points inside a polygon, by the even-odd rule.

    Parameters
    ----------
    x, y : (n,) positions; NaN lies nowhere.
    corners : at least 3, in order, in the unit of x and y; the last is joined to the first.

    Source: Shimrat 1962, algorithm 112 (position of point relative to polygon). Between two
    neighbouring heights of corners the same edges are crossed by every level ray, so each point is
    compared with those few edges only.
    """
    found = np.zeros(len(x), dtype=np.bool_)
    (left, bottom), (right, top) = np.min(corners, axis=0), np.max(corners, axis=0)
    near = np.flatnonzero((x >= left) & (x <= right) & (y >= bottom) & (y <= top))
    if not len(near):
        return found
    px, py = x[near].astype(np.float64), y[near].astype(np.float64)
    heights = np.unique([corner[1] for corner in corners])
    band = np.searchsorted(heights, py, side="right").astype(np.int16)
    hit = np.zeros(len(near), dtype=np.bool_)
    edges = _edges(corners)
    for place in range(1, len(heights)):
        here = np.flatnonzero(band == place)
        low, high = heights[place - 1], heights[place]
        crossed = np.zeros(len(here), dtype=np.bool_)
        for bottom_of, top_of, start, slope in edges:
            if bottom_of <= low and top_of >= high:
                crossed ^= px[here] < start + slope * py[here]
        hit[here] = crossed
    found[near] = hit
    return found


def _edges(corners: Sequence[Point]) -> list[tuple[float, float, float, float]]:
    """Lowest and highest y, and x = start + slope y, of each edge that is not level."""
    edges = []
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y0 != y1:
            slope = (x1 - x0) / (y1 - y0)
            edges.append((min(y0, y1), max(y0, y1), x0 - slope * y0, slope))
    return edges
