"""Copy a run file with further metadata, table by table inside DuckDB, none through Python."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import duckdb
import pyarrow as pa

from aggressors.contracts import RunInfo
from aggressors.errors import StageError
from aggressors.store.files import beside, sweep
from aggressors.store.publish import (
    comment,
    create,
    database_at,
    declare_types,
    field_column,
    finish,
    insert,
    metadata_columns,
)
from aggressors.store.read import RunFile
from aggressors.store.schema import BY_NAME, TABLES, Column
from aggressors.store.sql import identifier, literal

Connection = duckdb.DuckDBPyConnection


def derive(
    parent: RunFile,
    info: RunInfo,
    fresh: Mapping[str, pa.Table],
    added: pa.Table,
    runs_dir: Path,
) -> Path:
    """Write `runs_dir/<run_id>.duckdb`: the parent's tables, but for what is new.

    Parameters
    ----------
    info : the row of the `run` table.
    fresh : tables that replace the parent's, `metadata_fields` of all fields among them.
    added : row_id and one column a new field, one row a sample in the order of `samples`.

    Raises
    ------
    WorkspaceError : the place cannot be written, or the disk is full; nothing appears.
    StageError : the parent's tables break the schema or a check; nothing appears.
    """
    started = time.perf_counter()
    target = runs_dir / f"{info.run_id}.duckdb"
    sweep(runs_dir)
    with beside(target) as temporary, database_at(temporary, target) as database:
        _attach(database, parent.path)
        database.begin()
        types = declare_types(database, info.task, parent.classes, parent.dimensions or 1)
        copied = [table for table in TABLES if table.name not in ("run", "metadata")]
        columns = {table.name: create(database, table, {}, types) for table in copied}
        create(database, BY_NAME["run"], {}, types)
        database.commit()
        for name, names in columns.items():
            if name in fresh:
                insert(database, name, names, fresh[name])
            else:
                _copy(database, name, names)
        _widen(database, parent, fresh["metadata_fields"], added)
        finish(database, info, started)
    return target


def _attach(database: Connection, parent: Path) -> None:
    """Open the parent for reading, and from then on no other file: a stranger may have made it."""
    database.execute(f"ATTACH {literal(str(parent))} AS parent (READ_ONLY)")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


def _copy(database: Connection, table: str, columns: Sequence[str]) -> None:
    name, listed = identifier(table), ", ".join(map(identifier, columns))
    database.execute(f"INSERT INTO {name} ({listed}) SELECT {listed} FROM parent.{name}")  # noqa: S608


def _widen(database: Connection, parent: RunFile, fields: pa.Table, added: pa.Table) -> None:
    """Create `metadata` from the parent's columns and the new ones, in the order of `fields`."""
    own = set(added.column_names) - {"row_id"}
    rows = [row for row in fields.to_pylist() if row["field"] in own]
    new = pa.Table.from_pylist(rows, fields.schema)
    declared = metadata_columns(database, {"metadata": added, "metadata_fields": new})
    database.register("incoming", added)
    database.execute("CREATE TEMP TABLE added AS SELECT * FROM incoming")
    database.unregister("incoming")
    by_name = {column.name: column for column in declared}
    columns: list[Column] = [*BY_NAME["metadata"].columns]
    values = ["p.row_id"]
    for row in fields.to_pylist():
        name = row["field"]
        place = identifier(name)
        if column := by_name.get(name):
            values.append(f"a.{place}::{column.type} AS {place}")
            columns.append(column)
        else:
            values.append(f"p.{place}")
            columns.append(field_column(name, "", row["kind"], row["source"], row["unit"]))
    both = "parent.metadata AS p POSITIONAL JOIN added AS a"
    odd = database.execute(
        f"SELECT count(*) FROM {both} WHERE p.row_id IS DISTINCT FROM a.row_id"  # noqa: S608
    ).fetchone()
    if odd and odd[0]:
        raise StageError(
            "publish",
            "metadata",
            f"{odd[0]} rows of {parent.path} are not in the order of its samples. Nothing was "
            "published; copy the file again, or make its run once more.",
        )
    database.execute(f"CREATE TABLE metadata AS SELECT {', '.join(values)} FROM {both}")  # noqa: S608
    database.execute("DROP TABLE added")
    comment(database, BY_NAME["metadata"], columns)


# --- What is read of the parent ---


def read_tables(
    run: RunFile, names: Iterable[str], only: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> dict[str, pa.Table]:
    """Tables of a run, as stages read them: in the order of the file, with text for ENUMs.

    `only` names the columns of tables that are not read whole.

    Raises
    ------
    RunCorrupt : the file is damaged where opening it does not look.
    StoreError : it needs more memory than a query may take.
    """
    found = {}
    for name in names:
        columns = ", ".join(map(identifier, only[name])) if name in only else "*"
        with run.asking() as cursor:
            table = cursor.sql(f"SELECT {columns} FROM {identifier(name)}").to_arrow_table()  # noqa: S608
        found[name] = pa.table({column: _plain(table[column]) for column in table.column_names})
    return found


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def sample_ids(run: RunFile) -> pa.ChunkedArray:
    """(n,) ids of all samples, in the order of `row_id`."""
    with run.asking() as cursor:
        return cursor.sql("SELECT sample_id FROM samples").to_arrow_table()["sample_id"]


def media(run: RunFile, size: int) -> Iterator[pa.RecordBatch]:
    """Yield what a person sees of each sample in batches: sample_id, kind, uri, thumbnail, text."""
    with run.asking() as cursor:
        asked = cursor.sql("SELECT sample_id, kind, uri, thumbnail, text FROM media")
        yield from asked.to_arrow_reader(size)
