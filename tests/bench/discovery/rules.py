"""Count a name's rule again, by other code than the engine's, which must not judge itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.contracts import Condition, Filter, Not
from aggressors.queries.grammar import parse
from bench.discovery.groups import BoolArray

Columns = Mapping[str, NDArray]


def columns_of(tables: Mapping[str, pa.Table]) -> Columns:
    """Everything that a rule may name, as (n,) columns in the order of `row_id`."""
    found: dict[str, NDArray] = {}
    for name, chosen in (("metadata", None), ("samples", ("label", "prediction", "confidence"))):
        table = tables[name]
        for column in chosen or table.column_names:
            found[column] = _values(table[column])
    if "media" in tables:
        found["text"] = _values(tables["media"]["text"])
    return found


def _values(column: pa.ChunkedArray) -> NDArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return pc.fill_null(column.cast(pa.float64()), float("nan")).to_numpy()
    return np.array([None if each is None else str(each) for each in column.to_pylist()], object)


def counted(rule: str | None, member: BoolArray, columns: Columns) -> tuple[float, float]:
    """Precision and recall of a rule's text for (n,) members; NaN where there is no rule."""
    if not rule:
        return float("nan"), float("nan")
    held = holds(parse(rule), columns)
    both = int((held & member).sum())
    return both / max(1, int(held.sum())), both / max(1, int(member.sum()))


def holds(rule: Filter, columns: Columns) -> BoolArray:
    """(n,) where a filter holds; a condition on a missing value does not."""
    if isinstance(rule, Not):
        return ~holds(rule.part, columns)
    if isinstance(rule, Condition):
        return _condition(rule, columns[rule.field])
    parts = [holds(part, columns) for part in rule.parts]
    join = np.logical_and if rule.kind == "and" else np.logical_or
    n = len(next(iter(columns.values())))
    return join.reduce(parts) if parts else np.full(n, rule.kind == "and")


def _condition(rule: Condition, column: NDArray) -> BoolArray:
    number = column.dtype.kind == "f"
    known = np.isfinite(column) if number else np.array([each is not None for each in column])
    if rule.op == "missing":
        return ~known
    values = [float(each) if number else str(each) for each in rule.values]
    if rule.op in ("=", "in", "!="):
        equal = np.isin(column, np.array(values, dtype=column.dtype))
        return known & (~equal if rule.op == "!=" else equal)
    if rule.op == "contains":
        word = str(values[0]).lower()
        return np.array([each is not None and word in each.lower() for each in column])
    compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[rule.op]
    return known & compare(column, values[0])
