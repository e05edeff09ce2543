"""Open a published run: read-only, locked down, and never trusting the file."""
# A little over 400 lines: checks of a file from a stranger stay beside the reading they guard.

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

import duckdb

from aggressors.contracts import (
    ADDED,
    FOLDS,
    POPULATIONS,
    Action,
    FieldInfo,
    FieldKind,
    RunInfo,
    RunSummary,
    Settings,
    Status,
)
from aggressors.errors import (
    GivenUp,
    RunCorrupt,
    RunNotFound,
    SchemaTooNew,
    SchemaTooOld,
    StoreError,
)
from aggressors.store.asking import NOBODY, asking_for
from aggressors.store.files import below
from aggressors.store.schema import SCHEMA_VERSION, TABLES

MEMORY_LIMIT = "1GB"
IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"RIFF")
LARGEST_ORIGINAL = 30_000_000  # bytes
_HEADERS_BYTES = 3 * 4_096  # what a DuckDB file holds before its first block
_CHECKSUM_BYTES, _MAGIC = 8, b"DUCK"  # how it begins

# Nothing that a stranger's file contains can read another file, load an extension or lift this.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "memory_limit": MEMORY_LIMIT,
    # Columns that are read one by one stand beside each other.
    "preserve_insertion_order": "true",
    "lock_configuration": "true",
}

# A run id names files in `verdicts/`.
_RUN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")

# What DuckDB calls the types of the schema that are only known at publish.
_ENUM = r"ENUM\(.*\)"
_TYPES = {
    "POPULATION": re.escape(f"ENUM{POPULATIONS}"),
    "FOLD": re.escape(f"ENUM{FOLDS}"),
    "CLASS": rf"{_ENUM}|VARCHAR|DOUBLE",
    "VECTOR": r"FLOAT\[\d+\]",
}

Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True, eq=False)
class RunFile:
    """One published run, opened for reading.

    Parameters
    ----------
    path : the run file.
    info : the row of its `run` table.
    classes : class names in the order of the model's outputs; empty for regression.
    fields : metadata fields by name, in the order of the run.
    populations : number of samples by population, without empty ones.
    dimensions : length of an embedding, 0 where the run has none.
    """

    path: Path
    info: RunInfo
    classes: tuple[str, ...]
    fields: Mapping[str, FieldInfo]
    populations: Mapping[str, int]
    dimensions: int
    _connection: Connection = field(repr=False)

    @property
    def added(self) -> tuple[str, ...]:
        """Metadata fields that were added to the run that this one is derived from."""
        return tuple(name for name, entry in self.fields.items() if entry.source == ADDED)

    def cursor(self) -> Connection:
        """Return a cursor for the calling thread alone, on the one read-only connection."""
        return self._connection.cursor()

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """Yield a cursor for one query; what DuckDB refuses becomes an error of ours.

        Raises
        ------
        RunCorrupt : the file is damaged where opening it does not look.
        StoreError : the answer needs more memory than a query may take.
        GivenUp : who asked has gone elsewhere; see `store.asking`.
        """
        asker, cursor = asking_for(), self.cursor()
        try:
            with asker.asks(cursor) if asker else nullcontext():
                yield cursor
        except duckdb.InterruptException as error:
            raise GivenUp(NOBODY) from error
        except duckdb.OutOfMemoryException as error:
            raise StoreError(
                f"A question about {self.path} needs more than {MEMORY_LIMIT} of memory. "
                "Filter to fewer samples."
            ) from error
        except duckdb.Error as error:
            raise _refused(self.path, error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> RunFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_run(path: Path | str) -> RunFile:
    """Open a run file.

    Raises
    ------
    RunNotFound : there is no such file.
    RunCorrupt : it is truncated, or not a run file.
    SchemaTooNew : a newer version wrote it.
    """
    path = Path(path)
    connection = _connect(path)
    try:
        _check_tables(connection, path)
        _check_rows(connection, path)
        _check_words(connection, path)
        return RunFile(
            path=path,
            info=_read_info(connection, path),
            classes=_read_classes(connection),
            fields=_read_fields(connection, path),
            populations=_read_populations(connection),
            dimensions=_read_dimensions(connection),
            _connection=connection,
        )
    except duckdb.Error as error:
        connection.close()
        raise _refused(path, error) from error
    except BaseException:
        connection.close()
        raise


def read_summary(path: Path | str) -> RunSummary:
    """Read what a list of runs shows, and no more; raises as `open_run` does."""
    path = Path(path)
    connection = _connect(path)
    try:
        info = _read_info(connection, path)
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM samples),"
            " (SELECT count(*) FROM aggressors WHERE status = 'confirmed'),"
            " (SELECT list(field ORDER BY rowid) FROM metadata_fields WHERE source = ?)",
            [ADDED],
        ).fetchone()
        assert counts is not None  # scalar subqueries are always one row
        return RunSummary(
            run_id=info.run_id,
            name=info.name,
            path=str(path),
            created_at=info.created_at,
            model_name=info.model_name,
            task=info.task,
            samples=counts[0],
            aggressors=counts[1],
            derived_from=info.derived_from,
            derived_from_name=info.derived_from_name,
            added=tuple(counts[2] or ()),
        )
    except duckdb.Error as error:
        raise _refused(path, error) from error
    finally:
        connection.close()


def _connect(path: Path) -> Connection:
    """Connect, locked and read-only, to a whole DuckDB file of a schema that can be read."""
    if not path.is_file():
        raise RunNotFound(f"There is no run file {path}. `aggressors runs` lists what there is.")
    _check_kind(path)
    try:
        connection = duckdb.connect(path, read_only=True, config=_CONFIG)
    except duckdb.Error as error:
        raise _refused(path, error) from error
    try:
        _check_whole(connection, path)
        _check_inert(connection, path)
        _check_version(connection, path)
    except duckdb.Error as error:
        connection.close()
        raise _refused(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _refused(path: Path, error: duckdb.Error) -> RunCorrupt:
    reason = str(error).splitlines()[0]
    if "Could not read enough bytes" in reason:
        reason = "it is truncated"
    return _corrupt(path, reason)


def _corrupt(path: Path, reason: str) -> RunCorrupt:
    return RunCorrupt(
        f"{path} cannot be read as a run: {reason.rstrip('.')}. "
        "Copy the file again, or type the `aggressors run` that made it once more."
    )


def _check_kind(path: Path) -> None:
    """Require a DuckDB file; of a table DuckDB would try to make a database."""
    try:
        with path.open("rb") as file:
            start = file.read(_CHECKSUM_BYTES + len(_MAGIC))
    except OSError as error:
        raise _corrupt(path, (error.strerror or str(error)).lower()) from error
    if len(start) < _CHECKSUM_BYTES + len(_MAGIC):
        raise _corrupt(path, "it is truncated")
    if not start.endswith(_MAGIC):
        raise RunCorrupt(
            f"{path} is no run file: it is not a DuckDB file. `aggressors runs` lists the runs, "
            "and `aggressors ingest` makes one from a table."
        )


def _check_whole(connection: Connection, path: Path) -> None:
    """Compare the length with the blocks in use, for a file cut short still opens.

    A published file has no other blocks; what is cut from one that somebody changed may show late.
    """
    size = connection.execute(
        "SELECT block_size * used_blocks FROM pragma_database_size()"
    ).fetchone()
    expected = _HEADERS_BYTES + (size[0] if size else 0)
    found = path.stat().st_size
    if found < expected:
        raise _corrupt(path, f"it is truncated, {found:,} of {expected:,} bytes are there")


def _check_version(connection: Connection, path: Path) -> None:
    row = connection.execute("SELECT schema_version FROM run").fetchone()
    if row is None or row[0] is None:
        raise _corrupt(path, "its table 'run' is empty or has no schema_version")
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


def _check_inert(connection: Connection, path: Path) -> None:
    """Refuse a file that computes: a macro could pose as any function, a view as any table."""
    computed = connection.execute(
        "SELECT view_name FROM system.duckdb_views() WHERE NOT internal"
        " UNION ALL SELECT function_name FROM system.duckdb_functions() WHERE NOT internal"
    ).fetchall()
    if computed:
        raise _corrupt(path, f"it holds {computed[0][0]!r}, a view or macro that no run file has")


def _check_tables(connection: Connection, path: Path) -> None:
    """Require every table and column of the schema, and its type."""
    found: dict[str, dict[str, str]] = {}
    for table, column, type_name in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal"
    ).fetchall():
        found.setdefault(table, {})[column] = type_name
    for expected in TABLES:
        if expected.name not in found:
            raise _corrupt(path, f"its table {expected.name!r} is missing")
        for column in expected.columns:
            type_name = found[expected.name].get(column.name)
            what = f"column {column.name!r} of {expected.name!r}"
            if type_name is None:
                raise _corrupt(path, f"{what} is missing")
            if not re.fullmatch(_TYPES.get(column.type, column.type), type_name, re.DOTALL):
                raise _corrupt(path, f"{what} is {type_name[:40]}, not {column.type}")


def _check_rows(connection: Connection, path: Path) -> None:
    """Require as many rows of metadata as samples: they are matched by their places."""
    rows = connection.execute(
        "SELECT (SELECT count(*) FROM samples), (SELECT count(*) FROM metadata)"
    ).fetchone()
    if rows and rows[0] != rows[1]:
        raise _corrupt(path, f"it has {rows[0]:,} samples, and metadata of {rows[1]:,}")


def _check_words(connection: Connection, path: Path) -> None:
    """Require that each aggressor has a value everywhere, and words that the contract knows."""
    for rank, name, status, action in connection.execute(
        "SELECT rank, name, status, action FROM aggressors"
    ).fetchall():
        if status not in get_args(Status) or action not in get_args(Action):
            raise _corrupt(path, f"aggressor {rank} has status {status!r} and action {action!r}")
        if rank is None or name is None:
            raise _corrupt(path, "an aggressor has no rank or no name")


def _read_info(connection: Connection, path: Path) -> RunInfo:
    row = connection.execute(
        "SELECT run_id, name, schema_version, created_at, model_name, model_digest, data_digest,"
        " task, loss_name, settings, seed, engine_version, derived_from, derived_from_name FROM run"
    ).fetchone()
    assert row is not None  # _check_version has read it
    values = dict(zip((entry.name for entry in fields(RunInfo)), row, strict=True))
    for name, value in values.items():
        _check_value(name, value, path)
    if not is_run_id(values["run_id"]):
        raise _corrupt(path, f"its run id {values['run_id']!r:.80} cannot name a file")
    if values["derived_from"] and not is_run_id(values["derived_from"]):
        raise _corrupt(path, f"it is derived from {values['derived_from']!r:.80}, which is no run")
    created = values["created_at"].replace(tzinfo=UTC).isoformat()
    settings = _read_settings(values["settings"], path)
    return RunInfo(**values | {"created_at": created, "settings": settings})


def _check_value(name: str, value: Any, path: Path) -> None:
    """Require one value of the table `run` to be there and of its type."""
    if value is None:
        raise _corrupt(path, "its table 'run' has a column without a value")
    wanted = {"schema_version": int, "seed": int, "created_at": datetime}.get(name, str)
    if not isinstance(value, wanted):
        raise _corrupt(path, f"{name!r} of its table 'run' is {value!r:.40}")


def is_run_id(text: str) -> bool:
    """Tell whether a text can be the id of a run: it names files, and cannot leave their folder."""
    return bool(_RUN_ID.fullmatch(text))


def check_file_name(path: Path, run_id: str) -> None:
    """Require of a file in `runs/` that its name is its run id; raises RunCorrupt."""
    if path.stem != run_id:
        raise RunCorrupt(
            f"{path} holds the run {run_id!r}, and files in runs/ are called by their id. "
            f"Rename it to {run_id}.duckdb."
        )


def find_original(uri: str, roots: Sequence[Path]) -> Path | None:
    """Where the full-size image of a sample lies, or None where no root holds it.

    Parameters
    ----------
    uri : path below a media root, as the run file gives it; a stranger may have written it.
    roots : folders named on the command line; nothing outside them is found, links included.
    """
    for root in roots:
        path = below(root, uri)
        try:
            if path is not None and path.is_file() and path.stat().st_size <= LARGEST_ORIGINAL:
                return path
        except OSError:  # a name longer than the file system takes, a folder that is closed to us
            continue
    return None


def read_original(uri: str, roots: Sequence[Path]) -> bytes | None:
    """Full-size image of a sample, or None where no root holds it; see `find_original`."""
    path = find_original(uri, roots)
    try:
        content = b"" if path is None else path.read_bytes()
    except OSError:
        return None
    return content if content.startswith(IMAGE_STARTS) else None


def _read_settings(raw: str, path: Path) -> Settings:
    """Parse the settings this version knows; those of a later version are left aside."""
    known = {name for name, _, _ in Settings.describe()}
    try:
        values = json.loads(raw)
        return Settings.parse({name: values[name] for name in known if name in values})
    except (ValueError, TypeError, KeyError) as error:
        raise _corrupt(path, f"its settings cannot be read ({error})") from error


def _read_classes(connection: Connection) -> tuple[str, ...]:
    """Values of the ENUM of `samples.label`; regression has none."""
    row = connection.execute(
        "SELECT labels FROM duckdb_types() WHERE type_name = 'class' AND NOT internal"
    ).fetchone()
    return tuple(row[0]) if row and row[0] else ()


def _read_fields(connection: Connection, path: Path) -> dict[str, FieldInfo]:
    columns = {row[0]: row[1] for row in connection.execute("DESCRIBE metadata").fetchall()}
    fields = {}
    for name, kind, unit, source, missing in connection.execute(
        "SELECT field, kind, unit, source, missing FROM metadata_fields ORDER BY rowid"
    ).fetchall():
        if kind not in get_args(FieldKind) or name not in columns:
            raise _corrupt(path, f"metadata field {name!r} has no column or an unknown kind")
        wanted = "DOUBLE" if kind == "number" else rf"{_ENUM}|VARCHAR"
        if not re.fullmatch(wanted, columns[name], re.DOTALL):
            raise _corrupt(path, f"metadata field {name!r} is a {kind} of type {columns[name]:.40}")
        fields[name] = FieldInfo(name, kind, unit or "", source, missing)
    return fields


def _read_populations(connection: Connection) -> dict[str, int]:
    return dict(
        connection.execute(
            "SELECT population::VARCHAR, count(*) FROM samples GROUP BY population"
            " ORDER BY population"
        ).fetchall()
    )


def _read_dimensions(connection: Connection) -> int:
    row = connection.execute("SELECT len(vector) FROM embeddings LIMIT 1").fetchone()
    return int(row[0]) if row else 0
