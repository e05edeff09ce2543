"""How much nearer to one group than to another, and what share of a queue that promises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import BoolArray, FloatArray
from aggressors.stats.neighbours import IntArray, Neighbours, nearest

SOFT = 0.05
DRAWS = 400


@dataclass(frozen=True, slots=True)
class Yield:
    """Expected share of members above each cut-off, with its interval; each field (c,)."""

    expected: FloatArray
    low: FloatArray
    high: FloatArray


def log_ratio(near: FloatArray, rest: FloatArray) -> FloatArray:
    """How much nearer to `near` than to `rest`, in nats: positive where nearer.

    Parameters
    ----------
    near, rest : (n,) mean distances to the nearest of either group, in a whitened space; inf
        where a group is empty.

    Source: nearest-neighbour density ratio (Loftsgaarden and Quesenberry 1965), softened so that
    an exact copy is not infinitely alike.
    """
    return np.asarray(np.log(SOFT + np.minimum(rest, 1e6)) - np.log(SOFT + np.minimum(near, 1e6)))


def mean_to(
    near: Neighbours, kept: BoolArray, queries: NDArray[np.floating], bank: NDArray[np.floating],
    k: int, own: IntArray | None = None,
) -> FloatArray:  # fmt: skip
    """Mean distance of each query to its k nearest among the kept rows of a bank.

    Parameters
    ----------
    near : neighbours of the (q, d) queries in the whole (b, d) bank, of any number.
    kept : (b,) which rows of the bank count.
    own : as in `nearest`.

    Returns
    -------
    (q,) distances; read off `near` where it holds k kept rows, else sought anew.
    """
    counts = (near.index >= 0) & kept[np.maximum(near.index, 0)]
    order = np.argsort(~counts, axis=1, kind="stable")[:, :k]
    chosen = np.take_along_axis(near.distance, order, axis=1)
    chosen[~np.take_along_axis(counts, order, axis=1)] = np.inf
    mean = Neighbours(order, chosen).mean_distance(k)
    short = np.flatnonzero(counts.sum(axis=1) < min(k, int(kept.sum())))
    if len(short):
        place = np.flatnonzero(kept)
        position = np.full(len(bank) + 1, -1)
        position[place] = np.arange(len(place))
        mine = None if own is None else position[own[short]]
        mean[short] = nearest(queries[short], bank[place], k, own=mine).mean_distance(k)
    return mean


def expected_yield(
    members: FloatArray,
    others: FloatArray,
    pool: FloatArray,
    cutoffs: FloatArray,
    taken: IntArray,
    *,
    level: float = 0.95,
    seed: int,
) -> Yield:
    """Share of members to expect among samples taken from those that score above a cut-off.

    Parameters
    ----------
    members, others : (m,) and (n,) leave-one-out scores of labeled members and non-members.
    pool : (p,) scores of the unlabeled pool.
    cutoffs : (c,) scores.
    taken : (c,) how many are taken, at random, from those that reach the cut-off.
    level : coverage of the interval, which is for the share that will be seen.
    seed : seeds the resampling.

    Notes
    -----
    The pool holds members at another rate than the labeled samples. That rate pi is the mean,
    over thresholds t at the 10th to 90th percentile of the members, of
    (share of the pool above t - FPR) / (TPR - FPR), weighted by its precision; then the share
    above a cut-off is pi TPR / (pi TPR + (1 - pi) FPR), half a sample added to each count. It
    holds for the group as it was discovered: an impure group promises too much.

    Source: Forman 2005 (adjusted counts; his median over thresholds errs a quarter more where
    members are rare); interval by the Bayesian bootstrap of all three samples (Rubin 1981), with
    the binomial spread of the queue itself.
    """
    rng = np.random.default_rng(seed)
    sweep = np.quantile(members, np.linspace(0.1, 0.9, 17))
    edges = np.concatenate([sweep, cutoffs])
    samples = (members, others, pool)
    sizes = [len(scores) for scores in samples]
    counted = [(_above(scores, edges)[None] + 0.5) / (len(scores) + 1) for scores in samples]
    drawn = [_redraw(scores, edges, rng) for scores in samples]
    expected = _falling(_share(counted, sizes, len(sweep)), cutoffs)[0]
    spread = _falling(_share(drawn, sizes, len(sweep)), cutoffs)
    seen = rng.binomial(taken, spread) / taken
    tail = (1 - level) / 2
    low, high = np.quantile(seen, [tail, 1 - tail], axis=0)
    return Yield(expected, np.minimum(low, expected), np.maximum(high, expected))


def _share(above: list[FloatArray], sizes: list[int], swept: int) -> FloatArray:
    """Share of members above each cut-off (draws, c), from shares above (draws, swept + c)."""
    true, false, pool = above
    t, f, p = true[:, :swept], false[:, :swept], pool[:, :swept]
    gain = np.maximum(t - f, 1e-9)
    variance = (f * (1 - f) / sizes[1] + p * (1 - p) / sizes[2]) / gain**2 + 1e-12
    rate = ((p - f) / gain / variance).sum(axis=1) / (1 / variance).sum(axis=1)
    rate = np.clip(rate, 0.5 / (sizes[2] + 1), 1)[:, None]
    hits = rate * true[:, swept:]
    return np.asarray(hits / (hits + (1 - rate) * false[:, swept:]), dtype=np.float64)


def _falling(share: FloatArray, cutoffs: FloatArray) -> FloatArray:
    """Let the share fall as the cut-off does: where few members decide it, it jumps about."""
    order = np.argsort(cutoffs, kind="stable")
    fallen = np.empty_like(share)
    fallen[:, order] = np.maximum.accumulate(share[:, order], axis=1)
    return fallen


def _above(scores: FloatArray, edges: FloatArray) -> FloatArray:
    """(e,) how many scores reach each edge."""
    counted = len(scores) - np.searchsorted(np.sort(scores), edges, side="left")
    return np.asarray(counted, dtype=np.float64)


def _redraw(scores: FloatArray, edges: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(draws, e) share of the scores that reach each edge, with the scores weighted at random."""
    order = np.argsort(-edges, kind="stable")
    reached = _above(scores, edges[order])
    between = np.diff(np.concatenate([[0.0], reached, [len(scores)]]))
    weight = rng.standard_gamma(between + 0.5 / len(between), size=(DRAWS, len(between)))
    share = np.cumsum(weight[:, :-1], axis=1) / weight.sum(axis=1, keepdims=True)
    out = np.empty((DRAWS, len(edges)))
    out[:, order] = share
    return out
