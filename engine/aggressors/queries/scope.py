"""Run a query over the samples that a filter lets through."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from aggressors.contracts import EVERYTHING, Filter
from aggressors.queries.filters import compile_filter
from aggressors.queries.names import FieldRef
from aggressors.queries.sql import Params, fill

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

POSITIONAL = "samples s POSITIONAL JOIN metadata m"
_READS = {table: re.compile(rf"(?<![\w.]){table}\.") for table in ("s", "m")}


@dataclass(frozen=True, slots=True)
class Scope:
    """What follows FROM and WHERE for one filter, and the parameters of both."""

    source: str
    where: str
    params: Params


def scope(run: RunFile, filter: Filter = EVERYTHING, *shown: FieldRef) -> Scope:
    """Compile a filter; metadata is joined, by position, only if it or a shown field needs it."""
    predicate = compile_filter(filter, run)
    joined = predicate.needs_metadata or any(ref.needs_metadata for ref in shown)
    return Scope(POSITIONAL if joined else "samples s", predicate.sql, predicate.params)


def source_of(sql: str) -> str:
    """Name the tables that an expression over `s` and `m` reads: one where one is enough.

    A join by position keeps one core busy, a table alone all of them. A text in quotes that looks
    like a column costs a join that was not needed, never an answer.
    """
    if not _READS["m"].search(sql):
        return "samples s"
    return POSITIONAL if _READS["s"].search(sql) else "metadata m"


def fetch(
    run: RunFile,
    template: str,
    scope: Scope | None = None,
    params: Params | None = None,
    **parts: str,
) -> pa.Table:
    """Run one query and return all rows as Arrow.

    Parameters
    ----------
    template : SQL with {source} and {where} of the scope, and {parts}.
    params : values of its own named parameters, beside those of the scope.
    """
    text, bound = _bound(template, scope, params, parts)
    with run.asking() as cursor:
        return cursor.sql(text, params=bound).to_arrow_table()


def fetch_rows(
    run: RunFile,
    template: str,
    scope: Scope | None = None,
    params: Params | None = None,
    **parts: str,
) -> list[tuple[Any, ...]]:
    """Run one query and return all rows as tuples; see `fetch`."""
    text, bound = _bound(template, scope, params, parts)
    with run.asking() as cursor:
        return cursor.execute(text, bound).fetchall()


def _bound(
    template: str, scope: Scope | None, params: Params | None, parts: dict[str, str]
) -> tuple[str, Params]:
    # Every query gets a cursor of its own and reads it to the end: DuckDB keeps one busy otherwise.
    bound = dict(params or {})
    if scope is not None:
        bound |= scope.params
        parts = {"source": scope.source, "where": scope.where, **parts}
    return fill(template, **parts), bound
