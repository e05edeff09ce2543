"""Which points lie inside a polygon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.errors import UsageError

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Edge:
    """A side of a polygon that is not level: x = start + slope y for y in [bottom, top)."""

    bottom: float
    top: float
    start: float
    slope: float


def edges(corners: Sequence[Point]) -> list[Edge]:
    """Sides of a polygon that a level ray can cross.

    Parameters
    ----------
    corners : in order, in one unit; the last is joined to the first.

    Raises
    ------
    UsageError : a side is so long and so flat that no number tells where it lies.
    """
    found = []
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y0 != y1:
            slope = (x1 - x0) / (y1 - y0)
            found.append(Edge(min(y0, y1), max(y0, y1), x0 - slope * y0, slope))
            if not math.isfinite(found[-1].start):
                raise UsageError(
                    f"The side from ({x0:g}, {y0:g}) to ({x1:g}, {y1:g}) of a polygon is too long "
                    "to tell which side of it a point lies on. Move its corners nearer."
                )
    return found


def inside(
    x: NDArray[np.floating], y: NDArray[np.floating], corners: Sequence[Point]
) -> NDArray[np.bool_]:
    """(n,) True for points inside a polygon, by the even-odd rule.

    Parameters
    ----------
    x, y : (n,) positions; NaN lies nowhere.
    corners : at least 3, in order, in the unit of x and y; the last is joined to the first.

    Raises
    ------
    UsageError : as `edges`.

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
    sides = edges(corners)
    for place in range(1, len(heights)):
        here = np.flatnonzero(band == place)
        low, high = heights[place - 1], heights[place]
        crossed = np.zeros(len(here), dtype=np.bool_)
        for side in sides:
            if side.bottom <= low and side.top >= high:
                crossed ^= px[here] < side.start + side.slope * py[here]
        hit[here] = crossed
    found[near] = hit
    return found
