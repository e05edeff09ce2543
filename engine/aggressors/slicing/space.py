"""The space in which groups are sought: principal components of the embedding or the metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aggressors.slicing.points import BLOCK_ROWS, FloatArray, IntArray

if TYPE_CHECKING:
    from aggressors.stages.frame import Field

MAX_CATEGORIES = 50
EVENED = 0.5  # 1 leaves deviations as they are, 0 makes them equal


@dataclass(frozen=True, eq=False)
class Space:
    """Centred, rotated, evened, and scaled so that its mean variance per dimension is 1.

    `mean` is (d,), `axes` is (d, p).
    """

    mean: FloatArray
    axes: FloatArray

    @classmethod
    def fit(cls, vectors: NDArray[np.floating], dimensions: int) -> Space:
        """Principal components of (n, d) vectors, at most `dimensions` and only those that vary.

        What the model finds large stays large, but less so: a deviation is raised to `EVENED`.
        """
        vectors = np.asarray(vectors, dtype=np.float64)
        mean = vectors.mean(axis=0)
        centred = vectors - mean
        variances, axes = np.linalg.eigh(centred.T @ centred / max(len(centred), 1))
        order = np.argsort(variances, kind="stable")[::-1][:dimensions]
        kept = order[variances[order] > 1e-9 * max(variances.max(initial=0.0), 1e-300)]
        evened = variances[kept] ** EVENED
        factor = np.sqrt(evened / variances[kept] / max(evened.mean() if len(kept) else 0, 1e-300))
        return cls(mean, axes[:, kept] * factor)

    def place(self, vectors: NDArray[np.floating]) -> FloatArray:
        """(n, p) positions of (n, d) vectors."""
        placed = np.empty((len(vectors), self.axes.shape[1]))
        for start in range(0, len(vectors), BLOCK_ROWS):
            block = vectors[start : start + BLOCK_ROWS].astype(np.float64) - self.mean
            placed[start : start + BLOCK_ROWS] = block @ self.axes
        return placed


def metadata_vectors(fields: tuple[Field, ...], n: int, fit: IntArray) -> FloatArray:
    """(n, d) standardised numbers and one column a category, for data without an embedding.

    Parameters
    ----------
    fields : metadata over n samples; text and identifiers are left out.
    fit : rows from which means and deviations come; numbers are cut at three deviations,
        missing ones stand at the mean.
    """
    columns = []
    for entry in fields:
        if entry.kind == "number" and entry.numbers is not None:
            columns.append(_standard(entry.numbers, fit)[:, None])
        elif entry.kind == "category" and entry.codes is not None:
            counts = np.bincount(entry.codes[fit] + 1, minlength=len(entry.categories) + 1)[1:]
            frequent = np.argsort(-counts, kind="stable")[:MAX_CATEGORIES]
            columns.append((entry.codes[:, None] == frequent[counts[frequent] > 0]).astype(float))
    return np.hstack(columns) if columns else np.empty((n, 0))


def _standard(numbers: FloatArray, fit: IntArray) -> FloatArray:
    known = numbers[fit][np.isfinite(numbers[fit])]
    if len(known) == 0 or known.std() == 0:
        return np.zeros(len(numbers))
    cut = np.clip((numbers - known.mean()) / known.std(), -3, 3)
    return np.asarray(np.nan_to_num(cut, nan=0.0))
