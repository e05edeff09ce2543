"""A value with its interval, and the interval of a mean."""

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


def share_interval(successes: float, n: float, *, level: float = 0.95) -> Interval:
    """Share of `n` samples with Wilson's interval, inside [0, 1] even where none or all succeed.

    Raises
    ------
    InputError : n is not positive, or successes lie outside [0, n].

    Source: Wilson 1927.
    """
    from scipy.special import ndtri

    if not 0 <= successes <= n or n <= 0:
        raise InputError(f"A share needs 0 <= successes <= n and n > 0; got {successes} of {n}.")
    z = float(ndtri((1 + level) / 2))
    share, spread = successes / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / spread
    half = z / spread * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return Interval(share, max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))


def finite(value: FloatArray, name: str, *, at_least: int) -> FloatArray:
    """`value` as a flat float64 array, after checking its length and that all of it is finite."""
    value = np.asarray(value, dtype=np.float64).ravel()
    if len(value) < at_least:
        raise InputError(f"{name!r} must hold at least {at_least} values; got {len(value)}.")
    if not np.isfinite(value).all():
        bad = int(np.flatnonzero(~np.isfinite(value))[0])
        raise InputError(f"{name!r} must be finite; value {bad} is {value[bad]}.")
    return value
