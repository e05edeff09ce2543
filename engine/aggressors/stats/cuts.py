"""Where a number is cut into parts of about the same size, at numbers that are easy to read."""

from __future__ import annotations

import numpy as np

from aggressors.stats.intervals import FloatArray
from aggressors.stats.splits import short_numbers

SLACK = 0.25  # of a part, by which a cut may move to a shorter number


def short_cuts(values: FloatArray, parts: int) -> FloatArray:
    """Cut sorted numbers into parts that hold about equally many.

    Parameters
    ----------
    values : (n,) finite, sorted.
    parts : most parts. Each distinct value is its own where there are no more.

    Returns
    -------
    (c,) increasing numbers above the least value; a part ends before the cut at which the next
    starts. None where all values are equal.
    """
    # The numbers are sorted, so that a value that differs from the one before it is new.
    distinct = values[np.append(True, values[1:] != values[:-1])] if len(values) else values
    if len(distinct) <= parts:
        return distinct[1:]
    found: list[float] = []
    n = len(values)
    for at in range(1, parts):
        share = at / parts
        wanted = values[min(int(share * n), n - 1)]
        low, high = (
            values[min(max(int((share + side * SLACK / parts) * n), 0), n - 1)] for side in (-1, 1)
        )
        cut = _short(float(low), float(wanted), float(high))
        if cut > (found[-1] if found else values[0]) and cut <= values[-1]:
            found.append(cut)
    return np.array(found, dtype=np.float64)


def _short(low: float, wanted: float, high: float) -> float:
    """Find the shortest number in (low, high] near `wanted`."""
    for short in short_numbers(wanted, wanted):
        if low < short <= high:
            return short
    return wanted


def part_of(values: FloatArray, cuts: FloatArray) -> np.ndarray:
    """(n,) part of each number, from 0; -1 where it is not finite."""
    code = np.searchsorted(cuts, values, side="right")
    return np.where(np.isfinite(values), code, -1).astype(np.int64)
