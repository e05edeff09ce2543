"""Tables of predictions from files and from other libraries, as Arrow."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from aggressors.errors import TableError

SUFFIXES = (".parquet", ".csv", ".jsonl", ".ndjson")
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_LOOKED_AT = 5  # lines that tell which of these it is
_DECIMAL_COMMA = re.compile(r"(^|;)-?\d+,\d+\s*(;|$)", re.MULTILINE)
_DECIMAL_POINT = re.compile(r'(^|;)\s*"?-?\d+\.\d+"?\s*(;|$)', re.MULTILINE)
_BLOCK = 1 << 20


def read_table(given: Any, name: str, text_columns: Sequence[str] = ()) -> pa.Table:
    """Read a table.

    Parameters
    ----------
    given : path of a Parquet, CSV or JSON lines file; or an Arrow, pandas or polars table.
    name : what it is, for messages.
    text_columns : columns that stay text in a CSV, although they look like numbers.

    Raises
    ------
    TableError : it cannot be read.
    """
    if isinstance(given, str | os.PathLike):
        return _read_file(Path(given), text_columns)
    if isinstance(given, pa.Table):
        return given
    if type(given).__module__.split(".")[0] == "pandas":
        return _converted(lambda: pa.Table.from_pandas(given, preserve_index=False), name)
    if hasattr(given, "__arrow_c_stream__"):  # polars, duckdb and others
        return _converted(lambda: pa.table(given), name)
    raise TableError(
        f"{name} must be a path or an Arrow, pandas or polars table; got {type(given).__name__}. "
        "Pass one of these."
    )


def _converted(convert: Any, name: str) -> pa.Table:
    try:
        return convert()
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TableError(
            f"{name} cannot become an Arrow table: {error}. Give each column values of one type."
        ) from error


def _read_file(path: Path, text_columns: Sequence[str]) -> pa.Table:
    if path.is_dir():
        raise TableError(f"{path} is a folder. Name a file that ends in {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise TableError(f"There is no file {path}. Check the path, relative to {Path.cwd()}.")
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            import pyarrow.parquet as parquet

            return parquet.read_table(path)
        if suffix == ".csv":
            return _read_csv(path, text_columns)
        if suffix in SUFFIXES:
            import pyarrow.json as json

            return json.read_json(path)
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, suffix[1:], error) from error
    raise TableError(f"{path} must end in {', '.join(SUFFIXES)}; got {suffix!r}. Convert it.")


def _read_csv(path: Path, text_columns: Sequence[str]) -> pa.Table:
    from pyarrow import csv

    with path.open("rb") as file:
        start = file.read(_BLOCK).decode("utf-8", "replace")
        if file.read(1):  # the last line of it is cut
            start = start.rpartition("\n")[0] or start
    delimiter = _delimiter(start)
    options = csv.ConvertOptions(
        column_types=dict.fromkeys(text_columns, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        decimal_point="," if delimiter == ";" and _has_decimal_commas(start) else ".",
    )
    parsing = csv.ParseOptions(newlines_in_values=True, delimiter=delimiter)
    try:
        table = csv.read_csv(path, convert_options=options, parse_options=parsing)
    except pa.ArrowException as error:
        columns = f"csv with columns separated by {DELIMITERS[delimiter]}"
        raise _unreadable(path, columns, error) from error
    named = zip(table.column_names, table.schema.types, strict=True)  # names are decoded here
    if any(pa.types.is_binary(column) for _, column in named):
        raise _not_utf8(path)
    return table


def _delimiter(start: str) -> str:
    """Tell what separates the columns: a sign that the first lines have equally often.

    Of several, or where there is none, it is the one that the header has most; a comma where it
    has none.
    """

    def fits(sign: str) -> tuple[bool, int]:
        counts = [line.count(sign) for line in _first_lines(start, sign)] or [0]
        return len(set(counts)) == 1 and counts[0] > 0, counts[0]

    return max(DELIMITERS, key=fits)


def _first_lines(start: str, sign: str) -> list[str]:
    """Lines that are not empty, without the cells in quotes, which may hold signs and lines."""
    quoted = re.compile(rf'(^|{re.escape(sign)})"[^"]*(?:""[^"]*)*(?:"|\Z)', re.MULTILINE)
    lines = re.split(r"[\r\n]+", quoted.sub(r"\1x", start))
    return [line for line in lines if line.strip()][:_LOOKED_AT]


def _has_decimal_commas(start: str) -> bool:
    """Tell a decimal comma, where no number has a point: `1,2` may also be a pair."""
    return bool(_DECIMAL_COMMA.search(start)) and not _DECIMAL_POINT.search(start)


def _unreadable(path: Path, what: str, error: Exception) -> TableError:
    reason = str(error).splitlines()[0].rstrip(".")
    if "UTF8" in reason:
        return _not_utf8(path)
    return TableError(f"{path} cannot be read as {what}: {reason}. Write the file again.")


def _not_utf8(path: Path) -> TableError:
    return TableError(f"{path} is not UTF-8 text. Save it with the encoding UTF-8.")


def digest_of_table(given: Any, table: pa.Table) -> str:
    """SHA-256 over a file's bytes, or over the columns of a table in memory."""
    digest = sha256()
    if isinstance(given, str | os.PathLike):
        with Path(given).open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema.remove_metadata()) as stream:
        stream.write_table(table.replace_schema_metadata().combine_chunks())
    digest.update(memoryview(sink.getvalue()))
    return digest.hexdigest()
