"""The batches of a label queue: append-only Parquet files, each what happened to some samples.

Each change is a file of its own in `labels/<queue>/`, written beside and renamed, and then left as
it is. So dashboards, a command line and a labeling job work at once without a lock, and none
overwrites another's. What a queue is follows from the batches in the order of their names, see
`label_states`.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from aggressors.errors import UsageError, WorkspaceError
from aggressors.store.files import beside

Event = Literal["queued", "exported", "labeled", "rejected", "returned", "removed"]
EVENTS: tuple[Event, ...] = get_args(Event)
USER = "AGGRESSORS_USER"
LONGEST_WORD = 200  # characters of who did it, or why

_TIME = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("event", pa.string()),
        # Of `queued`: the run whose sample it is, for which aggressor, and why it was chosen.
        ("run_id", pa.string()),
        ("aggressor", pa.int32()),  # its rank in that run
        ("group", pa.string()),  # its name in every run that has it, see `queries.marks.groups`
        ("reason", pa.string()),
        ("similarity", pa.float64()),
        ("priority", pa.float64()),
        ("expected", pa.float64()),  # chance that it is such a sample, in [0, 1]
        # Of `labeled` and `rejected`.
        ("label", pa.string()),
        ("of_group", pa.bool_()),  # whether the labeler found it to be such a sample
        ("why", pa.string()),
        ("said_at", _TIME),  # when the labeling tool says that it was said
        # Of `exported`.
        ("format", pa.string()),
        # Of all.
        ("by", pa.string()),
        ("created", _TIME),
    ]
)
_NAME = re.compile(r"(\d{20})-[0-9a-f]{8}(-exported)?\.parquet")
_EXPORT = "-exported"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch file by its state: a changed file is read anew."""

    path: Path
    changed: int
    size: int

    @property
    def exports(self) -> bool:
        """Whether its name says that it is an export, also where it cannot be read."""
        return self.path.stem.endswith(_EXPORT)


def person(by: str = "") -> str:
    """Who does something: `by`, else $AGGRESSORS_USER, else the user of the operating system.

    Raises
    ------
    UsageError : a name that is too long, or cannot be printed.
    """
    found = by.strip() or os.environ.get(USER, "").strip() or _system_user()
    return word(found, "The name of who does it")


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may have no such user
        return "unknown"


def word(text: str, what: str) -> str:
    """Return a short text that can be shown on one line; raises UsageError."""
    text = " ".join(text.split())
    if len(text) > LONGEST_WORD or not text.isprintable():
        raise UsageError(
            f"{what} has at most {LONGEST_WORD} printable characters; got {text[:60]!r}. "
            "Shorten it."
        )
    return text


def write(
    folder: Path,
    event: Event,
    sample_ids: Sequence[str] | pa.Array | pa.ChunkedArray,
    columns: Mapping[str, Any] | None = None,
    *,
    by: str,
) -> Path:
    """Add a batch: the same event for some samples, the same columns beside.

    Parameters
    ----------
    columns : values of other columns of the schema, one for all samples or one for each; `by` for
        each takes the place of the one for all.

    Raises
    ------
    UsageError : no sample. WorkspaceError : the folder cannot be written.
    """
    n = len(sample_ids)
    if not n:
        raise UsageError("A batch of a label queue needs at least one sample.")
    given: dict[str, Any] = {"event": event, "by": by, "created": datetime.now(UTC)}
    given |= dict(columns or {}) | {"sample_id": sample_ids}
    batch = pa.table([_column(given.get(one.name), one.type, n) for one in SCHEMA], schema=SCHEMA)
    # The time orders batches; the token keeps two of the same nanosecond apart.
    mark = _EXPORT if event == "exported" else ""
    path = folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}{mark}.parquet"
    with beside(path) as temporary:
        parquet.write_table(batch, temporary)
    return path


def _column(value: Any, kind: pa.DataType, n: int) -> pa.Array:
    if isinstance(value, pa.ChunkedArray):
        value = value.combine_chunks()
    if isinstance(value, pa.Array):
        return value.cast(kind)
    if isinstance(value, list | tuple):
        return pa.array(value, kind)
    return pa.repeat(pa.scalar(value, kind), n)


def listed(folder: Path) -> tuple[Batch, ...]:
    """List the batches of a folder in their order."""
    found = []
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    for entry in entries:
        if entry.name.endswith(".parquet") and not entry.name.startswith("."):
            try:
                state = entry.stat()
            except OSError:  # it was moved away meanwhile
                continue
            found.append(Batch(Path(entry.path), state.st_mtime_ns, state.st_size))
    return tuple(sorted(found, key=lambda one: one.path.name))


def read(batches: Sequence[Batch]) -> tuple[pa.Table, tuple[str, ...]]:
    """Read batches as one table in their order, and a sentence for each that cannot be read.

    Returns
    -------
    The columns of the schema, and `batch`: the place of its file in `batches`.
    """
    tables = [_kept(one) for one in batches]  # threads only get in each other's way here
    schema = SCHEMA.append(pa.field("batch", pa.int32()))
    events = [
        one.append_column("batch", pa.repeat(pa.scalar(place, pa.int32()), one.num_rows))
        for place, one in enumerate(tables)
        if isinstance(one, pa.Table)
    ]
    broken = tuple(one for one in tables if isinstance(one, str))
    joined = pa.concat_tables(events) if events else schema.empty_table()
    return joined.combine_chunks(), broken


def _kept(batch: Batch) -> pa.Table | str | None:
    """Return one batch; the sentence where it cannot be read, and None where it is gone."""
    try:
        return _table(batch)
    except FileNotFoundError:
        return None
    except WorkspaceError as error:
        return str(error)


@lru_cache(maxsize=20_000)
def _table(batch: Batch) -> pa.Table:
    """Read one batch; kept, since a batch is never changed."""
    try:
        with parquet.ParquetFile(batch.path) as file:
            names = [name for name in SCHEMA.names if name in file.schema_arrow.names]
            return _checked(_whole(file.read(names, use_threads=False), batch))
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise WorkspaceError(
            f"{batch.path} is no label batch ({reason}). Move it away; the other batches stay."
        ) from error


def _whole(found: pa.Table, batch: Batch) -> pa.Table:
    """Fill in what older versions did not write."""
    if found.schema.equals(SCHEMA):
        return found
    if "sample_id" not in found.column_names:
        raise ValueError("it has no column sample_id")
    n = found.num_rows
    blank: dict[str, pa.Array] = {one.name: pa.nulls(n, one.type) for one in SCHEMA}
    if "event" not in found.column_names:
        blank["event"] = pa.repeat(pa.scalar("queued"), n)
    if "created" not in found.column_names:
        blank["created"] = pa.repeat(pa.scalar(_made(batch), _TIME), n)
    columns = [
        _read_as(found[one.name], one.type) if one.name in found.column_names else blank[one.name]
        for one in SCHEMA
    ]
    return pa.table(columns, schema=SCHEMA)


def _checked(whole: pa.Table) -> pa.Table:
    if whole["sample_id"].null_count:
        raise ValueError("a sample_id is missing")
    if strange := set(pc.unique(whole["event"]).to_pylist()) - set(EVENTS):
        raise ValueError(f"it says {strange.pop()!r} of a sample")
    return whole


def _read_as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Cast a column; pandas writes whole numbers of which some are missing as NaN and floats."""
    if pa.types.is_integer(kind) and pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    return column.cast(kind)


def _made(batch: Batch) -> datetime:
    """When a batch was written, by its name, else by its file."""
    named = _NAME.fullmatch(batch.path.name)
    nanoseconds = int(named[1]) if named else batch.changed
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
