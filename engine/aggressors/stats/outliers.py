"""How unusual a value is among those of all samples, on one scale for numbers and categories."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.unusual import as_rare, robust_scale

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def largest_score(values: FloatArray | IntArray, so_far: FloatArray) -> FloatArray:
    """(n,) the larger of how unusual each value is and a score so far.

    A value is as unusual as a normal value that lies as far out and is as rare, in standard
    deviations.

    Parameters
    ----------
    values : (n,) float64 numbers, NaN where missing; or int64 categories, -1 where missing.
    so_far : (n,) score of other fields, NaN where there is none yet.

    Notes
    -----
    Of a number, the smaller of two counts. How far: its distance to the median over 1.4826 median
    absolute deviations, or over 1.2533 mean ones where more than half of the values are equal
    (Iglewicz and Hoaglin 1993). How rare: `rarity` of the share of values that lie at least as far
    on its side, twice. So an even spread has no unusual values, and long tails have few. Of a
    category, `rarity` of the share of samples whose category is `as_rare`.
    """
    if values.dtype.kind == "f":
        return _larger_of_numbers(values.astype(np.float64, copy=False), so_far)
    return np.asarray(np.fmax(so_far, _category_score(values.astype(np.int64))))


def _larger_of_numbers(values: FloatArray, so_far: FloatArray) -> FloatArray:
    known = np.flatnonzero(np.isfinite(values))
    largest = so_far.copy()
    if not len(known):
        return largest
    found = values[known] / (np.abs(values[known]).max() or 1.0)  # so that nothing overflows
    ordered = np.sort(found)
    n = len(ordered)
    far = np.abs(found - (ordered[(n - 1) // 2] + ordered[n // 2]) / 2)
    scale = robust_scale(far)
    if scale > 0:
        far /= scale
    largest[known] = np.fmax(largest[known], 0.0)
    outer = np.flatnonzero(far > largest[known])  # of the others, rareness does not matter
    below = np.searchsorted(ordered, found[outer], side="right")
    above = n - np.searchsorted(ordered, found[outer], side="left")
    score = np.minimum(far[outer], rarity(2 * np.minimum(below, above) / n))
    largest[known[outer]] = np.maximum(largest[known[outer]], score)
    return largest


def _category_score(codes: IntArray) -> FloatArray:
    score = np.full(len(codes), np.nan)
    known = codes >= 0
    if not known.any():
        return score
    share = as_rare(np.bincount(codes[known])) / known.sum()
    score[known] = rarity(share)[codes[known]]
    return score


def rarity(share: FloatArray) -> FloatArray:
    """Two-sided z-score of a share: 2 for one in 22, 3 for one in 370, 4 for one in 15,787."""
    from scipy.special import ndtri

    return np.asarray(-ndtri(np.clip(share, 1e-300, 1.0) / 2))
