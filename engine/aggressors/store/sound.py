"""Whether a run file is sound: a stranger may have written it, or a copy may have broken off."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import duckdb

from aggressors.contracts import FOLDS, POPULATIONS, Action, Status
from aggressors.errors import RunCorrupt, SchemaTooNew, SchemaTooOld
from aggressors.store.schema import SCHEMA_VERSION, TABLES

_HEADERS_BYTES = 3 * 4_096  # what a DuckDB file holds before its first block
_CHECKSUM_BYTES, _MAGIC = 8, b"DUCK"  # how it begins

# What DuckDB calls the types of the schema that are only known at publish.
ENUM = r"ENUM\(.*\)"
_TYPES = {
    "POPULATION": re.escape(f"ENUM{POPULATIONS}"),
    "FOLD": re.escape(f"ENUM{FOLDS}"),
    "CLASS": rf"{ENUM}|VARCHAR|DOUBLE",
    "VECTOR": r"FLOAT\[\d+\]",
}

Connection = duckdb.DuckDBPyConnection
Tables = dict[str, dict[str, str]]


def refused(path: Path, error: duckdb.Error) -> RunCorrupt:
    """Say in our words why DuckDB refuses a file."""
    reason = str(error).splitlines()[0]
    if "Could not read enough bytes" in reason:
        reason = "it is truncated"
    return corrupt(path, reason)


def corrupt(path: Path, reason: str) -> RunCorrupt:
    """Say that a file is no sound run, why, and what to do."""
    return RunCorrupt(
        f"{path} cannot be read as a run: {reason.rstrip('.')}. "
        "Copy the file again, or type the `aggressors run` that made it once more."
    )


def check_kind(path: Path) -> None:
    """Require a DuckDB file; of a table DuckDB would try to make a database."""
    try:
        with path.open("rb") as file:
            start = file.read(_CHECKSUM_BYTES + len(_MAGIC))
    except OSError as error:
        raise corrupt(path, (error.strerror or str(error)).lower()) from error
    if len(start) < _CHECKSUM_BYTES + len(_MAGIC):
        raise corrupt(path, "it is truncated")
    if not start.endswith(_MAGIC):
        raise RunCorrupt(
            f"{path} is no run file: it is not a DuckDB file. `aggressors runs` lists the runs, "
            "and `aggressors ingest` makes one from a table."
        )


def check_whole(connection: Connection, path: Path) -> None:
    """Compare the length with the blocks in use, for a file cut short still opens.

    A published file has no other blocks; what is cut from one that somebody changed may show late.
    """
    check_length(path, max(lengths(connection).values(), default=_HEADERS_BYTES))


def lengths(connection: Connection) -> dict[str, int]:
    """Give the least length in bytes of the file behind each attached database."""
    rows = connection.execute(
        "SELECT database_name, block_size * used_blocks FROM pragma_database_size()"
    ).fetchall()
    return {name: _HEADERS_BYTES + size for name, size in rows}


def check_length(path: Path, expected: int) -> None:
    """Require a file to have its least length."""
    found = path.stat().st_size
    if found < expected:
        raise corrupt(path, f"it is truncated, {found:,} of {expected:,} bytes are there")


def check_name(path: Path) -> None:
    """Require a name that DuckDB can be told."""
    try:
        str(path).encode()
    except UnicodeError as error:
        raise RunCorrupt(
            f"The name of the run file {str(path)!a} is not UTF-8. Rename it."
        ) from error


def check_version(connection: Connection, path: Path) -> None:
    """Require the schema version that this version of aggressors reads."""
    row = connection.execute("SELECT schema_version FROM run").fetchone()
    if row is None or not isinstance(row[0], int):
        raise corrupt(path, "its table 'run' is empty or has no schema_version")
    if row[0] > SCHEMA_VERSION:
        raise SchemaTooNew(
            f"{path} has schema version {row[0]}; this version of aggressors reads up to "
            f"{SCHEMA_VERSION}. Upgrade with `pip install --upgrade aggressors`."
        )
    if row[0] < SCHEMA_VERSION:
        raise SchemaTooOld(
            f"{path} has schema version {row[0]}; this version of aggressors reads "
            f"{SCHEMA_VERSION}. Make the run again with `aggressors run` or `aggressors ingest`."
        )


@dataclass(frozen=True, slots=True)
class Stamp:
    """State of a file: what is written into it, or put in its place, has another one.

    Parameters
    ----------
    size : in bytes.
    modified, changed : in nanoseconds since 1970.
    replayed : whether a log lies beside it, of which DuckDB takes more than what the file holds.
    """

    device: int
    inode: int
    size: int
    modified: int
    changed: int
    replayed: bool

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Look at a file before it is opened; raises RunCorrupt where it cannot be seen."""
        try:
            now = path.stat()
        except OSError as error:
            raise corrupt(path, (error.strerror or str(error)).lower()) from error
        log = path.with_name(f"{path.name}.wal").exists()
        return cls(now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns, log)


# Files that were seen to hold the tables of a run and to compute nothing. To see it, DuckDB lists
# its thousands of functions and columns, which takes half the time of opening a run; the list of
# runs has looked already.
_sound: set[Stamp] = set()


def note_sound(stamp: Stamp) -> None:
    """Remember that a file in this state is sound; it must have been attached by itself.

    To open a path that is open already, DuckDB shows what it holds, whatever lies there now.
    """
    if not stamp.replayed:
        _sound.add(stamp)


def known_sound(path: Path, stamp: Stamp) -> bool:
    """Tell whether a file was seen to be sound, and is what it was before it was opened.

    Parameters
    ----------
    stamp : of the file before it was opened; what was put in its place since is looked through.
    """
    return stamp in _sound and stamp == Stamp.of(path)


def check_inert(connection: Connection, path: Path) -> None:
    """Refuse a file that computes: a macro could pose as any function, a view as any table."""
    if found := next(iter(computing(connection).values()), ""):
        raise corrupt(path, f"it holds {found!r}, a view or macro that no run file has")


def computing(connection: Connection) -> dict[str, str]:
    """Name a view or macro in each attached database that has one."""
    return dict(
        connection.execute(
            "SELECT database_name, view_name FROM system.duckdb_views() WHERE NOT internal"
            " UNION ALL SELECT database_name, function_name FROM system.duckdb_functions()"
            " WHERE NOT internal"
        ).fetchall()
    )


def tables_of(connection: Connection) -> dict[str, Tables]:
    """Give the tables of each attached database: the type of each column by table and name.

    Of metadata only the first column: others have any name, and as many words as a run has values.
    """
    found: dict[str, Tables] = {}
    for database, table, column, type_name in connection.execute(
        "SELECT database_name, table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE NOT internal AND (table_name <> 'metadata' OR column_name = 'row_id')"
    ).fetchall():
        found.setdefault(database, {}).setdefault(table, {})[column] = type_name
    return found


def check_tables(found: Tables, path: Path) -> None:
    """Require every table and column of the schema, and its type."""
    for expected in TABLES:
        if expected.name not in found:
            raise corrupt(path, f"its table {expected.name!r} is missing")
        for column in expected.columns:
            type_name = found[expected.name].get(column.name)
            what = f"column {column.name!r} of {expected.name!r}"
            if type_name is None:
                raise corrupt(path, f"{what} is missing")
            if not re.fullmatch(_TYPES.get(column.type, column.type), type_name, re.DOTALL):
                raise corrupt(path, f"{what} is {type_name[:40]}, not {column.type}")


def check_rows(connection: Connection, path: Path) -> None:
    """Require as many rows of metadata as samples: they are matched by their places."""
    rows = connection.execute(
        "SELECT (SELECT count(*) FROM samples), (SELECT count(*) FROM metadata)"
    ).fetchone()
    if rows and rows[0] != rows[1]:
        raise corrupt(path, f"it has {rows[0]:,} samples, and metadata of {rows[1]:,}")


def check_words(connection: Connection, path: Path) -> None:
    """Require that each aggressor has a value everywhere, and words that the contract knows."""
    for rank, name, status, action, severity, impact in connection.execute(
        "SELECT rank, name, status, action, severity, impact FROM aggressors"
    ).fetchall():
        if status not in get_args(Status) or action not in get_args(Action):
            raise corrupt(path, f"aggressor {rank} has status {status!r} and action {action!r}")
        if None in (rank, name, severity, impact):
            raise corrupt(path, "an aggressor has no rank, name, severity or impact")


def check_value(name: str, value: Any, path: Path) -> None:
    """Require one value of the table `run` to be there and of its type."""
    if value is None:
        raise corrupt(path, "its table 'run' has a column without a value")
    wanted = {"schema_version": int, "seed": int, "created_at": datetime}.get(name, str)
    if not isinstance(value, wanted):
        raise corrupt(path, f"{name!r} of its table 'run' is {value!r:.40}")


def check_file_name(path: Path, run_id: str) -> None:
    """Require of a file in `runs/` that its name is its run id; raises RunCorrupt."""
    if path.stem != run_id:
        raise RunCorrupt(
            f"{path} holds the run {run_id!r}, and files in runs/ are called by their id. "
            f"Rename it to {run_id}.duckdb."
        )
