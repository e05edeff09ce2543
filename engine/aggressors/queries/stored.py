"""One field of every sample, as an array in the order of the run that stays in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.queries.names import FieldRef, resolve
from aggressors.queries.scope import fetch, source_of
from aggressors.store.held import held

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

FloatArray = NDArray[np.float64]


def column(run: RunFile, ref: FieldRef) -> pa.Array:
    """One field of every sample, in the order of the run; kept, and so read only.

    Words of a category come as a dictionary whose values are sorted, or in the order of an ENUM.
    """

    def make() -> pa.Array:
        return _of_kind(ref, _read(run, [ref]).column(0))

    if ref.kind in ("text", "identifier"):  # as large as the file, and asked for one at a time
        return make()
    return held.get(run, _key(ref), make)


def read_ahead(run: RunFile, refs: Sequence[FieldRef]) -> None:
    """Read several fields, none a text, at once, for whoever will ask for the `column` of each."""
    sources: dict[str, list[FieldRef]] = {}
    for ref in refs:
        sources.setdefault(source_of(ref.sql), []).append(ref)
    for together in sources.values():
        table = _read(run, together)
        for ref, values in zip(together, table.columns, strict=True):
            held.get(run, _key(ref), partial(_of_kind, ref, values))


def _key(ref: FieldRef) -> str:
    return f"column {ref.sql}"


def _read(run: RunFile, refs: Sequence[FieldRef]) -> pa.Table:
    """Read fields of the same table, a column each."""
    shown = numbered(refs)
    return fetch(run, "SELECT {shown} FROM {source}", shown=shown, source=source_of(shown))


def numbered(refs: Sequence[FieldRef]) -> str:
    """Write fields as columns c0, c1, ... of a query, for two of them may share a name."""
    return ", ".join(f"{ref.sql} AS c{place}" for place, ref in enumerate(refs))


def _of_kind(ref: FieldRef, values: pa.ChunkedArray) -> pa.Array:
    found = whole_array(values)
    return sorted_dictionary(found) if ref.kind == "category" else found


def whole_array(values: pa.ChunkedArray) -> pa.Array:
    """Put the chunks of a column into one array."""
    whole = values.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def sorted_dictionary(values: pa.Array) -> pa.Array:
    """Write words as codes of a sorted dictionary; what comes as a dictionary stays as it is."""
    if pa.types.is_dictionary(values.type):
        return values
    found = values.cast(pa.string()).dictionary_encode()
    order = np.asarray(pc.sort_indices(found.dictionary).to_numpy(), dtype=np.int64)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    indices = pa.array(rank).take(found.indices)
    return pa.DictionaryArray.from_arrays(indices, found.dictionary.take(pa.array(order)))


def numbers(column: pa.Array | pa.ChunkedArray) -> FloatArray:
    """(n,) float64 with NaN where the column is NULL; read-only where nothing had to change."""
    if column.null_count or column.type != pa.float64():
        column = pc.fill_null(column.cast(pa.float64()), np.nan)
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def where_lies(run: RunFile, axis: str) -> NDArray[np.float32]:
    """(n,) positions on the map along map_x or map_y, NaN where a sample has none; read-only."""

    def make() -> NDArray[np.float32]:
        sql = "SELECT coalesce({axis}, 'nan'::FLOAT) AS place FROM samples s"
        found = fetch(run, sql, axis=resolve(run, axis).sql)["place"]
        return np.array(found.to_numpy(), dtype=np.float32)

    return held.get(run, f"place {axis}", make)
