"""Tables for spreadsheets and programs: csv, parquet, JSON lines."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

_ROWS = 1_000
_EXACT = 2**53  # below it a float holds every whole number

# A spreadsheet takes a cell that starts with one of these, narrow or wide, for a formula.
# Source: OWASP, CSV Injection.
_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"


def csv(table: pa.Table) -> bytes:
    """UTF-8, comma separated; text that a spreadsheet would take for a formula gets a leading '."""
    columns = [_guarded(column) for column in table.columns]
    names = [_guarded_name(name) for name in table.column_names]
    buffer = io.BytesIO()
    pc_csv.write_csv(pa.table(columns, names=names), buffer)
    return buffer.getvalue()


def _guarded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_string(column.type):
        return column
    starts = pc.fill_null(pc.match_substring_regex(column, _FORMULA), False)
    return pc.if_else(starts, pc.binary_join_element_wise("'", column, ""), column)


def _guarded_name(name: str) -> str:
    return str(_guarded(pa.chunked_array([[name]], pa.string()))[0].as_py())


def parquet(table: pa.Table) -> bytes:
    """Write Parquet with the table's own types."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def jsonl(table: pa.Table) -> bytes:
    """One JSON object a line, UTF-8; NULL for what is missing or not finite."""
    buffer = io.BytesIO()
    for row in rows(table):
        values = {name: plain(value) for name, value in row.items()}
        buffer.write(f"{json.dumps(values, ensure_ascii=False)}\n".encode())
    return buffer.getvalue()


def rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Give the rows of a table one by one, so that only a few are Python objects at a time."""
    for batch in table.to_batches(max_chunksize=_ROWS):
        yield from batch.to_pylist()


def plain(value: object) -> object:
    """Make a value what JSON can hold: None for NaN or infinity; a whole number without `.0`."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < _EXACT else value
