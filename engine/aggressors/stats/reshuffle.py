"""A p-value that assumes nothing but that samples of a stratum could have changed places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import BoolArray, FloatArray

TIMES = 999
MOST = 10_000  # samples that are reshuffled; more add digits that nobody reads
_AT_ONCE = 2_000_000  # random numbers held at a time


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
    observed, dealt, mixed = 0.0, np.zeros(times), False
    order = np.argsort(stratum, kind="stable")
    borders = np.flatnonzero(np.diff(stratum[order])) + 1
    for rows in np.split(order, borders):
        values, k = signal[rows], int(claim[rows].sum())
        if 0 < k < len(rows):
            mixed = True
            # k · (mean of k − mean of the others), but for what no reshuffling changes
            weight = 1 + k / (len(rows) - k)
            observed += weight * float(values[claim[rows]].sum())
            dealt += weight * _sums(values, k, times, rng)
    if not mixed:
        return None
    # What adds up to the same may differ in the last digit.
    least = observed - 1e-9 * max(abs(observed), 1.0)
    p_value = (1 + int((dealt >= least).sum())) / (times + 1)
    return Reshuffled(p_value, len(signal), of, times)


def _sums(values: FloatArray, k: int, times: int, rng: np.random.Generator) -> FloatArray:
    """Sum k values drawn without replacement, (times,); the smaller side is drawn."""
    n, few = len(values), min(k, len(values) - k)
    sums = np.empty(times)
    step = max(1, _AT_ONCE // n)
    for start in range(0, times, step):
        keys = rng.random((min(step, times - start), n), dtype=np.float32)
        taken = np.argpartition(keys, few - 1, axis=1)[:, :few]
        sums[start : start + step] = values[taken].sum(axis=1)
    return sums if few == k else values.sum() - sums
