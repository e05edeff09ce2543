"""Where a number parts members from the rest: one cut, or two where they lie at both ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from aggressors.stats.association import IntArray, Ranked
from aggressors.stats.intervals import FloatArray

SLACK = 0.005  # how much of the parting a shorter threshold may give up


@dataclass(frozen=True, slots=True)
class Placed:
    """Members and others along a number, in r runs of one value or of neighbouring ones.

    `low`, `high` (r,) bound each run, in order; `inside`, `outside` (r,) count its samples.
    """

    low: FloatArray
    high: FloatArray
    inside: FloatArray
    outside: FloatArray

    @classmethod
    def of(cls, field: Ranked, members: IntArray) -> Placed:
        """Place the members along a field ranked in one stratum."""
        inside = field.inside(members)
        return cls(field.run_low, field.run_high, inside, field.run_size - inside)

    @classmethod
    def within(cls, field: Ranked, members: IntArray) -> Placed:
        """Place the members along a field ranked within strata, the others weighted to theirs."""
        inside = field.inside(members)
        outside = field.run_size - inside
        strata = len(field.count)
        ours, theirs = (np.bincount(field.run_stratum, p, strata) for p in (inside, outside))
        used = (ours > 0) & (theirs > 0)
        share = np.where(used, ours, 0) / max(float(ours[used].sum()), 1.0)
        weight = share * float(theirs[used].sum()) / np.maximum(theirs, 1)
        kept = used[field.run_stratum]
        values, place = np.unique(field.run_low[kept], return_inverse=True)
        weighted = (outside * weight[field.run_stratum])[kept]
        r = len(values)
        counted = np.bincount(place, inside[kept], r).astype(np.float64)
        return cls(values, values, counted, np.bincount(place, weighted, r).astype(np.float64))

    @property
    def members(self) -> float:
        """Members that have a value."""
        return float(self.inside.sum())

    @property
    def others(self) -> float:
        """Others that have a value."""
        return float(self.outside.sum())

    def excess(self) -> FloatArray:
        """Share of the members up to each run, minus that of the others (r,)."""
        return np.cumsum(self.inside) / self.members - np.cumsum(self.outside) / self.others


@dataclass(frozen=True, slots=True)
class Split:
    """Values below `high` and from `low` on; below `high` or from `low` on where `ends`.

    A bound that is None is none. `inside` and `outside` are the shares of members and others that
    lie there, `precision` the share of members among all that do. `only` is the value of all that
    lie there, None where these are several.
    """

    low: float | None
    high: float | None
    ends: bool
    inside: float
    outside: float
    precision: float
    only: float | None = None

    @property
    def parting(self) -> float:
        """By how much more members than others lie there, in [0, 1]."""
        return self.inside - self.outside


def one_cut(placed: Placed) -> Split | None:
    """Find the threshold that parts members from the rest best.

    Returns
    -------
    The side on which more of the members lie; None without members or others, or where both are
    spread alike.

    Source: Youden's J, at the place of Kolmogorov and Smirnov.
    """
    if not placed.members or not placed.others or len(placed.low) < 2:
        return None
    excess = placed.excess()[:-1]
    at = int(np.argmax(np.abs(excess)))
    if excess[at] == 0:
        return None
    threshold, at = _short(placed, excess, at)
    met = np.arange(len(placed.low)) <= at
    if excess[at] > 0:
        return _split(placed, None, threshold, met)
    return _split(placed, threshold, None, ~met)


def two_cuts(placed: Placed) -> Split | None:
    """Find the two thresholds between which, or outside of which, more of the members lie.

    Returns
    -------
    As `one_cut`, with one bound only where one is enough.

    Source: the extremes whose distance is the statistic of Kuiper 1960.
    """
    if not placed.members or not placed.others or len(placed.low) < 3:
        return None
    excess = placed.excess()[:-1]
    highest, lowest = int(np.argmax(excess)), int(np.argmin(excess))
    if excess[highest] <= 0 or excess[lowest] >= 0:
        return one_cut(placed)
    # members crowd first, then thin out, then crowd again
    ends = highest < lowest
    (low, first), (high, last) = (
        _short(placed, excess, at) for at in sorted((highest, lowest))
    )  # fmt: skip
    place = np.arange(len(placed.low))
    between = (place > first) & (place <= last)
    if not between.any():  # shorter thresholds came together
        return one_cut(placed)
    if ends:
        return _split(placed, high, low, ~between, ends=True)
    return _split(placed, low, high, between)


def quantiles(placed: Placed, shares: Sequence[float]) -> tuple[list[float], list[float]]:
    """Values up to which these shares of the members, and of the others, lie."""
    sides = []
    for part in (placed.inside, placed.outside):
        reached = np.cumsum(part)
        at = np.searchsorted(reached, np.multiply(shares, reached[-1]) - 1e-9)
        sides.append(placed.high[np.minimum(at, len(reached) - 1)].tolist())
    return sides[0], sides[1]


def histogram(placed: Placed, bins: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shares of members and others in `bins` bins of one width; the tails join the outer ones.

    Returns
    -------
    (b + 1,) edges, (b,) shares of the members, (b,) shares of the others.
    """
    reached = np.cumsum(placed.inside + placed.outside)
    tails = np.searchsorted(reached, np.array([0.01, 0.99]) * reached[-1])
    low, high = placed.low[tails[0]], placed.high[tails[1]]
    if low == high:
        low, high = placed.low[0], placed.high[-1]
    edges = np.linspace(low, high, bins + 1)
    middle = (placed.low + placed.high) / 2
    bin_of = np.clip(np.searchsorted(edges, middle, side="right") - 1, 0, bins - 1)
    edges[0], edges[-1] = placed.low[0], placed.high[-1]
    inside, outside = (np.bincount(bin_of, p, bins) for p in (placed.inside, placed.outside))
    return edges, inside / placed.members, outside / placed.others


def short_numbers(low: float, high: float) -> Iterator[float]:
    """Give the middle of two neighbouring values in 1, 2, 3, … digits.

    Between whole numbers it ends where a fraction would come; the next one is then short enough.
    """
    whole = low.is_integer() and high.is_integer()
    for digits in range(1, 18):
        short = float(f"{(low + high) / 2:.{digits}g}")
        if whole and not short.is_integer():
            return
        yield short


def _short(placed: Placed, excess: FloatArray, at: int) -> tuple[float, int]:
    """Threshold after run `at` in few digits that part about as well, and after which run it is."""
    low, high = float(placed.high[at]), float(placed.low[at + 1])
    for short in short_numbers(low, high):
        place = int(np.searchsorted(placed.low, short)) - 1
        if not 0 <= place < len(excess) or placed.high[place] >= short:
            continue  # outside of all values, or within a run
        if abs(excess[place] - excess[at]) <= SLACK:
            return short, place
    return high, at


def _split(
    placed: Placed, low: float | None, high: float | None, met: np.ndarray, *, ends: bool = False
) -> Split:
    inside, outside = float(placed.inside[met].sum()), float(placed.outside[met].sum())
    precision = inside / (inside + outside) if inside + outside else 0.0
    there = placed.low[met].min(), placed.high[met].max()
    only = float(there[0]) if there[0] == there[1] else None
    shares = inside / placed.members, outside / placed.others
    return Split(low, high, ends, *shares, precision, only)
