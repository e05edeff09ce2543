"""Open a published run: read-only, locked down, and never trusting the file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from types import TracebackType
from typing import get_args

import duckdb

from aggressors.contracts import FieldInfo, FieldKind, RunInfo, RunSummary, Settings
from aggressors.errors import RunCorrupt, RunNotFound, SchemaTooNew
from aggressors.store.files import below
from aggressors.store.schema import SCHEMA_VERSION, TABLES

MEMORY_LIMIT = "1GB"
IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"RIFF")
LARGEST_ORIGINAL = 30_000_000  # bytes
_HEADERS_BYTES = 3 * 4_096  # what a DuckDB file holds before its first block

# Nothing that a stranger's file contains can read another file, load an extension or lift this.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "memory_limit": MEMORY_LIMIT,
    "lock_configuration": "true",
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

    def cursor(self) -> Connection:
        """Return a cursor for the calling thread alone, on the one read-only connection."""
        return self._connection.cursor()

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
            " (SELECT count(*) FROM aggressors WHERE status = 'confirmed')"
        ).fetchone()
        assert counts is not None  # two scalar subqueries are always one row
        return RunSummary(
            run_id=info.run_id,
            name=info.name,
            path=str(path),
            created_at=info.created_at,
            model_name=info.model_name,
            task=info.task,
            samples=counts[0],
            aggressors=counts[1],
        )
    except duckdb.Error as error:
        raise _refused(path, error) from error
    finally:
        connection.close()


def _connect(path: Path) -> Connection:
    """Connect, locked and read-only, to a whole DuckDB file of a schema that can be read."""
    if not path.is_file():
        raise RunNotFound(f"There is no run file {path}. `aggressors runs` lists what there is.")
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
    if "not a valid DuckDB" in reason:
        reason = "it is not a DuckDB file"
    elif "Could not read enough bytes" in reason:
        reason = "it is truncated"
    return _corrupt(path, reason)


def _corrupt(path: Path, reason: str) -> RunCorrupt:
    return RunCorrupt(
        f"{path} cannot be read as a run: {reason.rstrip('.')}. "
        "Copy the file again, or type the `aggressors run` that made it once more."
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


def _check_inert(connection: Connection, path: Path) -> None:
    """Refuse a file that computes: a macro could pose as any function, a view as any table."""
    computed = connection.execute(
        "SELECT view_name FROM system.duckdb_views() WHERE NOT internal"
        " UNION ALL SELECT function_name FROM system.duckdb_functions() WHERE NOT internal"
    ).fetchall()
    if computed:
        raise _corrupt(path, f"it holds {computed[0][0]!r}, a view or macro that no run file has")


def _check_tables(connection: Connection, path: Path) -> None:
    """Require every table and column of the schema."""
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
    ).fetchall():
        found.setdefault(table, set()).add(column)
    for expected in TABLES:
        if expected.name not in found:
            raise _corrupt(path, f"its table {expected.name!r} is missing")
        for column in expected.columns:
            if column.name not in found[expected.name]:
                raise _corrupt(path, f"column {column.name!r} of {expected.name!r} is missing")


def _read_info(connection: Connection, path: Path) -> RunInfo:
    row = connection.execute(
        "SELECT run_id, name, schema_version, created_at, model_name, model_digest, data_digest,"
        " task, loss_name, settings, seed, engine_version FROM run"
    ).fetchone()
    assert row is not None  # _check_version has read it
    if None in row:
        raise _corrupt(path, "its table 'run' has a column without a value")
    run_id, name, version, created, model, model_digest, data_digest, task, loss, raw, *rest = row
    return RunInfo(
        run_id=run_id,
        name=name,
        schema_version=version,
        created_at=created.replace(tzinfo=UTC).isoformat(),
        model_name=model,
        model_digest=model_digest,
        data_digest=data_digest,
        task=task,
        loss_name=loss,
        settings=_read_settings(raw, path),
        seed=rest[0],
        engine_version=rest[1],
    )


def read_original(uri: str, roots: Sequence[Path]) -> bytes | None:
    """Full-size image of a sample, or None where no root holds it.

    Parameters
    ----------
    uri : path below a media root, as the run file gives it; a stranger may have written it.
    roots : folders named on the command line; nothing outside them is read, links included.
    """
    for root in roots:
        path = below(root, uri)
        if path is None or not path.is_file():
            continue
        if path.stat().st_size <= LARGEST_ORIGINAL:
            content = path.read_bytes()
            return content if content.startswith(IMAGE_STARTS) else None
    return None


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
    columns = {row[0] for row in connection.execute("DESCRIBE metadata").fetchall()}
    fields = {}
    for name, kind, unit, source, missing in connection.execute(
        "SELECT field, kind, unit, source, missing FROM metadata_fields ORDER BY rowid"
    ).fetchall():
        if kind not in get_args(FieldKind) or name not in columns:
            raise _corrupt(path, f"metadata field {name!r} has no column or an unknown kind")
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
