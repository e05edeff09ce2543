"""Build one immutable run file from the work tables: typed, commented, checked, atomic."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import FOLDS, POPULATIONS, RunInfo
from aggressors.errors import StageError
from aggressors.store.checks import check_tables
from aggressors.store.files import KNOWN_ERRORS, beside, sweep, write_error
from aggressors.store.schema import BY_NAME, TABLES, Column, Table
from aggressors.store.sql import identifier, literal

MOST_CATEGORIES = 1_000  # a category field with more distinct values is stored as plain text
MEMORY_LIMIT = "2GB"
MOST_THREADS = 4

Connection = duckdb.DuckDBPyConnection


def publish(
    tables: Mapping[str, pa.Table], info: RunInfo, classes: Sequence[str], runs_dir: Path
) -> Path:
    """Write `runs_dir/<run_id>.duckdb` from the work tables.

    Parameters
    ----------
    tables : columns as in `store.schema`, positional tables in the order of `row_id`; a missing
        table is created empty, a missing column is NULL, a table that the schema does not name
        (such as `probabilities`) stays out.
    info : the row of the `run` table.
    classes : class names in order; ignored for regression.
    runs_dir : folder of the run files.

    Raises
    ------
    WorkspaceError : the place cannot be written, or the disk is full; nothing appears.
    StageError : a table breaks the schema or a check; nothing appears.
    """
    started = time.perf_counter()
    target = runs_dir / f"{info.run_id}.duckdb"
    sweep(runs_dir)
    with beside(target) as temporary, database_at(temporary, target) as database:
        database.begin()  # one transaction for 200 small statements, each of which would fsync
        names = _all_classes(tables.get("samples"), classes)
        types = declare_types(database, info.task, names, _dimensions(tables.get("embeddings")))
        columns = {table.name: create(database, table, tables, types) for table in TABLES}
        database.commit()
        for name, names in columns.items():
            if name in tables and name != "run":
                insert(database, name, names, tables[name])
        finish(database, info, started)
    return target


def finish(database: Connection, info: RunInfo, started: float) -> None:
    """Write the row of `run`, check the whole, and say how long it took since `started`."""
    _insert_run(database, info)
    check_tables(database)
    seconds = time.perf_counter() - started
    database.execute(
        "INSERT INTO stages VALUES ('publish', ?, (SELECT count(*) FROM samples), ?)",
        [info.data_digest, seconds],
    )
    database.execute("CHECKPOINT")


@contextmanager
def database_at(path: Path, target: Path) -> Iterator[Connection]:
    """Create a database at `path`; its failures become sentences about `target`."""
    spill = path.with_name(f"{path.name}.spill")
    try:
        database = duckdb.connect(path)
        try:
            database.execute(f"SET memory_limit = {literal(MEMORY_LIMIT)}")
            database.execute(f"SET threads = {min(MOST_THREADS, os.cpu_count() or 1)}")
            database.execute(f"SET temp_directory = {literal(str(spill))}")
            yield database
        finally:
            with suppress(duckdb.Error):
                database.close()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        if system := _system_error(error, reason):
            raise write_error(target, system) from error
        raise StageError(
            "publish",
            target.name,
            f"DuckDB refused a table: {reason}. Nothing was published; please report this.",
        ) from error
    finally:
        shutil.rmtree(spill, ignore_errors=True)
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def _system_error(error: duckdb.Error, reason: str) -> OSError | None:
    """Recover the number of a system error, of which DuckDB passes on the words only."""
    for number in KNOWN_ERRORS:
        if os.strerror(number) in reason:
            return OSError(number, os.strerror(number))
    files_failed = isinstance(error, duckdb.IOException | duckdb.FatalException)
    return OSError(0, reason) if files_failed else None


# --- Types that are known only now ---


def declare_types(
    database: Connection, task: str, classes: Sequence[str], dimensions: int
) -> dict[str, str]:
    """Map each placeholder of the schema to the SQL type of this run."""
    _enum(database, "population", POPULATIONS)
    _enum(database, "fold", FOLDS)
    types = {"POPULATION": "population", "FOLD": "fold", "CLASS": "DOUBLE"}
    if task != "regression":
        types["CLASS"] = "class" if classes else "VARCHAR"
        _enum(database, "class", classes)
    types["VECTOR"] = f"FLOAT[{dimensions}]"
    return types


def _enum(database: Connection, name: str, values: Sequence[str]) -> None:
    """Create an ENUM in the order of `values`, which never become SQL text."""
    if not values:
        return
    database.register("enum_values", pa.table({"value": pa.array(values, pa.string())}))
    database.execute(f"CREATE TYPE {identifier(name)} AS ENUM (SELECT value FROM enum_values)")  # noqa: S608
    database.unregister("enum_values")


def _all_classes(samples: pa.Table | None, classes: Sequence[str]) -> list[str]:
    """List the declared classes, then the other labels and predictions seen, sorted."""
    seen: set[str] = set()
    for name in ("label", "prediction"):
        if samples is not None and name in samples.column_names:
            seen.update(pc.unique(samples[name].cast(pa.string())).drop_null().to_pylist())
    return [*classes, *sorted(seen.difference(classes))]


def _dimensions(embeddings: pa.Table | None) -> int:
    if embeddings is None or embeddings.num_rows == 0:
        return 1
    if pa.types.is_fixed_size_list(embeddings["vector"].type):
        return int(embeddings["vector"].type.list_size)
    return int(pc.list_value_length(embeddings["vector"])[0].as_py())


# --- Tables ---


def create(
    database: Connection, table: Table, tables: Mapping[str, pa.Table], types: Mapping[str, str]
) -> list[str]:
    """Create one empty table with its comments; returns the names of its columns."""
    columns = list(table.columns)
    if table.name == "metadata":
        columns += metadata_columns(database, tables)
    definition = ", ".join(
        f"{identifier(column.name)} {types.get(column.type, column.type)}" for column in columns
    )
    database.execute(f"CREATE TABLE {identifier(table.name)} ({definition})")
    comment(database, table, columns)
    return [column.name for column in columns]


def metadata_columns(database: Connection, tables: Mapping[str, pa.Table]) -> list[Column]:
    """Declare what `metadata_fields` describes, with the ENUMs that its columns need."""
    if "metadata_fields" not in tables:
        return []
    columns = []
    for position, field in enumerate(tables["metadata_fields"].to_pylist()):
        name, kind = field["field"], field["kind"]
        sql_type = "DOUBLE" if kind == "number" else "VARCHAR"
        if kind == "category":
            values = pc.unique(tables["metadata"][name].cast(pa.string())).drop_null()
            if 0 < len(values) <= MOST_CATEGORIES:
                sql_type = f"category_{position}"
                _enum(database, sql_type, sorted(values.to_pylist()))
        columns.append(field_column(name, sql_type, kind, field["source"], field["unit"]))
    return columns


def field_column(name: str, sql_type: str, kind: str, source: str, unit: str | None) -> Column:
    """Describe the column of one metadata field."""
    return Column(name, sql_type, f"metadata field of kind {kind}, from {source}", unit or "")


def comment(database: Connection, table: Table, columns: Sequence[Column]) -> None:
    """Write what a table and its columns mean into the file."""
    database.execute(f"COMMENT ON TABLE {identifier(table.name)} IS {literal(table.comment)}")
    for column in columns:
        unit = f" [{column.unit}]" if column.unit else ""
        place = f"{identifier(table.name)}.{identifier(column.name)}"
        database.execute(f"COMMENT ON COLUMN {place} IS {literal(column.comment + unit)}")


def insert(database: Connection, table: str, columns: Sequence[str], incoming: pa.Table) -> None:
    """Fill a table in the given row order; a column that is not given stays NULL."""
    unknown = sorted(set(incoming.column_names).difference(columns))
    if unknown:
        raise StageError(
            "publish",
            table,
            f"columns {unknown} are not in the schema, which has {list(columns)}. "
            "Nothing was published; please report this.",
        )
    names = [name for name in columns if name in incoming.column_names]
    listed = ", ".join(map(identifier, names))
    values = ", ".join(_value(table, incoming, name) for name in names)
    database.register("incoming", incoming)
    database.execute(
        f"INSERT INTO {identifier(table)} ({listed}) SELECT {values} FROM incoming"  # noqa: S608
    )
    database.unregister("incoming")


def _value(table: str, incoming: pa.Table, name: str) -> str:
    kind = incoming.schema.field(name).type
    if pa.types.is_dictionary(kind):
        # Arrow's dictionaries arrive as ENUMs of their own, which do not cast to another ENUM.
        return f"{identifier(name)}::VARCHAR"
    if table == "metadata" and pa.types.is_floating(kind):
        # NaN is a missing value, and DuckDB would hold it above every limit of a filter.
        return f"nullif({identifier(name)}, 'NaN')"
    return identifier(name)


def _insert_run(database: Connection, info: RunInfo) -> None:
    created = datetime.fromisoformat(info.created_at).astimezone(UTC).replace(tzinfo=None)
    values = {
        "run_id": info.run_id,
        "name": info.name,
        "schema_version": info.schema_version,
        "created_at": created,
        "model_name": info.model_name,
        "model_digest": info.model_digest,
        "data_digest": info.data_digest,
        "task": info.task,
        "loss_name": info.loss_name,
        "settings": json.dumps(info.settings.as_dict()),
        "seed": info.seed,
        "engine_version": info.engine_version,
        "derived_from": info.derived_from,
        "derived_from_name": info.derived_from_name,
    }
    row = [values[column.name] for column in BY_NAME["run"].columns]
    marks = ", ".join("?" for _ in row)
    database.execute(f"INSERT INTO run VALUES ({marks})", row)  # noqa: S608
