"""How far two groups of samples differ in one field: the effect first, then drift figures.

With a million samples every difference is significant, so each comparison leads with an effect in
[-1, 1] or [0, 1] and its interval; the p-values say only whether chance alone would do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.errors import InputError
from aggressors.stats.association import counted_cramers_v
from aggressors.stats.intervals import FloatArray, finite, z_of

PSI_BINS = 10
PSI_SIZES = ((0.1, "small"), (0.25, "moderate"))
EFFECT_SIZES = {
    "rank-biserial": ((0.147, "negligible"), (0.33, "small"), (0.474, "medium")),
    "cramers-v": ((0.1, "negligible"), (0.3, "small"), (0.5, "medium")),
}


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a field differs between the left and the right group.

    Parameters
    ----------
    statistic : rank-biserial (numbers) or cramers-v (categories), which `effect` is.
    effect, low, high : the effect with its interval. The rank-biserial is in [-1, 1], above 0 where
        the left has the higher values; Cramér's V is in [0, 1].
    distance : numbers: largest difference of the two cumulative distributions (KS). Categories:
        Jensen-Shannon divergence to base 2. Both in [0, 1].
    psi : population stability index of the left against the right; None for categories.
    chi_square : Pearson's statistic; None for numbers.
    p_value : of Kolmogorov and Smirnov, or of chi-square.
    n_left, n_right : values that took part.
    """

    statistic: str
    effect: float
    low: float
    high: float
    distance: float
    psi: float | None
    chi_square: float | None
    p_value: float
    n_left: int
    n_right: int

    @property
    def size(self) -> str:
        """The effect in a word: negligible, small, medium or large.

        Source: Romano et al. 2006 for the rank-biserial (Cliff's delta), Cohen 1988 for Cramér's V
        of two groups.
        """
        return _word(abs(self.effect), EFFECT_SIZES[self.statistic], "large")

    @property
    def shift(self) -> str:
        """PSI in a word: small, moderate or large; '' for categories.

        Source: Siddiqi 2006, with the customary bounds 0.1 and 0.25.
        """
        return "" if self.psi is None else _word(self.psi, PSI_SIZES, "large")


@dataclass(frozen=True, slots=True)
class Merged:
    """The values of both groups on one line: k distinct ones, and the share of each group there.

    `value`, `left`, `right` (k,); both shares add up to 1. `n_left` and `n_right` are how many
    samples of equal weight each group is worth (Kish 1965).
    """

    value: FloatArray
    left: FloatArray
    right: FloatArray
    n_left: float
    n_right: float


def merged(
    left: FloatArray,
    right: FloatArray,
    left_weight: FloatArray | None = None,
    right_weight: FloatArray | None = None,
) -> Merged:
    """Lay two groups of values on one line, by one sort.

    Parameters
    ----------
    left : (n,) float64, finite. right : (m,) likewise.
    left_weight, right_weight : (n,), (m,) not negative; all 1 where None.

    Raises
    ------
    InputError : a group is empty, or without weight.
    """
    left, right = finite(left, "left", at_least=1), finite(right, "right", at_least=1)
    values = np.concatenate([left, right])
    order = np.argsort(values)
    ordered = values[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] > ordered[:-1]))
    shares, sizes = [], []
    for place, weight in enumerate((left_weight, right_weight)):
        part = np.zeros(len(values))
        at = slice(None, len(left)) if place == 0 else slice(len(left), None)
        part[at] = 1.0 if weight is None else weight
        total = part.sum()
        if total <= 0:
            raise InputError(f"The {('left', 'right')[place]} group must have a positive weight.")
        shares.append(np.add.reduceat(part[order], starts) / total)
        sizes.append(float(total**2 / (part @ part)))
    return Merged(ordered[starts], shares[0], shares[1], sizes[0], sizes[1])


def kolmogorov_smirnov(at: Merged) -> tuple[float, float]:
    """Largest difference of two cumulative distributions, in [0, 1], and its p-value.

    Source: Smirnov 1948; limit distribution with the correction of Stephens 1970 for few samples.
    With ties the p-value is too large rather than too small.
    """
    from scipy.special import kolmogorov

    distance = float(np.abs(np.cumsum(at.left) - np.cumsum(at.right)).max())
    root = np.sqrt(at.n_left * at.n_right / (at.n_left + at.n_right))
    p_value = float(kolmogorov((root + 0.12 + 0.11 / root) * distance))
    return min(distance, 1.0), p_value


def rank_biserial(at: Merged, *, level: float = 0.95) -> tuple[float, float, float]:
    """Probability that the left has the higher value, minus that it has the lower, with interval.

    Also known as Cliff's delta; equals `association.rank_biserial` without strata.

    Source: Cliff 1993; interval from DeLong et al. 1988, its standard error held above what one
    sample of the other group would change.
    """
    above_right = np.cumsum(at.right) - at.right / 2  # share of the right below each value
    above_left = np.cumsum(at.left) - at.left / 2
    auc = float(at.left @ above_right)
    spread = _variance(at.left, above_right, at.n_left) / at.n_left
    spread += _variance(at.right, above_left, at.n_right) / at.n_right
    spread = max(spread, 1 / (min(at.n_left, at.n_right) + 1) ** 2)
    value, half = 2 * auc - 1, 2 * z_of(level) * float(np.sqrt(spread))
    return value, max(value - half, -1.0), min(value + half, 1.0)


def stability_index(
    expected: FloatArray, found: FloatArray, *, n_expected: float, n_found: float
) -> float:
    """Stability index (PSI) of (k,) shares found against (k,) shares expected; 0 where equal.

    Half a sample is added to every bin of both, so that an empty bin gives a large index and no
    infinite one, and a larger one the more samples say that it is empty.

    Raises
    ------
    InputError : the two have different lengths.

    Source: Siddiqi 2006, sum of (f - e) ln(f / e), which is Jeffreys' divergence; half a sample a
    bin as by Jeffreys' prior.
    """
    if len(expected) != len(found):
        raise InputError(
            f"Both groups need the same bins; got {len(expected)} expected and {len(found)} found."
        )
    bins = len(expected)
    e = (expected * n_expected + 0.5) / (n_expected + bins / 2)
    f = (found * n_found + 0.5) / (n_found + bins / 2)
    return float((f - e) @ np.log(f / e))


def in_quantiles(at: Merged, bins: int = PSI_BINS) -> tuple[FloatArray, FloatArray]:
    """Shares (b,) of left and right between the quantiles of the right, b at most `bins`.

    Values that are alike stay together, so that there are fewer bins where many are.
    """
    below = np.cumsum(at.right) - at.right
    place = np.minimum((below * bins + 1e-9).astype(np.int64), bins - 1)
    starts = np.flatnonzero(np.append(True, place[1:] > place[:-1]))
    return np.add.reduceat(at.left, starts), np.add.reduceat(at.right, starts)


def chi_square(left: FloatArray, right: FloatArray) -> tuple[float, float]:
    """Pearson's chi-square of the 2 x k table of counts, and its p-value.

    Parameters
    ----------
    left, right : (k,) counts of each category; may be the counts that weighted samples are worth.

    Source: Pearson 1900. Categories that neither group has take no part.
    """
    from scipy.special import chdtrc

    left, right = _both(left, right)
    total = left + right
    n = total.sum()
    expected = np.stack([total * left.sum() / n, total * right.sum() / n])
    value = float((((np.stack([left, right]) - expected) ** 2) / expected).sum())
    freedom = len(total) - 1
    return value, float(chdtrc(freedom, value)) if freedom else 1.0


def jensen_shannon(left: FloatArray, right: FloatArray) -> float:
    """Jensen-Shannon divergence of two (k,) counts to base 2: 0 where equal, 1 without overlap.

    Source: Lin 1991. The divergence, not its square root, which others call the distance.
    """
    left, right = _both(left, right)
    p, q = left / left.sum(), right / right.sum()
    middle = (p + q) / 2
    return float(np.clip((_against(p, middle) + _against(q, middle)) / 2, 0, 1))


def beyond_chance(left: FloatArray, right: FloatArray, n_left: float, n_right: float) -> float:
    """Total variation of (k,) shares, less what chance gives two groups of these sizes; >= 0.

    Source: mean of the absolute value of a normal difference, sqrt(2 / pi) standard errors a bin.
    """
    if not len(left):
        return 0.0
    pooled = (left * n_left + right * n_right) / (n_left + n_right)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n_left + 1 / n_right))
    return max(float(np.abs(left - right).sum() - np.sqrt(2 / np.pi) * error.sum()) / 2, 0.0)


def of_numbers(
    left: FloatArray,
    right: FloatArray,
    left_weight: FloatArray | None = None,
    right_weight: FloatArray | None = None,
    *,
    level: float = 0.95,
) -> Drift:
    """Compare a number field; see `Drift`.

    Parameters
    ----------
    left, right : (n,), (m,) float64, finite; the right is the reference of PSI.
    left_weight, right_weight : of each value; all 1 where None.

    Raises
    ------
    InputError : a group is empty, holds a value that is not finite, or has no weight.
    """
    at = merged(left, right, left_weight, right_weight)
    value, low, high = rank_biserial(at, level=level)
    distance, p_value = kolmogorov_smirnov(at)
    found, expected = in_quantiles(at)
    index = stability_index(expected, found, n_expected=at.n_right, n_found=at.n_left)
    return Drift(
        "rank-biserial", value, low, high, distance, index, None, p_value, len(left), len(right)
    )


def of_categories(
    left: FloatArray,
    right: FloatArray,
    *,
    n_left: float | None = None,
    n_right: float | None = None,
    level: float = 0.95,
) -> Drift:
    """Compare a category field by its counts; see `Drift`.

    Parameters
    ----------
    left, right : (k,) counts, or summed weights, of the categories.
    n_left, n_right : how many samples of equal weight each group is worth; its sum where None.

    Raises
    ------
    InputError : a group is empty, or the two have different lengths.
    """
    left, right = _both(left, right)
    ours = left / left.sum() * (left.sum() if n_left is None else n_left)
    theirs = right / right.sum() * (right.sum() if n_right is None else n_right)
    value, p_value = chi_square(ours, theirs)
    found = counted_cramers_v(ours[None], (ours + theirs)[None], level=level)
    effect, low, high = (found.value, found.low, found.high) if found else (0.0, 0.0, 0.0)
    return Drift(
        "cramers-v", effect, low, high, jensen_shannon(ours, theirs), None, value, p_value,
        round(ours.sum()), round(theirs.sum()),
    )  # fmt: skip


def _both(left: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Count the categories that either group has, after checking them."""
    left, right = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if left.shape != right.shape or left.ndim != 1:
        raise InputError(
            f"Both groups need the same categories; got shapes {left.shape} and {right.shape}."
        )
    if not (left.sum() > 0 and right.sum() > 0):
        raise InputError("Both groups need at least one sample with a category.")
    used: NDArray[np.bool_] = left + right > 0
    return left[used], right[used]


def _against(share: FloatArray, of: FloatArray) -> float:
    """Kullback-Leibler divergence in bits."""
    filled = share > 0
    return float(share[filled] @ np.log2(share[filled] / of[filled]))


def _variance(share: FloatArray, value: FloatArray, n: float) -> float:
    """Sample variance of a value that `share` of n samples have."""
    mean = share @ value
    return float(share @ (value - mean) ** 2) * n / max(n - 1, 1)


def _word(value: float, bounds: Sequence[tuple[float, str]], last: str) -> str:
    return next((word for bound, word in bounds if value < bound), last)
