"""Whether a model is right as often as it says: reliability in bins of equally many samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.errors import InputError
from aggressors.stats.intervals import BoolArray, FloatArray, wilson

BINS = 15
_LAID_ON = 50_000  # confidences from which bins are laid; all are then counted in them


@dataclass(frozen=True, slots=True)
class Calibration:
    """Reliability of confidences in b bins, from the lowest to the highest.

    Parameters
    ----------
    start, end : (b,) bounds of the bin, which holds its start and, but for the last, not its end.
        Bins hold about equally many samples; those of one confidence stay together.
    n : (b,) samples.
    confidence, accuracy : (b,) weighted mean confidence, and weighted share of right predictions.
    low, high : (b,) interval of the accuracy.
    error : expected calibration error, the mean over samples of |accuracy - confidence| of their
        bin; in [0, 1].
    by_chance : what `error` would be on average if the model were calibrated perfectly.
    mean_confidence, mean_accuracy : over all samples.
    """

    start: FloatArray
    end: FloatArray
    n: NDArray[np.int64]
    confidence: FloatArray
    accuracy: FloatArray
    low: FloatArray
    high: FloatArray
    error: float
    by_chance: float
    mean_confidence: float
    mean_accuracy: float


def calibration(
    confidence: FloatArray,
    right: BoolArray,
    weight: FloatArray | None = None,
    *,
    bins: int = BINS,
    level: float = 0.95,
) -> Calibration:
    """Compare how sure a model is with how often it is right.

    Parameters
    ----------
    confidence : (n,) float64, probability of the prediction, in [0, 1].
    right : (n,) bool, whether the prediction is the label.
    weight : (n,) positive; all 1 where None.
    bins : most bins.
    level : coverage of the intervals, in (0, 1).

    Raises
    ------
    InputError : no sample, different lengths, or a confidence outside [0, 1].

    Source: Guo et al. 2017 for the expected calibration error, in bins of equal mass as by Nguyen
    and O'Connor 2015; interval of Wilson 1927 with Kish's effective size; `by_chance` from the mean
    of the absolute value of a normal deviate.
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    weight = np.ones(len(confidence)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not len(confidence) or not len(confidence) == len(right) == len(weight):
        raise InputError(
            f"Calibration needs as many outcomes and weights as confidences, and at least one; "
            f"got {len(confidence)}, {len(right)} and {len(weight)}."
        )
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise InputError("A confidence must lie in [0, 1].")
    starts = _starts(confidence, bins)
    code = np.searchsorted(starts, confidence, side="right") - 1
    k = len(starts)
    total = np.bincount(code, weight, k)
    accuracy = np.bincount(code, weight * right, k) / total
    mean = np.bincount(code, weight * confidence, k) / total
    size = total**2 / np.bincount(code, weight**2, k)
    low, high = wilson(accuracy, size, level=level)
    share = total / total.sum()
    deviation = np.sqrt(np.bincount(code, weight * confidence * (1 - confidence), k) / total / size)
    end = np.append(starts[1:], confidence.max())
    return Calibration(
        starts, end, np.bincount(code, minlength=k).astype(np.int64), mean, accuracy, low, high,
        float(share @ np.abs(accuracy - mean)), float(np.sqrt(2 / np.pi) * share @ deviation),
        float(share @ mean), float(share @ accuracy),
    )  # fmt: skip


def _starts(confidence: FloatArray, bins: int) -> FloatArray:
    """(b,) lowest confidence of each bin; a bin that would start amid equal values starts there."""
    ordered = np.sort(confidence[:: len(confidence) // _LAID_ON + 1])
    starts = ordered[(np.arange(bins) * len(ordered)) // bins]
    starts[0] = confidence.min()
    return np.unique(starts)
