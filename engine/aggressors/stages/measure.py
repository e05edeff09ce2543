"""What a built-in metadata field is, and what a type of data gives to measure its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    from aggressors.sources.pictures import Picture

# (n,) numbers, NaN where a sample has no such value; or (n,) texts and None, for a category.
Values = NDArray[np.floating] | NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Measure:
    """One built-in metadata field; `unit` is '' where the quantity has none."""

    name: str
    unit: str
    doc: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What there is to measure of some samples; None where a sample has none of it."""

    pictures: Sequence[Picture | None]
    texts: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of n samples, each alone.

    Parameters
    ----------
    values : one entry a measure.
    prints : (n, d) uint16, what `compare` needs to know of each sample later; None if nothing.
    """

    values: Mapping[str, Values]
    prints: NDArray[np.uint16] | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """A field that the user gave: its kind as in `metadata_fields`, and n values."""

    name: str
    kind: str
    values: pa.ChunkedArray


@dataclass(frozen=True, slots=True)
class Whole:
    """All n samples of a run. Labels, predictions and losses are out of reach.

    Parameters
    ----------
    texts : n texts, NULL where a sample has none.
    prints : by type of data, n fixed-size binaries (see `Measured`), NULL where there is none.
    own : the user's fields, in the order of their names.
    bare : (n,) True for samples with neither image nor text.
    """

    texts: pa.ChunkedArray
    prints: Mapping[str, pa.ChunkedArray]
    own: tuple[Own, ...]
    bare: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.bare)


class DataType(Protocol):
    """A type of data whose samples can be measured without the model; a module is one.

    A new type is a module with these names that stands in `describe.TYPES`; what it reads is an
    entry of `Batch`.
    """

    @property
    def NAME(self) -> str:
        """Name of the type, such as `image`."""
        ...

    @property
    def MEASURES(self) -> tuple[Measure, ...]:
        """Every field that the type may bring, in the order in which they are shown."""
        ...

    def read(self, batch: Batch) -> Sequence[Any]:
        """Return what is measured of each sample of a batch, None where there is nothing."""
        ...

    def measure(self, items: Sequence[Any]) -> Measured:
        """Measure what was read, without those that are None, each alone."""
        ...

    def compare(self, whole: Whole) -> Mapping[str, Values]:
        """Measure each sample against all others; (n,) values that no order of rows changes."""
        ...
