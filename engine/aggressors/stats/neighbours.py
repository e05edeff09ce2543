"""Exact nearest neighbours by blocks of matrix products, without an index to build."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Floats = NDArray[np.float32]

QUERY_ROWS = 256  # by bank rows: 4 MB of products, which stay in the cache
BANK_ROWS = 4_096
SPARE, TIERS = 8, 8  # the first block is compared by SPARE k piles of up to TIERS rows
MOST_THREADS = 8


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
    rounding. Blocks of queries are shared out over the cores.
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
    search = _search_one if k == 1 else _search

    def fill(start: int) -> None:
        rows = slice(start, start + QUERY_ROWS)
        block = queries[rows]
        found = search(_with_ones(block), raised, k, None if own is None else own[rows])
        index[rows], distance[rows] = _measured(block, bank, found)

    _for_each(fill, range(0, len(queries), QUERY_ROWS))
    return Neighbours(index, distance)


def _for_each(act: Callable[[int], None], starts: range) -> None:
    """Act on each block, several at once: numpy lets other threads run while it computes.

    The products of one block then use one thread each, as threads of their own would wait for one
    another: that takes several times as long on a busy machine.
    """
    threads = min(_threads(), len(starts))
    if threads < 2:
        for start in starts:
            act(start)
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as workers:
        for _ in workers.map(act, starts):  # raises what a block raised
            pass


def _threads() -> int:
    """As many as there are cores, or as the user allows the libraries beneath."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return min(int(wanted) if wanted.isdecimal() else MOST_THREADS, len(usable(0)), MOST_THREADS)


def _measured(block: Floats, bank: Floats, found: IntArray) -> tuple[IntArray, Floats]:
    """Bank rows that were found, in the order of their distance, and that distance."""
    gap = bank[np.maximum(found, 0)] - block[:, None]  # (q, k, d)
    length = np.sqrt(np.einsum("qkd,qkd->qk", gap, gap))
    length[found < 0] = np.inf
    if found.shape[1] == 1:
        return found, length
    order = np.argsort(length, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(length, order, axis=1)


def _with_ones(block: Floats) -> Floats:
    ones = np.ones((len(block), 1), dtype=np.float32)
    return np.ascontiguousarray(np.concatenate([block, ones], axis=1))


def _search_one(block: Floats, bank: Floats, k: int, own: IntArray | None) -> IntArray:
    """As `_search` for k = 1, where the greatest of a row needs nothing kept."""
    index = np.full(len(block), -1, dtype=np.int64)
    closeness = np.full(len(block), -np.inf, dtype=np.float32)
    for first in range(0, len(bank), BANK_ROWS):
        score = block @ bank[first : first + BANK_ROWS].T
        if own is not None:
            mine = np.flatnonzero((own >= first) & (own < first + BANK_ROWS))
            score[mine, own[mine] - first] = -np.inf
        best = score.argmax(axis=1)
        top = np.take_along_axis(score, best[:, None], axis=1)[:, 0]
        better = top > closeness
        index[better], closeness[better] = best[better] + first, top[better]
    return index[:, None]


def _search(block: Floats, bank: Floats, k: int, own: IntArray | None) -> IntArray:
    """(q, k) bank rows with the greatest closeness x.b - |b|^2 / 2, -1 where there are fewer.

    `block` ends in a column of ones, `bank` in one of -|b|^2 / 2. The product stands with the bank
    down and the queries across, which is a third quicker than the other way round.
    """
    index = np.full((len(block), k), -1, dtype=np.int64)
    closeness = np.full((len(block), k), -np.inf, dtype=np.float32)
    across = np.ascontiguousarray(block.T)
    tiers = max(1, min(TIERS, len(bank) // (SPARE * k)))
    begin = min(tiers * SPARE * k, len(bank))
    for first, last in [(0, begin), *_blocks(begin, len(bank))]:
        score = bank[first:last] @ across
        if own is not None:
            mine = np.flatnonzero((own >= first) & (own < last))
            score[own[mine] - first, mine] = -np.inf
        if first == 0:
            _begin(score, tiers, index, closeness)
        else:
            _keep_better(score, first, index, closeness)
    index[np.isneginf(closeness)] = -1
    return index


def _blocks(begin: int, rows: int) -> Iterator[tuple[int, int]]:
    for first in range(begin, rows, BANK_ROWS):
        yield first, min(first + BANK_ROWS, rows)


def _begin(score: Floats, tiers: int, index: IntArray, closeness: Floats) -> None:
    """Find the k best of a first block (b, q), where b is a multiple of `tiers`.

    The block is folded into piles of `tiers` rows; the k best lie in those k piles whose best are
    the greatest, so that few are compared one by one.
    """
    k = min(index.shape[1], len(score))
    folded = score.reshape(tiers, -1, score.shape[1])
    pile = np.argpartition(folded.max(axis=0), -k, axis=0)[-k:]  # (k, q)
    inside = folded[:, pile, np.arange(score.shape[1])].reshape(tiers * k, -1).T
    best = np.argpartition(inside, -k, axis=1)[:, -k:]
    closeness[:, :k] = np.take_along_axis(inside, best, axis=1)
    index[:, :k] = best // k * folded.shape[1] + np.take_along_axis(pile.T, best % k, axis=1)


def _keep_better(score: Floats, first: int, index: IntArray, closeness: Floats) -> None:
    """Keep what of a further block, (b, q), beats the k-th best of its query so far."""
    better = np.flatnonzero((score > closeness.min(axis=1)).ravel())
    if len(better) == 0:
        return
    place = better // score.shape[1]
    row = better - place * score.shape[1]
    by = np.argsort(row.astype(np.uint16), kind="stable")
    _keep_best(row[by], place[by] + first, score.ravel()[better[by]], index, closeness)


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
