"""Arrow tables with the columns and types of the schema, for what stages hand on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from aggressors.store.schema import BY_NAME

_TYPES = {
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "BLOB": pa.binary(),
    "TIMESTAMP": pa.timestamp("us"),
    "VECTOR": pa.list_(pa.float32()),
}


def schema(name: str) -> pa.Schema:
    """Arrow schema of the named table; text, JSON and ENUM columns are strings."""
    columns = BY_NAME[name].columns
    return pa.schema([(column.name, _TYPES.get(column.type, pa.string())) for column in columns])


def empty(name: str) -> pa.Table:
    """Build the named table without rows."""
    return schema(name).empty_table()


def table(name: str, **columns: object) -> pa.Table:
    """Build the named table from one sequence, array or Arrow array a column.

    Raises
    ------
    KeyError : a column of the schema is missing, or one is given that it does not have.
    """
    wanted = schema(name)
    if set(columns) != set(wanted.names):
        wrong = sorted(set(columns) ^ set(wanted.names))
        raise KeyError(f"table {name!r} has the columns {wanted.names}; check {wrong}")
    return pa.table([_array(columns[entry.name], entry.type) for entry in wanted], schema=wanted)


def rows(name: str, records: Sequence[Mapping[str, object]]) -> pa.Table:
    """Build the named table from one dictionary a row; missing keys become NULL."""
    return pa.Table.from_pylist(list(records), schema=schema(name))


def _array(values: object, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.cast(kind)
    return pa.array(values, kind)
