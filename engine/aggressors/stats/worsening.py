"""Whether groups do worse under one model than under another, over the same samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import BoolArray, FloatArray, finite
from aggressors.stats.severity import mean_and_variance, moments, one_hot, tested


@dataclass(frozen=True, slots=True)
class Changes:
    """Mean changes of m groups, each field (m,).

    `n` members; `value` mean change with interval [`low`, `high`]; `p_value` of the one-sided test
    that it is not above 0.
    """

    n: FloatArray
    value: FloatArray
    low: FloatArray
    high: FloatArray
    p_value: FloatArray


def mean_changes(
    change: FloatArray,
    members: BoolArray,
    *,
    weight: FloatArray | None = None,
    group: NDArray[np.int64] | None = None,
    level: float = 0.95,
) -> Changes:
    """Mean of a paired change inside each of many groups, against 0.

    Parameters
    ----------
    change : (n,) float64, finite: signal under the new model minus that under the other.
    members : (m, n) bool.
    weight : (n,) not negative; default all equal.
    group : (n,) codes >= 0 of samples that belong together; see `severity.loss_gaps`.
    level : coverage of each two-sided interval, in (0, 1).

    Returns
    -------
    Changes of m groups; NaN, and a p-value of 1, below 2 samples, or, with `group`, below 2 of
    these.

    Source: Student 1908, with the variance of a weighted mean and Kish's effective size; with
    `group` the cluster-robust variance of Liang and Zeger 1986.
    """
    change = finite(change, "change", at_least=0)
    weight = np.ones(len(change)) if weight is None else finite(weight, "weight", at_least=0)
    held = np.asarray(members, dtype=np.float64)
    value, variance, size = mean_and_variance(held @ moments(change, weight))
    with np.errstate(invalid="ignore", divide="ignore"):
        error, freedom = np.sqrt(variance), size - 1
        if group is not None:
            error, freedom = _by_group(change, held * weight, group, value)
            value = np.where(freedom > 0, value, np.nan)
    p_value, half = tested(value, error, freedom, level)
    n = np.asarray(members, dtype=np.bool_).sum(axis=1).astype(np.float64)
    return Changes(n, value, value - half, value + half, p_value)


def _by_group(
    change: FloatArray, held: FloatArray, group: NDArray[np.int64], mean: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(m,) standard errors of means, and degrees of freedom; `held` (m, n) weights of members."""
    codes = one_hot(group)
    sums, sizes = (held * change) @ codes, held @ codes  # (m, g)
    drawn = (sums - mean[:, None] * sizes) / sizes.sum(axis=1, keepdims=True)
    filled = (sizes > 0).sum(axis=1)
    error = np.sqrt((drawn**2).sum(axis=1) * filled / np.maximum(filled - 1, 1))
    return error, (filled - 1).astype(np.float64)
