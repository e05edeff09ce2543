"""By how much a group underperforms, and what that costs the population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.errors import InputError
from aggressors.stats.intervals import BoolArray, FloatArray, finite


@dataclass(frozen=True, slots=True)
class Gap:
    """Mean loss inside a group against the rest.

    `n` members; `inside` and `rest` mean losses; `value` = inside - rest with interval [`low`,
    `high`]; `p_value` of the one-sided test that the gap is not positive.
    """

    n: int
    inside: float
    rest: float
    value: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Gaps:
    """Gaps of m groups over the same samples, each field (m,); see `Gap`."""

    n: FloatArray
    inside: FloatArray
    rest: FloatArray
    value: FloatArray
    low: FloatArray
    high: FloatArray
    p_value: FloatArray

    def __getitem__(self, place: int) -> Gap:
        return Gap(
            n=int(self.n[place]),
            inside=float(self.inside[place]),
            rest=float(self.rest[place]),
            value=float(self.value[place]),
            low=float(self.low[place]),
            high=float(self.high[place]),
            p_value=float(self.p_value[place]),
        )


def loss_gap(
    loss: FloatArray, member: BoolArray, *, weight: FloatArray | None = None, level: float = 0.95
) -> Gap:
    """Mean loss of a group minus the mean loss of the rest, with Welch's interval and test.

    Parameters
    ----------
    loss : (n,) float64, in the unit of the user's loss; no NaN.
    member : (n,) bool, True inside the group.
    weight : (n,) weights of the samples in the means, not negative; default all equal.
    level : coverage of the two-sided interval, in (0, 1).

    Raises
    ------
    InputError : lengths differ, a loss is not finite, or fewer than 2 samples (of positive
        weight) inside or outside.

    Source: Welch 1947, with variances of weighted means and Kish's effective sizes.
    """
    loss = finite(loss, "loss", at_least=4)
    member = np.asarray(member, dtype=np.bool_).ravel()
    if len(member) != len(loss):
        raise InputError(f"'loss' has {len(loss)} values but 'member' has {len(member)}.")
    gap = loss_gaps(loss, member[None, :], weight=weight, level=level)[0]
    if np.isnan(gap.value):
        raise InputError(
            f"A gap needs at least 2 samples inside and outside; got {gap.n} of {len(loss)} inside."
        )
    return gap


def loss_gaps(
    loss: FloatArray, members: BoolArray, *, weight: FloatArray | None = None, level: float = 0.95
) -> Gaps:
    """Gaps of many groups at once; see `loss_gap`.

    Parameters
    ----------
    loss : (n,) float64, finite.
    members : (m, n) bool.
    weight : (n,) not negative.

    Returns
    -------
    Gaps of m groups; NaN, and a p-value of 1, where a side holds fewer than 2 samples.
    """
    from scipy.special import stdtr, stdtrit

    loss = finite(loss, "loss", at_least=0)
    weight = np.ones(len(loss)) if weight is None else finite(weight, "weight", at_least=0)
    centre = float(loss.mean()) if len(loss) else 0.0  # keeps the sums of squares exact enough
    moments = _moments(loss - centre, weight)  # (n, 5)
    within = np.asarray(members, dtype=np.float64) @ moments  # (m, 5)
    inside, inside_var, inside_size = _mean_and_variance(within)
    rest, rest_var, rest_size = _mean_and_variance(moments.sum(axis=0) - within)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = inside - rest
        error = np.sqrt(inside_var + rest_var)
        freedom = (inside_var + rest_var) ** 2 / (
            inside_var**2 / (inside_size - 1) + rest_var**2 / (rest_size - 1)
        )
        # Two constant groups have no variance: any difference is certain, none says nothing.
        flat = error <= 1e-12 * np.maximum(1.0, np.abs(value))
        p_value = np.where(flat, np.where(value > 0, 0.0, 1.0), stdtr(freedom, -value / error))
        half = np.where(flat, 0.0, stdtrit(freedom, (1 + level) / 2) * error)
    p_value = np.where(np.isnan(value), 1.0, p_value)
    n = np.asarray(members, dtype=np.bool_).sum(axis=1).astype(np.float64)
    return Gaps(n, inside + centre, rest + centre, value, value - half, value + half, p_value)


def p_within(
    loss: FloatArray,
    members: BoolArray,
    stratum: NDArray[np.int64],
    *,
    weight: FloatArray | None = None,
) -> FloatArray:
    """One-sided p-values that groups lose no more than others of their own strata.

    Parameters
    ----------
    loss : (n,) float64, finite.
    members : (m, n) bool.
    stratum : (n,) int64 codes, of any value.
    weight : (n,) not negative; default all equal.

    Returns
    -------
    (m,) in [0, 1]; 1 where a group and the rest share no stratum.

    Source: Mantel 1963, the sum of scores against its mean and variance when the samples of a
    stratum change places, by the normal approximation.
    """
    from scipy.special import ndtr

    loss = finite(loss, "loss", at_least=0)
    weight = np.ones(len(loss)) if weight is None else finite(weight, "weight", at_least=0)
    _, stratum = np.unique(stratum, return_inverse=True)
    total = np.bincount(stratum).astype(np.float64)
    mean = np.bincount(stratum, weight * loss) / np.bincount(stratum, weight).clip(1e-300)
    score = weight * (loss - mean[stratum])
    spread = np.bincount(stratum, score**2) / (total - 1).clip(1)
    matrix = np.asarray(members, dtype=np.float64)
    inside = matrix @ (stratum[:, None] == np.arange(len(total))).astype(np.float64)
    variance = (inside * (total - inside) / total) @ spread
    comparable = variance > 1e-12 * max(float(score @ score), 1e-300)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(comparable, ndtr(-(matrix @ score) / np.sqrt(variance)), 1.0)


def impact(n: float, gap: float, total: float) -> float:
    """Share of all loss that would vanish if a group became like the rest.

    Parameters
    ----------
    n : members, or their summed weight.
    gap : mean loss inside minus rest.
    total : summed (weighted) loss of the population.

    Returns
    -------
    share; 0 where there is no loss at all.
    """
    return n * gap / total if total > 0 else 0.0


def _moments(loss: FloatArray, weight: FloatArray) -> FloatArray:
    square = weight**2
    return np.column_stack([weight, weight * loss, square, square * loss, square * loss**2])


def _mean_and_variance(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weighted means, variances of these means and effective sizes; NaN below 2 samples."""
    weight, first, square, square_first, square_second = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        size = weight**2 / square
        mean = np.where(size > 1 + 1e-9, first / weight, np.nan)
        spread = square_second - 2 * mean * square_first + mean**2 * square
        variance = np.maximum(spread, 0.0) / weight**2 * size / (size - 1)
    return mean, variance, size
