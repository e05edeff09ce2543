"""The same samples under two models: the difference of their signal, and what could be seen."""

from __future__ import annotations

import numpy as np

from aggressors.errors import InputError
from aggressors.stats.intervals import FloatArray, Interval, finite, mean_interval
from aggressors.stats.multiple import simultaneous_level
from aggressors.stats.saddlepoint import bootstrap_bounds, swapped_bound

# From here on the bootstrap of a mean and Student's t agree to less than a percent of the width.
LARGE = 5_000


def paired_difference(
    value: FloatArray,
    reference: FloatArray,
    *,
    level: float = 0.95,
) -> Interval:
    """Mean of `value - reference` over the same samples, with a bootstrap interval.

    Parameters
    ----------
    value : (n,) signal of the samples under the new model.
    reference : (n,) signal of the same samples, in the same order, under the baseline.
    level : coverage, in (0, 1).

    Raises
    ------
    InputError : lengths differ, fewer than 2 samples, or a value that is not finite.

    Source: Hesterberg 2015, "What teachers should know about the bootstrap" (percentile interval
    with the tails expanded for small n), with the quantiles of `saddlepoint.bootstrap_bounds`.
    """
    difference = np.sort(_differences(value, reference))
    if len(difference) >= LARGE:
        return mean_interval(difference, level=level)
    low, high = bootstrap_bounds(difference, _expanded_tail(len(difference), level))
    mean = float(difference.mean())
    return Interval(mean, min(low, mean), max(high, mean))


def chance_difference(
    value: FloatArray, reference: FloatArray, *, certainty: float = 0.95, n_tests: int = 1
) -> float:
    """Mean of `value - reference` that two equal models exceed by chance alone.

    Parameters
    ----------
    value, reference : (n,) as in `paired_difference`.
    certainty : chance that none of `n_tests` exceeds it, in (0.5, 1).
    n_tests : tests that are judged together (Bonferroni).

    Raises
    ------
    InputError : see `paired_difference`.

    Notes
    -----
    Where nothing changed, each sample might as well have its two signals the other way round. So
    this asks nothing of their distribution, where the bootstrap trusts that of few samples far out:
    exact where all changes have one size, close to it otherwise.

    Source: Fisher 1935, ch. 3, with the quantiles of `saddlepoint.swapped_bound`.
    """
    from scipy.special import ndtri

    difference = _differences(value, reference)
    tail = 1 - simultaneous_level(certainty, n_tests)
    if len(difference) >= LARGE:
        return float(-ndtri(tail) * np.sqrt(np.mean(difference**2) / len(difference)))
    return swapped_bound(difference, tail)


def smallest_detectable(
    n: int,
    sd: float,
    *,
    n_rest: int | None = None,
    level: float = 0.95,
    power: float = 0.8,
    n_tests: int = 1,
) -> float:
    """Smallest true difference that `n` samples would show with probability `power`.

    Parameters
    ----------
    n : samples (pairs, or members of a group).
    sd : standard deviation of the difference (pairs) or of the loss (group against rest).
    n_rest : samples of the rest; None for pairs.
    level : coverage of the two-sided interval that must exclude zero; of all `n_tests` together.
    power : chance to see a difference of the returned size.

    Returns
    -------
    difference in the unit of `sd`; infinite below 2 samples.

    Source: normal approximation, e.g. Cohen 1988, ch. 2.
    """
    from scipy.special import ndtri

    if n < 2 or (n_rest is not None and n_rest < 2):
        return float("inf")
    error = sd * (1 / n + (0.0 if n_rest is None else 1 / n_rest)) ** 0.5
    level = simultaneous_level(level, n_tests)
    return float((ndtri((1 + level) / 2) + ndtri(power)) * error)


def _differences(value: FloatArray, reference: FloatArray) -> FloatArray:
    value = finite(value, "value", at_least=2)
    reference = finite(reference, "reference", at_least=2)
    if len(value) != len(reference):
        raise InputError(f"'value' has {len(value)} samples but 'reference' has {len(reference)}.")
    return value - reference


def _expanded_tail(n: int, level: float) -> float:
    """Tail to cut from the resampled means so that the interval covers as Student's t does."""
    from scipy.special import ndtr, stdtrit

    return float(ndtr(-((n / (n - 1)) ** 0.5) * stdtrit(n - 1, (1 + level) / 2)))
