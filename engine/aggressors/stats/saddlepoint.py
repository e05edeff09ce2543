"""Bounds of a resampled mean without resampling: no seed, and exact where draws run out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from aggressors.stats.intervals import FloatArray

_CLOSE = 1e-7  # of a root: how far a value may be from 0, in normal deviates
_FARTHEST = 60  # doublings of the tilt after which nothing but the extreme value is left

# Of a tilt: log of the mean of exp(tilt * draw), and mean and variance of the tilted draw.
Tilted = Callable[[float], tuple[float, float, float]]


def bootstrap_bounds(value: FloatArray, tail: float) -> tuple[float, float]:
    """Quantiles `tail` and 1 - `tail` of the mean of n draws, with replacement, from n values.

    Parameters
    ----------
    value : (n,) float64, at least 2, finite.
    tail : probability beyond either bound, in (0, 0.5).

    Returns
    -------
    low, high : in the unit of the values. Where no mean of draws is as improbable as that, the
        least and the greatest value.

    Source: Davison and Hinkley 1988, "Saddlepoint approximations in resampling methods"; the tail
    by Barndorff-Nielsen's r* (1986). Beside resampling, which it replaces, it has no noise in a
    tail of one in ten thousand.
    """
    mean, spread = float(value.mean()), float(value.std())
    if spread == 0:
        return mean, mean
    unit = (value - mean) / spread
    low = _upper(lambda tilt: _drawn(-unit, tilt), len(unit), tail, most=-float(unit.min()))
    high = _upper(lambda tilt: _drawn(unit, tilt), len(unit), tail, most=float(unit.max()))
    return mean - spread * low, mean + spread * high


def swapped_bound(difference: FloatArray, tail: float) -> float:
    """Quantile 1 - `tail` of the mean of n differences of which each takes its sign by lot.

    Parameters
    ----------
    difference : (n,) float64, at least 1, finite; between two things that may change places.
    tail : probability beyond the bound, in (0, 0.5).

    Returns
    -------
    in the unit of the differences, at least 0. Where no signs are as improbable as that, the mean
    of all differences to one side, which none exceeds.

    Source: Fisher 1935, the randomization test of paired differences, ch. 3; the tail as in
    `bootstrap_bounds`. Where those that are not 0 have one size, as of answers right or wrong, the
    exact binomial (McNemar 1947).
    """
    sizes = np.abs(difference)
    size = float(np.sqrt(np.mean(sizes**2)))
    if size == 0:
        return 0.0
    moved = sizes[sizes > 0]
    if moved.min() == moved.max():
        return float(moved[0]) * _balance(len(moved), tail) / len(sizes)
    unit = sizes / size
    return size * _upper(lambda tilt: _signed(unit, tilt), len(unit), tail, most=float(unit.mean()))


def _balance(count: int, tail: float) -> int:
    """Least balance of `count` signs by lot that is exceeded with at most `tail`."""
    from scipy.special import bdtrc

    above = bdtrc(np.arange(count + 1), count, 0.5)  # P(more than so many are positive)
    return 2 * int(np.argmax(above <= tail)) - count


def _upper(tilted: Tilted, n: int, tail: float, *, most: float) -> float:
    """Quantile 1 - tail of the mean of n draws of mean 0 and deviation 1, `most` at the end."""
    from scipy.special import ndtri

    aim = -float(ndtri(tail))

    def beyond(tilt: float) -> float:
        return _depth(tilted(tilt), n, tilt) - aim

    high = low = aim / n**0.5
    above = below = beyond(high)
    for _ in range(_FARTHEST):
        if above >= 0:
            break
        low, below = high, above
        high = 2 * high
        above = beyond(high)
        if above <= below:  # all the weight lies on the extreme
            return most
    while below > 0:
        low = low / 2
        below = beyond(low)
    return tilted(_root(beyond, (low, below), (high, above)))[1]


def _root(
    function: Callable[[float], float], start: tuple[float, float], end: tuple[float, float]
) -> float:
    """Find where an increasing function is 0, from a place and its value below and one above.

    By false position, where an end that stays twice counts half: Dowell and Jarratt 1971, "A
    modified regula falsi method". scipy.optimize finds it too, but takes a tenth of the time of a
    whole check to import.
    """
    (low, below), (high, above) = start, end
    reached = 0.0
    while high - low > _CLOSE * high:
        share = 0.5 if np.isinf(below) else below / (below - above)
        at = low + share * (high - low)
        before, reached = reached, function(at)
        if abs(reached) < _CLOSE:
            return at
        weight = 0.5 if before * reached > 0 else 1.0
        if reached > 0:
            high, above, below = at, reached, weight * below
        else:
            low, below, above = at, reached, weight * above
    return high


def _depth(tilted: tuple[float, float, float], n: int, tilt: float) -> float:
    """Compute the normal deviate r* of the mean that a tilt makes the expected one."""
    log_mean, mean, variance = tilted
    deviance = 2 * n * (tilt * mean - log_mean)
    if deviance <= 0 or variance <= 0:
        return -np.inf
    root = float(np.sqrt(deviance))
    return root + float(np.log(tilt * np.sqrt(n * variance) / root)) / root


def _drawn(unit: FloatArray, tilt: float) -> tuple[float, float, float]:
    """Tilt a draw from (n,) values."""
    exponent = tilt * unit
    top = float(exponent.max())
    weight = np.exp(exponent - top)
    total = float(weight.sum())
    mean = float(weight @ unit) / total
    variance = float(weight @ (unit - mean) ** 2) / total
    return top + float(np.log(total / len(unit))), mean, variance


def _signed(unit: FloatArray, tilt: float) -> tuple[float, float, float]:
    """Tilt the signs of (n,) sizes, of which each is + or - by lot; of one of them on average."""
    exponent = tilt * unit
    against = np.exp(-2 * exponent)  # odds of the sign that the tilt is against
    slope = (1 - against) / (1 + against)
    log_mean = float((exponent + np.log1p(against)).mean()) - float(np.log(2))
    return (
        log_mean,
        float(unit @ slope) / len(unit),
        float(unit**2 @ (1 - slope**2)) / len(unit),
    )
