"""95 % intervals of what the diagnosis measures: shares, differences, ratios, entropies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.diagnosis import Bounds
from aggressors.stats.evidence import entropy
from aggressors.stats.intervals import BoolArray, FloatArray, wilson, z_of

LEVEL = 0.95
DRAWS = 400
_SEED = 20_261_127  # of the resampling: the same in every run, so that intervals are
IntArray = NDArray[np.int64]


def share_bounds(what: BoolArray) -> Bounds | None:
    """Wilson's interval of the share of (n,) that is True; None for no sample."""
    if not len(what):
        return None
    share, n = np.array([what.mean()]), np.array([float(len(what))])
    low, high = wilson(share, n, level=LEVEL)
    return float(low[0]), float(high[0])


def mean_bounds(values: FloatArray) -> Bounds | None:
    """Student's interval of the mean of (n,) shares, within [0, 1]; None below two."""
    from scipy.special import stdtrit

    if len(values) < 2:
        return None
    middle = float(values.mean())
    error = float(values.std(ddof=1)) / len(values) ** 0.5
    half = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * error
    return max(middle - half, 0.0), min(middle + half, 1.0)


def difference_bounds(one: FloatArray, other: FloatArray) -> Bounds | None:
    """Welch's interval of the difference of two means; None with fewer than two in either.

    Source: Welch 1947.
    """
    from scipy.special import stdtrit

    if min(len(one), len(other)) < 2:
        return None
    parts = [each.var(ddof=1) / len(each) for each in (one, other)]
    variance = sum(parts)
    middle = float(one.mean() - other.mean())
    if variance == 0:
        return middle, middle
    free = variance**2 / sum(
        part**2 / (len(each) - 1) for part, each in zip(parts, (one, other), strict=True)
    )
    half = float(stdtrit(free, (1 + LEVEL) / 2) * variance**0.5)
    return middle - half, middle + half


def ratio_bounds(one: FloatArray, other: FloatArray) -> Bounds | None:
    """Interval of the ratio of two positive means; None where it has none.

    Source: Katz et al. 1978, the delta method on the logarithm.
    """
    if min(len(one), len(other)) < 2 or one.mean() <= 0 or other.mean() <= 0:
        return None
    relative = sum(each.var(ddof=1) / len(each) / each.mean() ** 2 for each in (one, other))
    half = z_of(LEVEL) * relative**0.5
    ratio = float(one.mean() / other.mean())
    return ratio * float(np.exp(-half)), ratio * float(np.exp(half))


def shortcut_bounds(typical: IntArray, others: IntArray, inside: IntArray, k: int) -> Bounds:
    """Interval of `evidence.shortcut`, by drawing the members anew.

    Parameters
    ----------
    typical, others, inside : cells below k, at least one each; see `evidence.shortcut`.
    """
    share = [np.bincount(one[one >= 0], minlength=k) / max((one >= 0).sum(), 1)
             for one in (typical, others, inside)]  # fmt: skip
    n = int((inside >= 0).sum())
    if n == 0:
        return 0.0, 0.0
    drawn = np.random.default_rng(_SEED).multinomial(n, share[2], DRAWS) / n  # (draws, k)
    far, near = (np.abs(drawn - one).sum(axis=1) / 2 for one in share[:2])
    told = np.abs(share[0] - share[1]).sum() / 2
    return _middle(told * np.maximum(far - near, 0.0))


def entropy_bounds(codes: IntArray, k: int) -> Bounds | None:
    """Interval of the entropy of (n,) codes, by drawing them anew; None for no code."""
    known = codes[codes >= 0]
    if not len(known):
        return None
    share = np.bincount(known, minlength=k) / len(known)
    drawn = np.random.default_rng(_SEED).multinomial(len(known), share, DRAWS) / len(known)
    logs = np.log(drawn, out=np.zeros_like(drawn), where=drawn > 0)
    low, high = _middle(-(drawn * logs).sum(axis=1))
    value = entropy(codes, k)  # drawn entropies are biased downwards
    return min(low, value), max(high, value)


def _middle(values: FloatArray) -> Bounds:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
