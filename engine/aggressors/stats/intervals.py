"""A value with its interval, and the intervals of a mean and of a share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.errors import InputError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Interval:
    """`low` <= `value` <= `high`, all in the unit of the value."""

    value: float
    low: float
    high: float


def mean_interval(value: FloatArray, *, level: float = 0.95) -> Interval:
    """Mean of a sample with Student's t interval.

    Parameters
    ----------
    value : (n,) float64, no NaN.
    level : coverage of the interval, in (0, 1).

    Raises
    ------
    InputError : fewer than 2 values, or a value that is not finite.

    Source: Student 1908.
    """
    from scipy.special import stdtrit

    value = finite(value, "value", at_least=2)
    mean = float(value.mean())
    half = float(stdtrit(len(value) - 1, (1 + level) / 2) * value.std(ddof=1) / len(value) ** 0.5)
    return Interval(mean, mean - half, mean + half)


def wilson(share: FloatArray, n: FloatArray, *, level: float) -> tuple[FloatArray, FloatArray]:
    """Bounds of shares of n samples, in [0, 1] and on either side of the share.

    Parameters
    ----------
    share : (k,) in [0, 1].
    n : (k,) samples, or how many samples of equal weight they are worth; above 0.
    level : coverage of each interval, in (0, 1).

    Source: Wilson 1927.
    """
    z2 = z_of(level) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    # rounding would put a share of 0 or 1 just beside its own bound
    return np.clip(middle - half, 0.0, share), np.clip(middle + half, share, 1.0)


def z_of(level: float) -> float:
    """How many standard errors an interval of this coverage reaches to each side."""
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def finite(value: FloatArray, name: str, *, at_least: int) -> FloatArray:
    """`value` as a flat float64 array, after checking its length and that all of it is finite."""
    value = np.asarray(value, dtype=np.float64).ravel()
    if len(value) < at_least:
        raise InputError(f"{name!r} must hold at least {at_least} values; got {len(value)}.")
    if not np.isfinite(value).all():
        bad = int(np.flatnonzero(~np.isfinite(value))[0])
        raise InputError(f"{name!r} must be finite; value {bad} is {value[bad]}.")
    return value
