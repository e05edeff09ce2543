"""Filter -> which samples it lets through, as an array in the order of the run.

Each condition is answered on its own and kept, so that a filter costs what is new in it: questions
of one page share it, and so do two filters with a condition in common. A condition reads one table,
on all cores, where the whole predicate would join two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import EVERYTHING, Condition, Filter, Group, Not
from aggressors.queries.filters import compile_filter
from aggressors.queries.grammar import canonical
from aggressors.queries.names import FieldRef, resolve
from aggressors.queries.scope import Scope, fetch, source_of
from aggressors.queries.stored import column, numbers, where_lies
from aggressors.stats.polygons import inside
from aggressors.store.held import held

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

BoolArray = NDArray[np.bool_]
_LETS_THROUGH = "SELECT ({where}) IS TRUE AS through FROM {source}"


def mask(run: RunFile, filter: Filter = EVERYTHING) -> BoolArray | None:
    """(n,) True for the samples that a filter lets through, read-only; None where all of them are.

    Two-valued, as `compile_filter`: what is missing fulfils no condition, and every negation.

    Raises
    ------
    FilterError : as `compile_filter`.
    """
    filter = canonical(filter)
    if filter == EVERYTHING:
        return None
    return held.get(run, f"filter {filter!r}", lambda: _mask(run, filter))


def rows(run: RunFile, filter: Filter = EVERYTHING) -> NDArray[np.int64]:
    """Positions of the samples that a filter lets through, in their order."""
    through = mask(run, filter)
    if through is None:
        return np.arange(sum(run.populations.values()), dtype=np.int64)
    return np.flatnonzero(through)


def where(run: RunFile, sql: str) -> BoolArray | None:
    """(n,) True where a condition of this package holds; None where it always does.

    Parameters
    ----------
    sql : a condition over `s` or `m`.
    """
    found = _held(run, Scope(source_of(sql), sql, {}))
    return None if found.all() else found


def _mask(run: RunFile, filter: Filter) -> BoolArray:
    if isinstance(filter, Not):
        return ~_mask(run, filter.part)
    if isinstance(filter, Group):
        joined = np.logical_and if filter.kind == "and" else np.logical_or
        parts = [_mask(run, part) for part in filter.parts]
        if len(parts) > 1:
            return np.asarray(joined.reduce(parts))
    return _leaf(run, filter)


def _leaf(run: RunFile, filter: Filter) -> BoolArray:
    predicate = compile_filter(filter, run)
    found = None
    if isinstance(filter, Condition):
        ref = resolve(run, filter.field)
        if ref.kind == "region" and filter.op == "in":
            found = _region(run, filter)
        elif ref.kind == "number" and filter.op in _COMPARE:
            found = _compared(run, ref, filter)
    if found is not None:
        return found
    return _held(run, Scope(source_of(predicate.sql), predicate.sql, predicate.params))


_COMPARE = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=": np.equal,
}


def _compared(run: RunFile, ref: FieldRef, condition: Condition) -> BoolArray | None:
    """Compare numbers where they are held; None where only SQL compares them as it does."""
    values = column(run, ref)
    if values.type != pa.float64():  # of another width, so that rounding would differ
        return None
    value = numbers(values)
    if np.count_nonzero(value != value) != values.null_count:
        return None  # NaN is no missing value: SQL takes it for the largest number

    def make() -> BoolArray:
        return np.asarray(_COMPARE[condition.op](value, float(condition.values[0])))

    return held.get(run, f"compared {ref.sql} {condition.op} {condition.values!r}", make)


def _region(run: RunFile, condition: Condition) -> BoolArray:
    flat = [float(value) for value in condition.values]
    corners = list(zip(flat[::2], flat[1::2], strict=True))

    def make() -> BoolArray:
        x, y = (where_lies(run, axis) for axis in ("map_x", "map_y"))
        return inside(x, y, corners)

    return held.get(run, f"region {corners}", make)


def _held(run: RunFile, scope: Scope) -> BoolArray:
    def make() -> BoolArray:
        found = fetch(run, _LETS_THROUGH, scope)["through"]
        return np.array(found.to_numpy(), dtype=np.bool_)

    return held.get(run, f"through {scope.where} {scope.params!r}", make)
