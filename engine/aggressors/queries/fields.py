"""Which fields there are, and which values they take: what a filter menu offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import EVERYTHING, Filter
from aggressors.queries.columns import column, encode, taken
from aggressors.queries.masks import mask
from aggressors.queries.names import FieldRef, Kind, categories, known_fields, resolve_value
from aggressors.queries.scope import fetch, fetch_rows, scope
from aggressors.queries.stored import read_ahead

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

_TOP = 8
# Positions that a person neither filters by nor colours with.
_HIDDEN = ("row_id", "map_x", "map_y")


_MANY_VALUES = """
    SELECT {field}::VARCHAR AS value, count(*) AS n FROM {source}
    WHERE contains(lower({field}::VARCHAR), lower($search)) AND {where}
    GROUP BY ALL ORDER BY n DESC, value LIMIT $limit
"""


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """One field and what it holds over all samples.

    `low` and `high` bound a number, None for others; `distinct` counts the values of a category,
    text or identifier (approximately above some thousands), None for others; `top` lists the most
    frequent of a category; `missing` counts samples without a value.
    """

    name: str
    kind: Kind
    unit: str
    source: str
    missing: int
    low: float | None
    high: float | None
    distinct: int | None
    top: tuple[str, ...]


def fields(run: RunFile) -> tuple[FieldSummary, ...]:
    """Summarise every field that has a value: built-in ones first, then those of the run."""
    refs = [ref for ref in known_fields(run).values() if ref.has_value and ref.name not in _HIDDEN]
    found: dict[str, float | None] = {}
    # Each table on its own keeps all cores busy, and limits alone come from what DuckDB has noted.
    for source in ("samples s", "metadata m"):
        parts: dict[str, list[str]] = {"limits": [], "counts": []}
        for place, ref in enumerate(refs):
            if (source == "metadata m") == ref.needs_metadata:
                if not ref.needs_metadata:
                    parts["counts"].append(f"count(*) - count({ref.sql}) AS missing{place}")
                if ref.kind == "number":
                    parts["limits"].append(
                        f"min({ref.sql}) AS low{place}, max({ref.sql}) AS high{place}"
                    )
                elif ref.kind != "category":
                    parts["counts"].append(f"approx_count_distinct({ref.sql}) AS distinct{place}")
        for asked in parts.values():
            if asked:
                sql = "SELECT {parts} FROM {source}"
                found |= fetch(run, sql, parts=", ".join(asked), source=source).to_pylist()[0]
    known = {ref.name: categories(run, ref) for ref in refs if ref.kind == "category"}
    # Words beyond the categories of an ENUM may be as large as the file.
    read_ahead(run, [ref for ref in refs if known.get(ref.name) is not None])
    return tuple(
        _summary(run, ref, found, place, known.get(ref.name)) for place, ref in enumerate(refs)
    )


def _summary(
    run: RunFile,
    ref: FieldRef,
    row: dict[str, float | None],
    place: int,
    known: tuple[str, ...] | None,
) -> FieldSummary:
    top: list[str] = []
    distinct = row.get(f"distinct{place}")
    if ref.kind == "category":
        top = values(run, ref.name, limit=_TOP)["value"].to_pylist()
        distinct = len(column(run, ref).dictionary if known is None else known)
    return FieldSummary(
        name=ref.name,
        kind=ref.kind,
        unit=ref.unit,
        source=ref.source,
        missing=_missing(run, ref, row.get(f"missing{place}")),
        low=row.get(f"low{place}"),
        high=row.get(f"high{place}"),
        distinct=None if distinct is None else int(distinct),
        top=tuple(top),
    )


def _missing(run: RunFile, ref: FieldRef, counted: float | None) -> int:
    if ref.needs_metadata:  # as it was counted at publish
        return run.fields[ref.name].missing
    return int(counted or 0)


def values(
    run: RunFile, name: str, search: str = "", limit: int = 50, filter: Filter = EVERYTHING
) -> pa.Table:
    """Values of a field that contain a text, the most frequent first.

    Returns
    -------
    value (text), n (samples in scope); at most `limit` rows, so that a field with a million
    values is searched, never listed.

    Raises
    ------
    FilterError : an unknown field, or one without values.
    """
    ref = resolve_value(run, name)
    if ref.kind == "category":
        return _counted(run, ref, search, limit, filter)
    return fetch(
        run,
        _MANY_VALUES,
        scope(run, filter, ref),
        {"search": search, "limit": limit},
        field=ref.sql,
    )


def not_found(run: RunFile, name: str, listed: Sequence[str]) -> tuple[str, ...]:
    """Tell which listed values of a field no sample of the run has, in the order of the list.

    Raises
    ------
    FilterError : an unknown field, or one without values.
    """
    ref = resolve_value(run, name)
    sql = "SELECT DISTINCT {field}::VARCHAR FROM {source} WHERE {field} IN (SELECT unnest($listed))"
    there = fetch_rows(
        run, sql, scope(run, EVERYTHING, ref), {"listed": list(listed)}, field=ref.sql
    )
    known = {value for (value,) in there}
    return tuple(value for value in listed if value not in known)


def _counted(run: RunFile, ref: FieldRef, search: str, limit: int, filter: Filter) -> pa.Table:
    code, names = encode(taken(column(run, ref), mask(run, filter)))
    n = np.bincount(code + 1, minlength=len(names) + 1)[1:]
    found = pa.table({"value": names, "n": pa.array(n, pa.int64())}).filter(pa.array(n > 0))
    if search:
        like = pc.match_substring(pc.utf8_lower(found["value"]), _lower(search))
        found = found.filter(like)
    if len(found) > limit:  # drop what is rarer than the last that is shown before all is sorted
        frequent = np.asarray(found["n"].to_numpy())
        found = found.filter(pa.array(frequent >= np.partition(frequent, -limit)[-limit]))
    return found.sort_by([("n", "descending"), ("value", "ascending")]).slice(0, limit)


def _lower(text: str) -> str:
    return str(pc.utf8_lower(pa.scalar(text)).as_py())
