"""Cells of two fields that are worse than either field tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from aggressors.stats.cells import Cells, IntArray
from aggressors.stats.error_tree import Coded
from aggressors.stats.intervals import BoolArray, FloatArray
from aggressors.stats.severity import mean_and_variance

SAME = 0.5  # share of the samples of two cells that both hold, from which the second is left out


@dataclass(frozen=True, slots=True)
class Pair:
    """One cell: the part `parts[i]` of the field at `fields[i]`; a part k means no value.

    `excess` is the lower bound of its mean above that of all others, `beyond` that above what is
    left of the worse of its two parts; both hold over all cells looked at together.
    """

    fields: tuple[int, int]
    parts: tuple[int, int]
    excess: float
    beyond: float


@dataclass(frozen=True)
class Searched:
    """The pairs found, the worst first, among `looked_at` cells with enough samples."""

    found: tuple[Pair, ...]
    looked_at: int


def worst_pairs(
    fields: Sequence[Coded],
    value: FloatArray,
    weight: FloatArray,
    *,
    fewest: int,
    limit: int,
    level: float = 0.95,
) -> Searched:
    """Find the cells of two fields whose mean is highest, and higher than that of either part.

    A cell counts where its mean is surely above that of the rest of both of its parts, so that a
    field that says nothing adds no cell. Of cells with about the same samples the first stands.

    Parameters
    ----------
    fields : whose cells are looked at, each of the same n samples.
    value : (n,) finite, in the unit of the signal. weight : (n,) not negative.
    fewest : samples of a cell, at least.
    limit : cells returned, at most.
    level : coverage of the bounds over all cells together.

    Source: Welch 1947 by the normal approximation, with the bound of Bonferroni.
    """
    from scipy.special import ndtri

    centre = float(np.average(value, weights=weight)) if weight.sum() > 0 else 0.0
    tables = [_table(one, other, value - centre, weight) for one, other in combinations(fields, 2)]
    looked_at = int(sum((cells[..., 0] >= fewest).sum() for cells in tables))
    if not looked_at:
        return Searched((), 0)
    z = -float(ndtri((1 - level) / looked_at))
    pairs: list[Pair] = []
    for (i, j), cells in zip(combinations(range(len(fields)), 2), tables, strict=True):
        excess = _above(cells, z, (0, 1))
        high = (cells[..., 0] >= fewest) & (excess > 0)
        if not high.any():  # most pairs of fields; the rest of their parts need not be looked at
            continue
        beyond = np.minimum(_above(cells, z, (1,)), _above(cells, z, (0,)))
        for a, b in np.argwhere(high & (beyond > 0)).tolist():
            pairs.append(Pair((i, j), (a, b), float(excess[a, b]), float(beyond[a, b])))
    pairs.sort(key=lambda pair: (-pair.excess, pair.fields, pair.parts))
    return Searched(_distinct(pairs, fields, limit), looked_at)


def _table(one: Coded, other: Coded, value: FloatArray, weight: FloatArray) -> FloatArray:
    """(k1 + 1, k2 + 1, 6) samples and moments of each cell."""
    shape = (one.k + 1, other.k + 1)
    code = one.code * shape[1] + other.code
    size = shape[0] * shape[1]
    if len(weight) and weight.min() == weight.max() > 0:  # most runs: three sums instead of six
        n = np.bincount(code, minlength=size).astype(np.float64)
        first, second = np.bincount(code, value, size), np.bincount(code, value**2, size)
        sums = np.column_stack([n, n, first, n, first, second])
    else:
        cells = Cells.of(code, size, value, weight, np.full(len(code), np.nan))
        sums = np.column_stack([cells.n, cells.moments])
    return sums.reshape(*shape, 6)


def _above(cells: FloatArray, z: float, over: tuple[int, ...]) -> FloatArray:
    """Lower bound of each cell's mean above that of the others with which it shares a part.

    Parameters
    ----------
    over : axes along which the others lie: both for all others, one for the rest of a part.
    """
    moments = cells[..., 1:]
    mean, variance = _means(moments)
    rest, rest_variance = _means(moments.sum(axis=over, keepdims=True) - moments)
    with np.errstate(invalid="ignore"):
        bound = mean - rest - z * np.sqrt(variance + rest_variance)
    return np.where(np.isnan(bound), -np.inf, bound)


def _means(moments: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean, variance, _ = mean_and_variance(moments.reshape(-1, 5))
    return mean.reshape(moments.shape[:2]), variance.reshape(moments.shape[:2])


def _distinct(pairs: Sequence[Pair], fields: Sequence[Coded], limit: int) -> tuple[Pair, ...]:
    """Keep the first of those that hold about the same samples."""
    kept: list[Pair] = []
    held: list[BoolArray] = []
    for pair in pairs:
        inside = _inside(pair, fields)
        if all((inside & other).sum() <= SAME * (inside | other).sum() for other in held):
            kept.append(pair)
            held.append(inside)
        if len(kept) == limit:
            break
    return tuple(kept)


def _inside(pair: Pair, fields: Sequence[Coded]) -> BoolArray:
    (i, j), (a, b) = pair.fields, pair.parts
    return np.asarray((fields[i].code == a) & (fields[j].code == b))


__all__ = ["Coded", "IntArray", "Pair", "Searched", "worst_pairs"]
