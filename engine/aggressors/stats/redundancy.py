"""How far two metadata fields say the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.association import ranked
from aggressors.stats.intervals import FloatArray

FEWEST_SHARED = 30  # samples with both values, below which two fields are not compared
IntArray = NDArray[np.int64]


def likeness(numbers: Sequence[FloatArray | None], codes: Sequence[IntArray | None]) -> FloatArray:
    """Compare every two of f fields over the same n samples.

    Parameters
    ----------
    numbers : (n,) values of each field, NaN where missing; None for a category.
    codes : (n,) category of each field, -1 where missing; None for a number.

    Returns
    -------
    (f, f) in [0, 1], symmetric: for two numbers the absolute rank correlation (Spearman), for two
    categories the smaller of the shares of uncertainty that each takes from the other (Theil 1970),
    so that a site is not taken for its country; 0 for a number and a category.
    """
    alike = np.eye(len(numbers))
    at = [i for i, values in enumerate(numbers) if values is not None]
    if at:
        alike[np.ix_(at, at)] = _rank_correlations([v for v in numbers if v is not None])
    kinds = [(i, c, _entropy(c)) for i, c in enumerate(codes) if c is not None]
    for place, (i, one, h_one) in enumerate(kinds):
        for j, other, h_other in kinds[place + 1 :]:
            if max(h_one, h_other) > 0 and min(h_one, h_other) >= 0.5 * max(h_one, h_other):
                alike[i, j] = alike[j, i] = _shared(one, other)
    return alike


def _rank_correlations(columns: Sequence[FloatArray]) -> FloatArray:
    """Absolute rank correlations (f, f), over the samples that have both values."""
    ranks = np.stack([ranked(values).rank for values in columns])
    known = ~np.isnan(ranks)
    there = known.astype(np.float64)
    middle = np.where(known, ranks, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    x = np.where(known, ranks - middle[:, None], 0.0)
    n = there @ there.T
    sums, squares = x @ there.T, (x * x) @ there.T  # of the row's field where the column's is known
    with np.errstate(invalid="ignore", divide="ignore"):
        cross = x @ x.T - sums * sums.T / n
        spread = squares - sums**2 / n
        rho = cross / np.sqrt(spread * spread.T)
    usable = (n >= FEWEST_SHARED) & np.isfinite(rho) & (spread > 1e-9) & (spread.T > 1e-9)
    found = np.where(usable, np.clip(np.abs(np.where(usable, rho, 0)), 0, 1), 0.0)
    np.fill_diagonal(found, 1.0)
    return found


def _shared(one: IntArray, other: IntArray) -> float:
    """Smaller share of uncertainty that one category field takes from the other."""
    both = (one >= 0) & (other >= 0)
    if both.sum() < FEWEST_SHARED:
        return 0.0
    x, y = one[both], other[both]
    joint = _entropy(x * (int(y.max()) + 1) + y)
    h_x, h_y = _entropy(x), _entropy(y)
    larger = max(h_x, h_y)
    return float(np.clip((h_x + h_y - joint) / larger, 0, 1)) if larger > 0 else 0.0


def _entropy(codes: IntArray) -> float:
    """Entropy of the known categories, in nats."""
    count = np.bincount(codes[codes >= 0])
    share = count[count > 0] / max(int(count.sum()), 1)
    return float(-(share * np.log(share)).sum())
