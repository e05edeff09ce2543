"""Means, rates and shares of the cells that samples are divided into, from their sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import FloatArray
from aggressors.stats.severity import mean_and_variance

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Cells:
    """Sums over the samples of k cells.

    Parameters
    ----------
    n : (k,) samples.
    known : (k,) those with a value.
    moments : (k, 5) as `severity.mean_and_variance` takes them, of the value minus `centre`.
    judged : (k,) summed weight of the samples of which it is known whether they fail.
    failed : (k,) summed weight of those that fail.
    centre : a number near the mean of the values, so that their squares stay exact.
    """

    n: IntArray
    known: IntArray
    moments: FloatArray
    judged: FloatArray
    failed: FloatArray
    centre: float

    def __len__(self) -> int:
        return len(self.n)

    @classmethod
    def of(
        cls,
        code: IntArray,
        k: int,
        value: FloatArray,
        weight: FloatArray,
        fails: FloatArray,
        centre: float = 0.0,
    ) -> Cells:
        """Sum over n samples.

        Parameters
        ----------
        code : (n,) in 0..k-1.
        value, fails : (n,) with NaN where unknown; a failure is 1, no failure 0.
        weight : (n,) not negative.
        centre : see the class.
        """
        there, judged = np.isfinite(value), np.isfinite(fails)
        w, v, at = weight[there], value[there] - centre, code[there]
        parts = (w, w * v, w**2, w**2 * v, w**2 * v**2)
        return cls(
            np.bincount(code, minlength=k),
            np.bincount(at, minlength=k),
            np.column_stack([np.bincount(at, part, k) for part in parts]),
            _total(code[judged], weight[judged], k),
            _total(code[judged], (weight * fails)[judged], k),
            centre,
        )

    def take(self, place: IntArray) -> Cells:
        """Choose cells."""
        return Cells(
            self.n[place], self.known[place], self.moments[place], self.judged[place],
            self.failed[place], self.centre,
        )  # fmt: skip

    def joined(self, into: IntArray, k: int) -> Cells:
        """Join cells: `into` holds the place of each in 0..k-1."""
        return Cells(
            _total(into, self.n, k).astype(np.int64),
            _total(into, self.known, k).astype(np.int64),
            np.column_stack([_total(into, column, k) for column in self.moments.T]),
            _total(into, self.judged, k),
            _total(into, self.failed, k),
            self.centre,
        )

    def means(self, level: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Weighted means with their intervals, (k,) each; NaN where unknown, no bounds below 2.

        Source: Student 1908, with the variance of a weighted mean and Kish's effective size.
        """
        from scipy.special import stdtrit

        _, variance, size = mean_and_variance(self.moments)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.moments[:, 1] / self.moments[:, 0] + self.centre
            half = stdtrit(size - 1, (1 + level) / 2) * np.sqrt(variance)
        return mean, mean - half, mean + half

    def rates(self) -> FloatArray:
        """(k,) weighted shares that fail, in [0, 1]; NaN where none can be judged."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.failed / self.judged)

    def shares(self, whole: float) -> FloatArray:
        """(k,) shares of all failures, whose summed weight is `whole`; NaN where there is none."""
        return self.failed / whole if whole > 0 else np.full(len(self), np.nan)


def _total(code: IntArray, part: FloatArray | IntArray, k: int) -> FloatArray:
    return np.asarray(np.bincount(code, part, k), dtype=np.float64)
