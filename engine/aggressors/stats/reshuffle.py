"""A p-value that assumes nothing but that samples of a stratum could have changed places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.codes import renumbered
from aggressors.stats.intervals import BoolArray, FloatArray

TIMES = 999
MOST = 10_000  # samples that are reshuffled; more add digits that nobody reads


@dataclass(frozen=True, slots=True)
class Reshuffled:
    """How often chance does as much harm as a claim.

    Parameters
    ----------
    p_value : one-sided, at least 1 / (times + 1).
    n, of : samples that were reshuffled, drawn from so many that judge.
    times : reshufflings.
    """

    p_value: float
    n: int
    of: int
    times: int


def reshuffle(
    signal: FloatArray,
    claim: BoolArray,
    stratum: NDArray[np.int64],
    *,
    seed: int,
    times: int = TIMES,
    most: int = MOST,
) -> Reshuffled | None:
    """Deal out a claim anew within strata, and see how often the gap comes out as large.

    Parameters
    ----------
    signal : (n,) finite. claim : (n,) bool. stratum : (n,) codes.
    seed : of the draw and of the reshufflings, so that the same question has the same answer.

    Returns
    -------
    None where no stratum has samples on both sides: nothing could change places.

    Notes
    -----
    The statistic is the gap of `claims.gap_within`: within each stratum the mean of the claim's
    samples minus that of the others, weighted by how many the claim has there.

    Source: Good 2005, Permutation, Parametric and Bootstrap Tests of Hypotheses, ch. 3; counting
    the observed among the times, Phipson and Smyth 2010.
    """
    rng, of = np.random.default_rng(seed), len(signal)
    if of > most:
        drawn = rng.choice(of, most, replace=False)
        signal, claim, stratum = signal[drawn], claim[drawn], stratum[drawn]
    order = np.argsort(stratum, kind="stable")
    sizes = np.bincount(renumbered(stratum))
    starts = np.cumsum(sizes) - sizes
    values, marked = signal[order], claim[order]
    within = np.add.reduceat(marked.astype(np.int64), starts)
    mixed = np.flatnonzero((within > 0) & (within < sizes))
    if not len(mixed):
        return None
    # k · (mean of k − mean of the others), but for what no reshuffling changes
    weight = np.where(within < sizes, 1 + within / np.maximum(sizes - within, 1), 0.0)
    observed = float(np.repeat(weight, sizes)[marked] @ values[marked])
    dealt = _dealt(values, starts[mixed], sizes[mixed], within[mixed], weight[mixed], times, rng)
    # What adds up to the same may differ in the last digit.
    least = observed - 1e-9 * max(abs(observed), 1.0)
    p_value = (1 + int((dealt >= least).sum())) / (times + 1)
    return Reshuffled(p_value, len(signal), of, times)


def _dealt(
    values: FloatArray,
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    within: NDArray[np.int64],
    weight: FloatArray,
    times: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Sum as many values of each stratum as the claim has there, weighted, (times,).

    Drawn without replacement, from all strata and all `times` decks at once; of a stratum the
    smaller side is drawn, and the larger is what it leaves.

    Parameters
    ----------
    values : (n,) by stratum. starts, sizes, within, weight : (s,) of each stratum.

    Source: Fisher and Yates 1938, stopped after as many cards as are drawn.
    """
    few = np.minimum(within, sizes - within)
    first = np.argsort(-few, kind="stable")  # so that those still drawn from come first
    starts, sizes, within, few = starts[first], sizes[first], within[first], few[first]
    weight = weight[first]
    sign = np.where(few == within, weight, -weight)
    sums = np.zeros(times)
    deck = np.arange(times)
    cards = np.arange(len(values)).astype(np.min_scalar_type(len(values)))
    decks = np.repeat(cards[:, None], times, axis=1)
    for drawn in range(int(few[0])):
        live = int(np.count_nonzero(few > drawn))
        left = (sizes[:live] - drawn)[:, None]
        card = (rng.random((live, times)) * left).astype(np.int64)
        card += (starts[:live] + drawn)[:, None]
        sums += sign[:live] @ values[decks[card, deck]]
        decks[card, deck] = decks[starts[:live] + drawn]
    whole = [values[start : start + size].sum() for start, size in zip(starts, sizes, strict=True)]
    return sums + float(np.where(few == within, 0.0, weight) @ np.array(whole))
