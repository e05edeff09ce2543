"""Built-in metadata: what can be measured on a sample by its type, without the model.

A type of data is one module behind one protocol (`measure.DataType`), listed in `TYPES`. What a
sample tells alone is measured with its batch, here; what only shows beside all others once the run
is together, in the stage `survey`. The user's own field of the same name always wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.stages import describe_image, describe_row, describe_text
from aggressors.stages.measure import Batch, DataType, Values

if TYPE_CHECKING:
    from aggressors.sources.pictures import Picture

SOURCE = "built-in"
TYPES: tuple[DataType, ...] = (describe_image, describe_text, describe_row)
MEASURES = tuple(entry for part in TYPES for entry in part.MEASURES)
UNITS = {entry.name: entry.unit for entry in MEASURES}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Described:
    """The measures of a batch: only those of the types of data that it holds.

    `fields` has one array a field, NULL where it cannot be measured; `prints` one column a type
    for `survey`.
    """

    fields: Mapping[str, pa.Array]
    prints: Mapping[str, pa.Array]


def describe(pictures: Sequence[Picture | None], texts: Sequence[str | None]) -> Described:
    """Measure a batch of samples.

    Parameters
    ----------
    pictures : the decoded image of each sample, None where it has none.
    texts : the text of each sample, None where it has none.
    """
    batch = Batch(pictures, texts)
    fields: dict[str, pa.Array] = {}
    prints: dict[str, pa.Array] = {}
    for part in TYPES:
        items = part.read(batch)
        places = [place for place, item in enumerate(items) if item is not None]
        if not places:
            continue
        measured = part.measure([items[place] for place in places])
        fields |= {
            name: _column(values, places, len(batch)) for name, values in measured.values.items()
        }
        if measured.prints is not None:
            prints[part.NAME] = _binary(measured.prints, places, len(batch))
    return Described(fields, prints)


def without(measured: Mapping[str, T], own: Iterable[str]) -> dict[str, T]:
    """Leave out what the user gives a field for, in whatever case the name is written."""
    taken = {name.casefold() for name in own}
    return {name: column for name, column in measured.items() if name not in taken}


def column_of(values: Values) -> pa.Array:
    """Numbers as float64 with NULL for NaN, texts as text."""
    if values.dtype == object:
        return pa.array(values, pa.string())
    return pa.array(values.astype(np.float64), from_pandas=True)


def _column(values: Values, places: Sequence[int], n: int) -> pa.Array:
    spread: Values = np.full(n, None) if values.dtype == object else np.full(n, np.nan)
    spread[places] = values
    return column_of(spread)


def _binary(prints: NDArray[np.uint16], places: Sequence[int], n: int) -> pa.Array:
    """(k, d) prints of the samples at `places` as n binaries, NULL elsewhere."""
    known = np.zeros(n, dtype=np.bool_)
    known[places] = True
    spread = np.zeros((n, prints.shape[1]), dtype=np.uint16)
    spread[places] = prints
    validity = np.packbits(known, bitorder="little")
    kind = pa.binary(spread.itemsize * spread.shape[1])
    buffers = [pa.py_buffer(validity.tobytes()), pa.py_buffer(spread.tobytes())]
    return pa.Array.from_buffers(kind, n, buffers)
