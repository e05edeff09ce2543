"""Open a published run: read-only, locked down, and never trusting the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, fields
from datetime import UTC
from pathlib import Path
from types import TracebackType
from typing import get_args

import duckdb

from aggressors.contracts import ADDED, FieldInfo, FieldKind, RunInfo, RunSummary, Settings
from aggressors.errors import GivenUp, RunNotFound, StoreError
from aggressors.store.asking import NOBODY, asking_for
from aggressors.store.originals import LARGEST_ORIGINAL, find_original, read_original
from aggressors.store.sound import (
    ENUM,
    Connection,
    Stamp,
    check_file_name,
    check_inert,
    check_kind,
    check_name,
    check_rows,
    check_tables,
    check_value,
    check_version,
    check_whole,
    check_words,
    corrupt,
    known_sound,
    refused,
    tables_of,
)

__all__ = [
    "LARGEST_ORIGINAL",
    "MEMORY_LIMIT",
    "RunFile",
    "check_file_name",
    "find_original",
    "open_run",
    "read_original",
    "read_summary",
]

MEMORY_LIMIT = "1GB"

# Nothing that a stranger's file contains can read another file, load an extension or lift this.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
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
            raise refused(self.path, error) from error

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
        check_rows(connection, path)
        check_words(connection, path)
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
        raise refused(path, error) from error
    except BaseException:
        connection.close()
        raise


def read_summary(path: Path | str) -> RunSummary:
    """Read what a list of runs shows, and no more; raises as `open_run` does."""
    path = Path(path)
    connection = _connect(path)
    try:
        return summary_of(connection, path)
    except duckdb.Error as error:
        raise refused(path, error) from error
    finally:
        connection.close()


def summary_of(connection: Connection, path: Path) -> RunSummary:
    """Sum up the run that a connection shows; raises RunCorrupt."""
    info = _read_info(connection, path)
    counts = connection.execute(
        "SELECT (SELECT count(*) FROM samples),"
        " (SELECT count(*) FROM aggressors WHERE status = 'confirmed'),"
        " (SELECT list(field ORDER BY rowid) FROM metadata_fields WHERE source = ?),"
        " (SELECT column_type LIKE 'ENUM%' FROM (DESCRIBE samples) WHERE column_name = 'label')",
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
        loss_name=info.loss_name,
        has_classes=bool(counts[3]),
    )


def _connect(path: Path) -> Connection:
    """Connect, locked and read-only, to a whole and sound file of a schema that can be read."""
    if not path.is_file():
        raise RunNotFound(f"There is no run file {path}. `aggressors runs` lists what there is.")
    check_kind(path)
    check_name(path)
    stamp = Stamp.of(path)
    try:
        connection = duckdb.connect(path, read_only=True, config=CONFIG)
    except duckdb.Error as error:
        raise refused(path, error) from error
    try:
        check_whole(connection, path)
        if not known_sound(path, stamp):
            check_inert(connection, path)
            check_version(connection, path)
            check_tables(next(iter(tables_of(connection).values()), {}), path)
    except duckdb.Error as error:
        connection.close()
        raise refused(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _read_info(connection: Connection, path: Path) -> RunInfo:
    row = connection.execute(
        "SELECT run_id, name, schema_version, created_at, model_name, model_digest, data_digest,"
        " task, loss_name, settings, seed, engine_version, derived_from, derived_from_name FROM run"
    ).fetchone()
    assert row is not None  # a file whose table `run` is empty is not sound
    values = dict(zip((entry.name for entry in fields(RunInfo)), row, strict=True))
    for name, value in values.items():
        check_value(name, value, path)
    if not is_run_id(values["run_id"]):
        raise corrupt(path, f"its run id {values['run_id']!r:.80} cannot name a file")
    if values["derived_from"] and not is_run_id(values["derived_from"]):
        raise corrupt(path, f"it is derived from {values['derived_from']!r:.80}, which is no run")
    created = values["created_at"].replace(tzinfo=UTC).isoformat()
    settings = _read_settings(values["settings"], path)
    return RunInfo(**values | {"created_at": created, "settings": settings})


def is_run_id(text: str) -> bool:
    """Tell whether a text can be the id of a run: it names files, and cannot leave their folder."""
    return bool(_RUN_ID.fullmatch(text))


def _read_settings(raw: str, path: Path) -> Settings:
    """Parse the settings this version knows; those of a later version are left aside."""
    known = {name for name, _, _ in Settings.describe()}
    try:
        values = json.loads(raw)
        return Settings.parse({name: values[name] for name in known if name in values})
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise corrupt(path, f"its settings cannot be read ({error})") from error


def _read_classes(connection: Connection) -> tuple[str, ...]:
    """Values of the ENUM of `samples.label`; regression has none."""
    try:
        row = connection.execute("SELECT enum_range(NULL::class)").fetchone()
    except duckdb.CatalogException:  # there is no such type
        return ()
    return tuple(row[0]) if row and row[0] else ()


def _read_fields(connection: Connection, path: Path) -> dict[str, FieldInfo]:
    columns = {row[0]: row[1] for row in connection.execute("DESCRIBE metadata").fetchall()}
    fields = {}
    for name, kind, unit, source, missing in connection.execute(
        "SELECT field, kind, unit, source, missing FROM metadata_fields ORDER BY rowid"
    ).fetchall():
        if kind not in get_args(FieldKind) or name not in columns:
            raise corrupt(path, f"metadata field {name!r} has no column or an unknown kind")
        wanted = "DOUBLE" if kind == "number" else rf"{ENUM}|VARCHAR"
        if not re.fullmatch(wanted, columns[name], re.DOTALL):
            raise corrupt(path, f"metadata field {name!r} is a {kind} of type {columns[name]:.40}")
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
