"""Tables for spreadsheets and programs: csv, parquet, JSON lines; written page by page."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from aggressors.export.job import Job
from aggressors.export.media import IMAGES, Row

_EXACT = 2**53  # below it a float holds every whole number

# A spreadsheet takes a cell that starts with one of these, narrow or wide, for a formula.
# Source: OWASP, CSV Injection.
_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"

Pages = Iterable[pa.Table]
_FILE_NAME = "file_name"


def writer(
    write: Callable[[BinaryIO, pa.Schema, Pages], None],
) -> Callable[[Job], tuple[str, ...]]:
    """Make a table a format: one file, with the pictures beside it where they are copied."""

    def of_a_list(job: Job) -> tuple[str, ...]:
        schema, pages = job.listing.schema, job.pages()
        if job.copies:
            schema, pages = with_names(schema), (_with_pictures(job, page) for page in pages)
        with job.sink.file(job.name) as stream:
            write(stream, schema, pages)
        return job.pictures.remarks()

    return of_a_list


def with_names(schema: pa.Schema) -> pa.Schema:
    """Put a column with the name of a picture in the place of the picture."""
    names = [f"metadata.{name}" if name == _FILE_NAME else name for name in schema.names]
    named = pa.schema(zip(names, schema.types, strict=True))
    place = named.get_field_index("thumbnail")
    return named.set(place, pa.field(_FILE_NAME, pa.string()))


def _with_pictures(job: Job, page: pa.Table) -> pa.Table:
    names = [found and f"{IMAGES}/{found}" for found in copied(job, page, lambda row: IMAGES)]
    schema = with_names(page.schema)
    place = schema.get_field_index(_FILE_NAME)
    column = pa.array(names, pa.string())
    return page.set_column(place, "thumbnail", column).rename_columns(schema.names)


def copied(job: Job, page: pa.Table, folder: Callable[[Row], str]) -> list[str | None]:
    """Write the pictures of a page; gives their names in their folders, None where there is none.

    Parameters
    ----------
    folder : of the picture of a row, which has rank, sample_id, population, uri and thumbnail.
    """
    wanted = page.select(["rank", "sample_id", "population", "uri", "thumbnail"])
    found = [job.pictures.copy(row, job.sink, folder(row)) for row in wanted.to_pylist()]
    return [one and one[0] for one in found]


def write_csv(stream: BinaryIO, schema: pa.Schema, pages: Pages) -> None:
    """UTF-8, comma separated; text that a spreadsheet would take for a formula gets a leading '."""
    names = [_guarded_name(name) for name in schema.names]
    with pc_csv.CSVWriter(stream, pa.schema(zip(names, schema.types, strict=True))) as writer:
        for page in pages:
            columns = [_guarded(column) for column in page.columns]
            writer.write_table(pa.table(columns, names=names))


def csv(table: pa.Table) -> bytes:
    """Write a short table; see `write_csv`."""
    stream = io.BytesIO()
    write_csv(stream, table.schema, [table])
    return stream.getvalue()


def _guarded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_string(column.type):
        return column
    starts = pc.fill_null(pc.match_substring_regex(column, _FORMULA), False)
    return pc.if_else(starts, pc.binary_join_element_wise("'", column, ""), column)


def _guarded_name(name: str) -> str:
    return str(_guarded(pa.chunked_array([[name]], pa.string()))[0].as_py())


def write_parquet(stream: BinaryIO, schema: pa.Schema, pages: Pages) -> None:
    """Write Parquet with the table's own types."""
    with pq.ParquetWriter(stream, schema) as writer:
        for page in pages:
            writer.write_table(page)


def write_jsonl(stream: BinaryIO, schema: pa.Schema, pages: Pages) -> None:
    """One JSON object a line, UTF-8; NULL for what is missing or not finite."""
    for page in pages:
        for row in rows(page):
            stream.write(line(row))


def line(row: object) -> bytes:
    """One line of JSON lines."""
    return f"{_encode(row)}\n".encode()


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


def rows(page: pa.Table) -> Iterator[dict[str, Any]]:
    """Give the rows of a page as what JSON can hold; a whole number has no `.0`."""
    names = page.column_names
    columns = [_values(column) for column in page.columns]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _values(column: pa.ChunkedArray) -> list[object]:
    """Values of a column; None for NaN and infinity, which JSON lacks."""
    if not pa.types.is_floating(column.type):
        return list(column.to_pylist())
    numbers = column.to_numpy().astype(np.float64)  # NULL becomes NaN
    values: list[object] = numbers.tolist()
    with np.errstate(invalid="ignore"):
        exact = (numbers == np.trunc(numbers)) & (np.abs(numbers) < _EXACT)
    for place in np.flatnonzero(~np.isfinite(numbers)):
        values[place] = None
    for place in np.flatnonzero(exact):
        values[place] = int(numbers[place])
    return values
