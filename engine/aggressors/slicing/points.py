"""What membership may look at: the input side of samples, and nothing that the model got wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from aggressors.errors import InputError

if TYPE_CHECKING:  # stages import slicing
    from aggressors.stages.frame import Field

T = TypeVar("T", bound=np.generic)

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

BLOCK_ROWS = 65_536


@dataclass(frozen=True, eq=False)
class Partition:
    """Cells of a space: a sample belongs to the nearest of the (c, d) `centroids`.

    With `label_means` (k, d) the space is what is left of a position without its label's mean, so
    that a condition that moves all labels alike stands in one place.
    """

    centroids: FloatArray
    label_means: FloatArray | None = None

    def counts(self, space: FloatArray) -> IntArray:
        """(c,) how many of (n, d) positions lie in each cell."""
        return np.bincount(nearest(space, self.centroids), minlength=len(self.centroids))


@dataclass(frozen=True, eq=False)
class Points:
    """n samples as discovery sees them; there is no loss here, and no prediction of a labeled one.

    Parameters
    ----------
    space : (n, d) positions in the space of discovery; d is 0 where there is none.
    label : (n,) codes into `classes`, -1 where there is no label.
    probabilities : (n, k) read only where there is no label; None where the source has none.
    classes : k names.
    fields : metadata over these n samples.
    others : (n, p) positions in each further space, by its name; see `seen_in`.
    """

    space: FloatArray
    label: IntArray
    probabilities: NDArray[np.float32] | None
    classes: tuple[str, ...]
    fields: tuple[Field, ...]
    others: Mapping[str, FloatArray] = field(default_factory=dict)
    _cells: dict[Partition, IntArray] = field(default_factory=dict, repr=False)
    _seen: dict[str, Points] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.label)

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Metadata fields by name."""
        return {entry.name: entry for entry in self.fields}

    def seen_in(self, name: str) -> Points:
        """Look at the same samples where they lie in a further space; built once for each.

        Without a name they stay where they are.

        Raises
        ------
        InputError : there is no such space.
        """
        if not name:
            return self
        if name not in self.others:
            near = get_close_matches(name, self.others, n=1)
            hint = f"the nearest is {near[0]!r}" if near else f"there are {list(self.others)}"
            raise InputError(f"The samples have no further space {name!r}; {hint}. Correct it.")
        if name not in self._seen:
            there = self.others[name]
            self._seen[name] = replace(self, space=there, others={}, _cells={}, _seen={})
        return self._seen[name]

    def take(self, rows: IntArray | BoolArray) -> Points:
        """Keep the chosen samples, in the order of `rows`."""
        return Points(
            self.space[rows],
            self.label[rows],
            None if self.probabilities is None else self.probabilities[rows],
            self.classes,
            tuple(take_field(entry, rows) for entry in self.fields),
            {name: space[rows] for name, space in self.others.items()},
        )

    def join(self, other: Points) -> Points:
        """Append the samples of `other`, which has the same fields, classes and spaces."""
        pairs = zip(self.fields, other.fields, strict=True)
        return Points(
            np.concatenate([self.space, other.space]),
            np.concatenate([self.label, other.label]),
            _both(self.probabilities, other.probabilities),
            self.classes,
            tuple(
                replace(
                    entry,
                    numbers=_both(entry.numbers, more.numbers),
                    codes=_both(entry.codes, more.codes),
                )
                for entry, more in pairs
            ),
            {name: np.concatenate([at, other.others[name]]) for name, at in self.others.items()},
        )

    def share_of_labels(self, codes: tuple[int, ...]) -> FloatArray:
        """(n,) 1 or 0 where the label is known, else the predicted probability of these labels."""
        known: FloatArray = np.isin(self.label, codes).astype(np.float64)
        if self.probabilities is None:
            return known
        predicted = self.probabilities[:, codes].sum(axis=1, dtype=np.float64)
        return np.asarray(np.where(self.label < 0, predicted, known))

    def label_means(self) -> FloatArray:
        """(k, d) mean position of each label; the mean of all for a label that is not there."""
        means = np.tile(self.space.mean(axis=0), (len(self.classes), 1))
        for code in np.unique(self.label[self.label >= 0]):
            means[code] = self.space[self.label == code].mean(axis=0)
        return means

    def centred(self, label_means: FloatArray | None) -> FloatArray:
        """(n, d) positions less the mean of the label, which is expected where it is not known.

        Without `label_means` positions stay as they are.
        """
        if label_means is None:
            return self.space
        known = self.label >= 0
        centre = np.tile(label_means.mean(axis=0), (len(self), 1))
        centre[known] = label_means[self.label[known]]
        if self.probabilities is not None:
            centre[~known] = self.probabilities[~known] @ label_means
        return np.asarray(self.space - centre)

    def cells(self, partition: Partition) -> IntArray:
        """(n,) index of the nearest centroid; computed once for each partition."""
        if partition not in self._cells:
            space = self.centred(partition.label_means)
            self._cells[partition] = nearest(space, partition.centroids)
        return self._cells[partition]


def take_field(entry: Field, rows: IntArray | BoolArray) -> Field:
    """One field over the chosen samples."""
    return replace(
        entry,
        numbers=None if entry.numbers is None else entry.numbers[rows],
        codes=None if entry.codes is None else entry.codes[rows],
    )


def nearest(space: FloatArray, centroids: FloatArray) -> IntArray:
    """(n,) index of the centroid nearest to each position; ties go to the first."""
    half_norm = 0.5 * np.einsum("cd,cd->c", centroids, centroids)
    found = np.empty(len(space), dtype=np.int64)
    for start in range(0, len(space), BLOCK_ROWS):
        block = space[start : start + BLOCK_ROWS]
        found[start : start + BLOCK_ROWS] = np.argmax(block @ centroids.T - half_norm, axis=1)
    return found


def neighbours(
    space: FloatArray, reference: FloatArray, k: int, *, exclude: IntArray | None = None
) -> IntArray:
    """Find the k nearest `reference` rows of every position, in no particular order.

    Parameters
    ----------
    space : (n, d) positions.
    reference : (r, d) positions to search.
    k : neighbours; fewer where `reference` is smaller.
    exclude : (n,) the reference row that is the sample itself, -1 where it is not among them.

    Returns
    -------
    (n, min(k, available)) int64 rows of `reference`.
    """
    k = min(k, len(reference) - (exclude is not None))
    if k <= 0:
        return np.empty((len(space), 0), dtype=np.int64)
    half_norm = 0.5 * np.einsum("rd,rd->r", reference, reference)
    found = np.empty((len(space), k), dtype=np.int64)
    rows = max(1, 4_000_000 // len(reference))
    for start in range(0, len(space), rows):
        closeness = space[start : start + rows] @ reference.T - half_norm
        if exclude is not None:
            own = exclude[start : start + rows]
            closeness[np.flatnonzero(own >= 0), own[own >= 0]] = -np.inf
        found[start : start + rows] = np.argpartition(closeness, -k, axis=1)[:, -k:]
    return found


def _both(first: NDArray[T] | None, second: NDArray[T] | None) -> NDArray[T] | None:
    return None if first is None or second is None else np.concatenate([first, second])
