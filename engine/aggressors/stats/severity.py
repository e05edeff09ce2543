"""By how much a group underperforms, and what that costs the population."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aggressors.errors import InputError
from aggressors.stats.codes import renumbered
from aggressors.stats.intervals import BoolArray, FloatArray, finite

if TYPE_CHECKING:
    from scipy.sparse import csr_array


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
    loss: FloatArray,
    members: BoolArray,
    *,
    weight: FloatArray | None = None,
    group: NDArray[np.int64] | None = None,
    level: float = 0.95,
) -> Gaps:
    """Gaps of many groups at once; see `loss_gap`.

    Parameters
    ----------
    loss : (n,) float64, finite.
    members : (m, n) bool.
    weight : (n,) not negative.
    group : (n,) codes >= 0 of samples that belong together, such as those of one patient; their
        losses may be alike, so that the variance is that over such groups.

    Returns
    -------
    Gaps of m groups; NaN, and a p-value of 1, where a side holds fewer than 2 samples, or, with
    `group`, samples of fewer than 2.

    Source: Welch 1947; with `group` the cluster-robust variance of Liang and Zeger 1986, in which
    the degrees of freedom are those of the side with fewer groups.
    """
    loss = finite(loss, "loss", at_least=0)
    weight = np.ones(len(loss)) if weight is None else finite(weight, "weight", at_least=0)
    centre = float(loss.mean()) if len(loss) else 0.0  # keeps the sums of squares exact enough
    sums = moments(loss - centre, weight)  # (n, 5)
    within = np.asarray(members, dtype=np.float64) @ sums  # (m, 5)
    inside, inside_var, inside_size = mean_and_variance(within)
    rest, rest_var, rest_size = mean_and_variance(sums.sum(axis=0) - within)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = inside - rest
        error = np.sqrt(inside_var + rest_var)
        freedom = (inside_var + rest_var) ** 2 / (
            inside_var**2 / (inside_size - 1) + rest_var**2 / (rest_size - 1)
        )
        if group is not None:
            error, freedom = _by_group(loss, members, weight, group, inside + centre, rest + centre)
            value = np.where(freedom > 0, value, np.nan)
    p_value, half = tested(value, error, freedom, level)
    n = np.asarray(members, dtype=np.bool_).sum(axis=1).astype(np.float64)
    return Gaps(n, inside + centre, rest + centre, value, value - half, value + half, p_value)


def tested(
    value: FloatArray, error: FloatArray, freedom: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """One-sided p-values that each value is not above 0, and half widths of intervals.

    Parameters
    ----------
    value, error, freedom : (m,) differences, their standard errors and degrees of freedom; a value
        that is NaN has a p-value of 1.
    level : coverage of each two-sided interval, in (0, 1).

    Source: Student 1908.
    """
    from scipy.special import stdtr, stdtrit

    with np.errstate(invalid="ignore", divide="ignore"):
        # Without variance any difference is certain, and none says nothing.
        flat = error <= 1e-12 * np.maximum(1.0, np.abs(value))
        p_value = np.where(flat, np.where(value > 0, 0.0, 1.0), stdtr(freedom, -value / error))
        half = np.where(flat, 0.0, stdtrit(freedom, (1 + level) / 2) * error)
    return np.where(np.isnan(value), 1.0, p_value), half


def p_within(
    loss: FloatArray,
    members: BoolArray,
    stratum: NDArray[np.int64],
    *,
    weight: FloatArray | None = None,
    group: NDArray[np.int64] | None = None,
) -> FloatArray:
    """One-sided p-values that groups lose no more than others of their own strata.

    Parameters
    ----------
    loss : (n,) float64, finite.
    members : (m, n) bool.
    stratum : (n,) int64 codes, of any value.
    weight : (n,) not negative; default all equal.
    group : see `loss_gaps`.

    Returns
    -------
    (m,) in [0, 1]; 1 where a group and the rest share no stratum.

    Source: Mantel 1963, the sum of scores against its mean and variance when the samples of a
    stratum change places, by the normal approximation; with `group` the variance over such groups.
    """
    from scipy.special import ndtr

    loss = finite(loss, "loss", at_least=0)
    weight = np.ones(len(loss)) if weight is None else finite(weight, "weight", at_least=0)
    stratum = renumbered(stratum)
    total = np.bincount(stratum).astype(np.float64)
    mean = np.bincount(stratum, weight * loss) / np.bincount(stratum, weight).clip(1e-300)
    score = weight * (loss - mean[stratum])
    spread = np.bincount(stratum, score**2) / (total - 1).clip(1)
    matrix = np.asarray(members, dtype=np.float64)
    inside = np.array([np.bincount(stratum, row, len(total)) for row in matrix])
    inside = inside.reshape(len(matrix), len(total))  # also of no group at all
    variance = (inside * (total - inside) / total) @ spread
    if group is not None:
        share = (inside / total)[:, stratum]
        robust = (((matrix - share) * score) @ one_hot(group)) ** 2
        variance = np.where(variance > 0, robust.sum(axis=1), 0.0)
    comparable = variance > 1e-12 * max(float(score @ score), 1e-300)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(comparable, ndtr(-(matrix @ score) / np.sqrt(variance)), 1.0)


def failing(signal: FloatArray, rest: FloatArray, quantile: float) -> BoolArray:
    """(n,) samples that fail, given the signal of those that a group is compared with.

    Their signal exceeds this quantile of the rest. Where nothing does, since many share the highest
    signal that there is, as of a loss that is 0 or 1, these fail.
    """
    bar = np.quantile(rest, quantile)
    above = np.asarray(signal > bar)
    return above if above.any() else np.asarray(signal >= bar)


def floor_of(signal: FloatArray) -> float:
    """0, or the least of (n,) signals where that is negative: what shares are counted from."""
    return float(min(np.min(signal, initial=0.0), 0.0))


def impact(n: float, gap: float, total: float) -> float:
    """Share of all loss that would vanish if a group became like the rest.

    Parameters
    ----------
    n : members, or their summed weight.
    gap : mean loss inside minus rest.
    total : summed (weighted) loss of the population, above 0 or the least where that is negative.

    Returns
    -------
    share; 0 where there is no loss at all.
    """
    return n * gap / total if total > 0 else 0.0


def moments(loss: FloatArray, weight: FloatArray) -> FloatArray:
    """(n, 5) what `mean_and_variance` takes the sums of."""
    square = weight**2
    return np.column_stack([weight, weight * loss, square, square * loss, square * loss**2])


def mean_and_variance(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weighted means, variances of these means and effective sizes; NaN below 2 samples.

    Parameters
    ----------
    sums : (k, 5) sums of the weight w, w x value, w squared, w squared x value, and w squared x
        value squared.

    Source: Kish 1965, the effective size of a weighted sample.
    """
    weight, first, square, square_first, square_second = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        size = weight**2 / square
        mean = np.where(size > 1 + 1e-9, first / weight, np.nan)
        spread = square_second - 2 * mean * square_first + mean**2 * square
        variance = np.maximum(spread, 0.0) / weight**2 * size / (size - 1)
    return mean, variance, size


def _by_group(
    loss: FloatArray,
    members: BoolArray,
    weight: FloatArray,
    group: NDArray[np.int64],
    inside: FloatArray,
    rest: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """(m,) standard errors of gaps between means `inside` and `rest`, and degrees of freedom."""
    codes = one_hot(group)
    held = np.asarray(members, dtype=np.float64) * weight
    sums, sizes = (held * loss) @ codes, held @ codes  # (m, g)
    every_sum, every_size = (weight * loss) @ codes, weight @ codes
    within = sizes.sum(axis=1, keepdims=True)
    without = every_size.sum() - within
    drawn = (sums - inside[:, None] * sizes) / within
    drawn -= (every_sum - sums - rest[:, None] * (every_size - sizes)) / without
    fewest = np.minimum((sizes > 0).sum(axis=1), (every_size - sizes > 1e-12).sum(axis=1))
    error = np.sqrt((drawn**2).sum(axis=1) * fewest / np.maximum(fewest - 1, 1))
    return error, (fewest - 1).astype(np.float64)


def one_hot(group: NDArray[np.int64]) -> csr_array:
    """(n, g) sparse, 1 where a sample belongs to a group."""
    from scipy.sparse import csr_array

    _, code = np.unique(group, return_inverse=True)
    rows = np.arange(len(code))
    return csr_array(
        (np.ones(len(code)), (rows, code)), shape=(len(code), int(code.max(initial=-1)) + 1)
    )
