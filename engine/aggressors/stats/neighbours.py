"""Exact nearest neighbours by blocks of matrix products, without an index to build."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Floats = NDArray[np.float32]

QUERY_ROWS = 1_024
BANK_ROWS = 8_192


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest bank rows of q queries, nearest first.

    `index` (q, k) int64, -1 where the bank holds fewer; `distance` (q, k) float32, Euclidean in
    the unit of the space, inf where there is none.
    """

    index: IntArray
    distance: Floats

    def mean_distance(self, k: int) -> NDArray[np.float64]:
        """(q,) mean distance to the first `k` neighbours that exist; inf where there is none."""
        near = self.distance[:, :k].astype(np.float64)
        found = np.isfinite(near)
        total = np.where(found, near, 0).sum(axis=1)
        count = found.sum(axis=1)
        return np.where(count > 0, total / np.maximum(count, 1), np.inf)


def nearest(
    queries: NDArray[np.floating],
    bank: NDArray[np.floating],
    k: int,
    *,
    own: IntArray | None = None,
) -> Neighbours:
    """Find the k nearest rows of a bank, exactly.

    Parameters
    ----------
    queries : (q, d) positions.
    bank : (b, d) positions searched.
    k : neighbours wanted.
    own : (q,) the bank row that is the query itself and is left out, -1 where it is not there.

    Notes
    -----
    The bank passes in blocks; of each block only what beats a query's k-th distance so far is
    kept and compared, which is cheaper than a partition of all distances. The distances of those
    that stay are computed anew from differences, because the product form loses small ones to
    rounding.
    """
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    bank = np.ascontiguousarray(bank, dtype=np.float32)
    index = np.full((len(queries), k), -1, dtype=np.int64)
    distance = np.full((len(queries), k), np.inf, dtype=np.float32)
    if len(bank) == 0:
        return Neighbours(index, distance)
    # One product gives x.b - |b|^2 / 2, so that nothing passes over all pairs once more.
    half_norm = -0.5 * np.einsum("bd,bd->b", bank, bank)
    raised = np.ascontiguousarray(np.concatenate([bank, half_norm[:, None]], axis=1))
    for start in range(0, len(queries), QUERY_ROWS):
        rows = slice(start, start + QUERY_ROWS)
        block = queries[rows]
        found = _search(_with_ones(block), raised, k, None if own is None else own[rows])
        there = found >= 0
        gap = bank[np.maximum(found, 0)] - block[:, None]  # (rows, k, d)
        length = np.sqrt(np.einsum("qkd,qkd->qk", gap, gap))
        length[~there] = np.inf
        order = np.argsort(length, axis=1, kind="stable")
        index[rows] = np.take_along_axis(found, order, axis=1)
        distance[rows] = np.take_along_axis(length, order, axis=1)
    return Neighbours(index, distance)


def _with_ones(block: Floats) -> Floats:
    ones = np.ones((len(block), 1), dtype=np.float32)
    return np.ascontiguousarray(np.concatenate([block, ones], axis=1))


def _search(block: Floats, bank: Floats, k: int, own: IntArray | None) -> IntArray:
    """(q, k) bank rows with the greatest closeness x.b - |b|^2 / 2, -1 where there are fewer.

    `block` ends in a column of ones, `bank` in one of -|b|^2 / 2.
    """
    index = np.full((len(block), k), -1, dtype=np.int64)
    closeness = np.full((len(block), k), -np.inf, dtype=np.float32)
    for first, last in _blocks(len(bank), k):
        score = block @ bank[first:last].T
        if own is not None:
            mine = np.flatnonzero((own >= first) & (own < last))
            score[mine, own[mine] - first] = -np.inf
        better = np.flatnonzero((score > closeness.min(axis=1, keepdims=True)).ravel())
        if len(better):
            row, column = np.divmod(better, last - first)
            _keep_best(row, column + first, score.ravel()[better], index, closeness)
    return index


def _blocks(rows: int, k: int) -> Iterator[tuple[int, int]]:
    """Slices of the bank; short ones first, so that the long ones are held against a bound."""
    first = 0
    while first < rows:
        last = min(first + min(max(2 * first, 8 * k, 256), BANK_ROWS), rows)
        yield first, last
        first = last


def _keep_best(
    row: IntArray, place: IntArray, score: Floats, index: IntArray, closeness: Floats
) -> None:
    """Replace the k best of each row by the k best of those and the new ones, sorted by row."""
    k = index.shape[1]
    count = np.bincount(row, minlength=len(index))
    column = np.arange(len(row)) - (np.cumsum(count) - count)[row] + k
    shape = (len(index), k + int(count.max()))
    scores, places = np.full(shape, -np.inf, dtype=np.float32), np.full(shape, -1)
    scores[:, :k], places[:, :k] = closeness, index
    scores[row, column], places[row, column] = score, place
    best = np.argpartition(scores, -k, axis=1)[:, -k:]
    index[:] = np.take_along_axis(places, best, axis=1)
    closeness[:] = np.take_along_axis(scores, best, axis=1)
