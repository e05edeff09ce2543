"""A p-value that assumes nothing but that samples of a stratum could have changed places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.codes import renumbered
from aggressors.stats.intervals import BoolArray, FloatArray

TIMES = 999
MOST = 10_000  # samples that are reshuffled; more add digits that nobody reads
_AT_ONCE = 100  # decks that are dealt together, which bounds the memory


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


@dataclass(frozen=True, slots=True, eq=False)
class Decks:
    """The samples of each stratum in many random orders, for every claim about them.

    Which samples a claim has does not matter to how they are shuffled, only how many; so the first
    `k` of a shuffled stratum stand for a claim with `k` samples there, whatever the claim.

    Parameters
    ----------
    drawn : (m,) of the samples that judge, those that are shuffled, by stratum.
    values : (m,) signal of those.
    starts, sizes : (s,) of the strata within them.
    sums : (m, times) float32, signal of the first samples of a stratum up to this one, by deck.
    of : samples that judge.
    """

    drawn: NDArray[np.int64]
    values: FloatArray
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    sums: NDArray[np.float32]
    of: int

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        arrays = (self.drawn, self.values, self.starts, self.sizes, self.sums)
        return sum(array.nbytes for array in arrays)


def shuffled(
    signal: FloatArray,
    stratum: NDArray[np.int64],
    *,
    seed: int,
    times: int = TIMES,
    most: int = MOST,
) -> Decks:
    """Shuffle samples within strata.

    Parameters
    ----------
    signal : (n,) finite. stratum : (n,) codes.
    seed : of the draw and of the shuffling, so that the same question has the same answer.
    """
    rng, n = np.random.default_rng(seed), len(signal)
    drawn = np.sort(rng.choice(n, most, replace=False)) if n > most else np.arange(n)
    drawn = drawn[np.argsort(stratum[drawn], kind="stable")]
    sizes = np.bincount(renumbered(stratum[drawn]))
    starts = np.cumsum(sizes) - sizes
    values = signal[drawn]
    sums = np.empty((len(drawn), times), dtype=np.float32)
    for first in range(0, times, _AT_ONCE):
        decks = np.repeat(values[:, None], min(_AT_ONCE, times - first), axis=1)
        for start, size in zip(starts, sizes, strict=True):
            stack = decks[start : start + size]
            rng.permuted(stack, axis=0, out=stack)
            np.cumsum(stack, axis=0, out=stack)
        sums[:, first : first + _AT_ONCE] = decks
    return Decks(drawn, values, starts, sizes, sums, n)


def reshuffle(decks: Decks, claim: BoolArray) -> Reshuffled | None:
    """Deal out a claim anew within strata, and see how often the gap comes out as large.

    Parameters
    ----------
    claim : (n,) bool, of the samples that were shuffled.

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
    if not len(decks.sizes):
        return None
    marked, sizes = claim[decks.drawn], decks.sizes
    within = np.add.reduceat(marked.astype(np.int64), decks.starts)
    mixed = (within > 0) & (within < sizes)
    if not mixed.any():
        return None
    # k · (mean of k − mean of the others), but for what no reshuffling changes
    weight = np.where(mixed, 1 + within / np.maximum(sizes - within, 1), 0.0)
    summed = np.repeat(weight, sizes)[marked] * decks.values[marked]
    observed = float(summed.sum())
    last = (decks.starts + within - 1)[mixed]
    dealt = weight[mixed] @ decks.sums[last].astype(np.float64)
    # What adds up to the same may differ in the last digit that the sums are kept in.
    least = observed - 1e-6 * float(np.abs(summed).sum())
    times = decks.sums.shape[1]
    p_value = (1 + int((dealt >= least).sum())) / (times + 1)
    return Reshuffled(p_value, len(marked), decks.of, times)
