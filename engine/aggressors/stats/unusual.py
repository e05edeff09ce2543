"""How unusual one value is among the values of all samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import FloatArray

IntArray = NDArray[np.int64]
Side = Literal["high", "low", "rare"]

NORMAL_MAD = 1.4826  # standard deviation of a normal variable by its median absolute deviation
NORMAL_MEAN = 1.2533  # and by its mean absolute deviation
FEWEST = 20  # known values below which nothing is called unusual


def robust_scale(away: FloatArray) -> float:
    """Estimate the standard deviation of n >= 1 values from their (n,) distances to the median.

    That of a normal variable with this median absolute deviation, or with this mean one where more
    than half of the values are equal.

    Source: Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers, 3.3.
    """
    return NORMAL_MAD * float(np.median(away)) or NORMAL_MEAN * float(away.mean())


def as_rare(counts: IntArray) -> IntArray:
    """Count the samples whose category is as rare as each of k, or rarer.

    Parameters
    ----------
    counts : (k,) samples of each category.

    Returns
    -------
    (k,) sums of the counts that are no larger than each.
    """
    sizes, place = np.unique(counts, return_inverse=True)
    times = np.bincount(place, minlength=len(sizes))
    return np.asarray(np.cumsum(sizes * times)[place], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Unusual:
    """One value among others.

    `tail` is the share of the samples with a known value that are at least as far out on the same
    side (for `rare`: that have a category as rare, see `as_rare`; for a missing value, the share of
    all samples without one); `z` its robust distance from the median in standard deviations, 0 for
    a category.
    """

    side: Side
    tail: float
    z: float


@dataclass(frozen=True, slots=True)
class Numbers:
    """Known values of a number field: (n,) `ordered`, their `median` and robust `scale`.

    `missing` is the share of samples without one.
    """

    ordered: FloatArray
    median: float
    scale: float
    missing: float

    @classmethod
    def of(cls, values: FloatArray, missing: float | None = None) -> Numbers:
        """Summarise (n,) values, NaN where missing.

        The scale is that of `robust_scale`; `missing` stands for the share without a value where
        these are not all of them.
        """
        known = np.sort(values[np.isfinite(values)])
        if missing is None:
            missing = 1 - len(known) / max(len(values), 1)
        if not len(known):
            return cls(known, float("nan"), 0.0, missing)
        median = float(np.median(known))
        return cls(known, median, robust_scale(np.abs(known - median)), missing)

    def judge(self, value: float) -> Unusual | None:
        """Place a value, NaN where missing; None where all are one, or too few are known."""
        n = len(self.ordered)
        if n < FEWEST:
            return None
        if np.isnan(value):
            return _missing(self.missing)
        if self.scale == 0:
            return None
        z = (value - self.median) / self.scale
        if value >= self.median:
            beyond = n - int(np.searchsorted(self.ordered, value, side="left"))
        else:
            beyond = int(np.searchsorted(self.ordered, value, side="right"))
        return Unusual("high" if z >= 0 else "low", max(beyond, 1) / n, z)


@dataclass(frozen=True, slots=True)
class Categories:
    """Categories of n samples: how many are `known`, and how many are `as_rare` as each value.

    `unlisted` samples have values that are not told apart, each as rare as the rarest of those that
    are, or rarer; `missing` is the share of all samples without a value.
    """

    as_rare: Mapping[str, int]
    known: int
    unlisted: int
    missing: float

    @classmethod
    def of(cls, counts: Mapping[str, int], known: int, missing: int) -> Categories:
        """Summarise samples by value; counts may leave out the rarest values.

        Parameters
        ----------
        counts : samples of each value, the most frequent values at least.
        known : samples with any value.
        missing : samples without one.
        """
        listed = np.fromiter(counts.values(), np.int64, len(counts))
        unlisted = known - int(listed.sum())
        rare = (as_rare(listed) + unlisted).tolist() if len(listed) else []
        share = missing / max(known + missing, 1)
        return cls(dict(zip(counts, rare, strict=True)), known, unlisted, share)

    def judge(self, value: str | None) -> Unusual | None:
        """Place a value; None where too few are known, or where none is missing as this one is.

        A value that nobody has counts as one that a single sample has.
        """
        if self.known < FEWEST:
            return None
        if value is None:
            return _missing(self.missing)
        rarer = self.as_rare.get(value, self.unlisted)
        return Unusual("rare", max(rarer, 1) / self.known, 0.0)


def _missing(share: float) -> Unusual | None:
    return Unusual("rare", share, 0.0) if share else None


def stands_out(found: Unusual, *, most: float = 0.025, z: float = 3.0) -> bool:
    """Tell whether a value is to be marked: in the outer `most`, and for numbers beyond `z`."""
    return found.tail <= most and (found.side == "rare" or abs(found.z) >= z)
