"""How unusual one value is among the values of all samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import FloatArray

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


@dataclass(frozen=True, slots=True)
class Unusual:
    """One value among others.

    `tail` is the share of samples with a value at least as far out on the same side (for `rare`:
    with a value that as few samples have, or fewer); `z` its robust distance from the median in
    standard deviations, 0 for a category.
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
    def of(cls, values: FloatArray) -> Numbers:
        """Summarise (n,) values, NaN where missing.

        The scale is that of `robust_scale`.
        """
        known = np.sort(values[np.isfinite(values)])
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
            return Unusual("rare", self.missing, 0.0) if self.missing else None
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
    """How many of `n` samples have each value of a category field; None stands for missing."""

    counts: dict[str | None, int]
    n: int

    @classmethod
    def of(cls, codes: NDArray[np.int64], names: tuple[str, ...]) -> Categories:
        """Count (n,) codes into `names`, -1 where missing."""
        held = np.bincount(codes + 1, minlength=len(names) + 1).tolist()
        counted = zip((None, *names), held, strict=True)
        return cls({name: n for name, n in counted if n}, len(codes))

    def judge(self, value: str | None) -> Unusual | None:
        """Place a value; None where too few samples are known.

        Where every value is rare, as in a field of names, none is unusual.
        """
        if self.n < FEWEST:
            return None
        held = self.counts.get(value, 0)
        rarer = sum(n for n in self.counts.values() if n <= held)
        return Unusual("rare", max(rarer, 1) / self.n, 0.0)


def stands_out(found: Unusual, *, most: float = 0.025, z: float = 3.0) -> bool:
    """Tell whether a value is to be marked: in the outer `most`, and for numbers beyond `z`."""
    return found.tail <= most and (found.side == "rare" or abs(found.z) >= z)
