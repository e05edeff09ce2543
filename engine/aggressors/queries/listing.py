"""Samples as one wide table, to take elsewhere: facts, metadata and why they are in the list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import EVERYTHING, POPULATIONS, Filter
from aggressors.errors import UsageError
from aggressors.queries.marks import ABOUT, MARKED, as_table
from aggressors.queries.marks import params as marked
from aggressors.queries.samples import concept_of_rank, inside
from aggressors.queries.scope import fetch, scope
from aggressors.store.sql import identifier

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

What = Literal["candidates", "members", "representatives", "samples", "queue", "suspects", "marks"]
WHATS: tuple[What, ...] = get_args(What)


@dataclass(frozen=True, slots=True)
class _List:
    """How one kind of list is joined to the samples, what it adds, and its order."""

    join: str
    adds: str
    order: str
    taken: frozenset[str] = frozenset()  # names of columns that only this list has


_OF_AGGRESSOR = """
    JOIN aggressors g ON g.concept_id = l.concept_id
        AND ($concept IS NULL OR g.concept_id = $concept)
"""
_LISTS: dict[What, _List] = {
    "samples": _List("", "", "s.row_id"),
    "members": _List(
        "JOIN assignments l ON l.row_id = s.row_id" + _OF_AGGRESSOR,
        "g.rank AS aggressor, l.score,",
        "g.rank, l.score DESC, s.row_id",
    ),
    "candidates": _List(
        "JOIN candidates l ON l.sample_id = s.sample_id" + _OF_AGGRESSOR,
        "g.rank AS aggressor, l.similarity, l.priority, l.reason,",
        "g.rank, l.rank, s.row_id",
    ),
    "representatives": _List(
        "JOIN representatives l ON l.sample_id = s.sample_id" + _OF_AGGRESSOR,
        "g.rank AS aggressor, l.reason, l.alike,",
        "g.rank, l.reason, l.rank, s.row_id",
        frozenset({"alike"}),
    ),
    "suspects": _List(
        "JOIN suspects l ON l.sample_id = s.sample_id" + _OF_AGGRESSOR,
        "g.rank AS aggressor, l.kind AS suspicion, l.suggested, l.reason,",
        "g.rank, l.rank, s.row_id",
    ),
    "queue": _List(
        """
    JOIN (
        SELECT * FROM (
            SELECT unnest($ids) AS sample_id, generate_subscripts($ids, 1) AS place {why}
        )
        WHERE $concept IS NULL
            OR sample_id IN (SELECT sample_id FROM assignments WHERE concept_id = $concept)
            OR sample_id IN (SELECT sample_id FROM candidates WHERE concept_id = $concept)
    ) l ON l.sample_id = s.sample_id
        """,
        "",
        "l.place",
    ),
    "marks": _List(
        f"JOIN ({MARKED}) l ON l.sample_id = s.sample_id AND ({ABOUT})",
        "l.mark, l.aggressor, l.run_id, l.concept_id, l.created,",
        "l.place",
        frozenset({"mark", "run_id", "concept_id", "created"}),
    ),
}
# First which samples and in which order; then, page by page, everything wide of those alone: a sort
# of the wide rows would hold all of them, pictures included.
_CHOSEN = """
    SELECT row_number() OVER (ORDER BY {order}) AS rank, {adds} s.row_id, s.population
    FROM {source} {join} WHERE {where} ORDER BY rank LIMIT $count
"""
_PAGE = """
    SELECT s.row_id, s.sample_id, s.population::VARCHAR AS population,
        {label} AS label, {prediction} AS prediction, s.confidence, s.loss, s.weight, s.group_id,
        {metadata} x.kind, x.uri, x.text {thumbnail}
    FROM (SELECT unnest($rows::BIGINT[]) AS row_id) c
    JOIN samples s ON s.row_id = c.row_id
    JOIN metadata m ON m.row_id = c.row_id
    LEFT JOIN media x ON x.row_id = c.row_id
"""
_PAGE_ROWS, _PAGE_PICTURES = 20_000, 5_000  # rows at a time; fewer where each has its picture
_NO_LIMIT = 2**62
_INNER = {"row_id", "population"}  # of the choice; a page tells the population as text
_TAKEN = {
    "rank", "aggressor", "score", "similarity", "priority", "reason", "suspicion", "suggested",
    "sample_id", "population", "label", "prediction", "confidence", "loss", "weight", "group_id",
    "kind", "uri", "text", "thumbnail",
}  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """A list of samples that is read page by page.

    Parameters
    ----------
    chosen : (n,) rank, what the list says of a sample, row_id and population, in order.
    schema : of the rows: what the list says, then the facts and the metadata of a sample.
    """

    run: RunFile
    chosen: pa.Table
    schema: pa.Schema
    _sql: dict[str, str]
    _thumbnails: bool

    def __len__(self) -> int:
        return int(self.chosen.num_rows)

    @property
    def populations(self) -> dict[str, int]:
        """Count the rows of each population that is in the list."""
        found = pc.value_counts(self.chosen["population"]).to_pylist()
        counts = {entry["values"]: int(entry["counts"]) for entry in found}
        return {name: counts[name] for name in POPULATIONS if name in counts}

    def pages(self) -> Iterator[pa.Table]:
        """Give the rows in order, some thousand at a time."""
        size = _PAGE_PICTURES if self._thumbnails else _PAGE_ROWS
        for start in range(0, len(self), size):
            yield self._page(self.chosen.slice(start, size)).cast(self.schema)

    def table(self) -> pa.Table:
        """Give all rows at once."""
        return pa.Table.from_batches(
            [batch for page in self.pages() for batch in page.to_batches()], self.schema
        )

    def _page(self, chosen: pa.Table) -> pa.Table:
        return _page(self.run, chosen, self._sql)


def _page(run: RunFile, chosen: pa.Table, sql: dict[str, str]) -> pa.Table:
    """Put everything wide beside the rows of one page."""
    rows = chosen["row_id"].combine_chunks()
    wide = fetch(run, _PAGE, None, {"rows": rows.unique().to_pylist()}, **sql)
    found = wide.take(pc.index_in(rows, wide["row_id"].combine_chunks()))
    columns = {name: chosen[name] for name in chosen.column_names if name not in _INNER}
    columns |= {name: found[name] for name in found.column_names if name != "row_id"}
    return pa.table(columns)


def listing(
    run: RunFile,
    what: What,
    rank: int | None = None,
    filter: Filter = EVERYTHING,
    count: int | None = None,
    *,
    queue: Sequence[str] | pa.Table = (),
    marks: pa.Table | None = None,
    thumbnails: bool = False,
) -> pa.Table:
    """List samples with everything a spreadsheet or a labeling tool needs, in one table.

    Takes what `listed` takes, and raises the same.
    """
    return listed(
        run, what, rank, filter, count, queue=queue, marks=marks, thumbnails=thumbnails
    ).table()


def listed(
    run: RunFile,
    what: What,
    rank: int | None = None,
    filter: Filter = EVERYTHING,
    count: int | None = None,
    *,
    queue: Sequence[str] | pa.Table = (),
    marks: pa.Table | None = None,
    thumbnails: bool = False,
) -> Listing:
    """List samples with everything a spreadsheet or a labeling tool needs, to be read in pages.

    Parameters
    ----------
    what : members, candidates, representatives or suspects of aggressors; samples of the run; the
        samples of a label queue; or what was marked.
    rank : the aggressor; None for all of them, one after the other. Samples of the run are narrowed
        to its members, those of a queue to its members and candidates, marks to those about it or
        the label of a member.
    filter : keeps the samples that it lets through.
    count : at most so many rows, the first ones.
    queue : samples of a label queue, in its order; those the run does not have are left out. Of
        their rows, as `LabelQueue.of` gives them, it also tells for which aggressor and why.
    marks : the marks of a workspace, as `queries.marks.as_table` gives them.
    thumbnails : also give the pictures.

    Returns
    -------
    Rows of rank (1, 2, … in the order of the list), what the list says of the sample (aggressor,
    score, reason, …), sample_id, population, label, prediction, confidence, loss, weight, group_id,
    the metadata fields (a name that is taken gets the prefix `metadata.`), kind, uri, text.

    Raises
    ------
    UsageError : no such list or rank, or a count below 1. FilterError : an unknown field.
    """
    if what not in _LISTS:
        raise UsageError(f"There is no list {what!r}; there are {', '.join(WHATS)}.")
    if count is not None and count < 1:
        raise UsageError(f"The count must be at least 1; got {count}.")
    chosen, params = _bound(run, what, rank, queue, marks)
    if rank is not None and "$concept" not in chosen.join:
        filter = inside(rank, filter)
    params["count"] = count if count is not None else _NO_LIMIT
    parts = {"adds": chosen.adds, "join": chosen.join, "order": chosen.order}
    table = fetch(run, _CHOSEN, scope(run, filter), params, **parts)
    sql = _wide(run, chosen, thumbnails=thumbnails)
    return Listing(run, table, _page(run, table.slice(0, 0), sql).schema, sql, thumbnails)


def _bound(
    run: RunFile,
    what: What,
    rank: int | None,
    queue: Sequence[str] | pa.Table,
    marks: pa.Table | None,
) -> tuple[_List, dict[str, object]]:
    """Fit a kind of list to what is asked, and bind its values."""
    chosen = _LISTS[what]
    params: dict[str, object] = {}
    concept_id = None if rank is None else concept_of_rank(run, rank)
    if what == "queue":
        chosen, params = _queued(chosen, queue)
    if what == "marks":
        params = dict(marked(as_table(run, ()) if marks is None else marks))
    if "$concept" in chosen.join:
        params["concept"] = concept_id
    return chosen, params


def _wide(run: RunFile, chosen: _List, *, thumbnails: bool) -> dict[str, str]:
    """Write the columns that depend on the run and the list."""
    shown = "s.{0}::VARCHAR" if run.classes else "s.{0}"
    return {
        "label": shown.replace("{0}", "label"),
        "prediction": shown.replace("{0}", "prediction"),
        "metadata": _metadata(run, _TAKEN | chosen.taken),
        "thumbnail": ", x.thumbnail" if thumbnails else "",
    }


# What the rows of a label queue tell beside their ids.
_WHY = """, unnest($ranks::INTEGER[]) AS aggressor, unnest($reasons::VARCHAR[]) AS reason"""


def _queued(chosen: _List, queue: Sequence[str] | pa.Table) -> tuple[_List, dict[str, object]]:
    """Fit the list to what is known of the samples, and bind that; each sample stands once."""
    if not isinstance(queue, pa.Table):
        plain = replace(chosen, join=chosen.join.replace("{why}", ""))
        return plain, {"ids": list(dict.fromkeys(queue))}
    told = replace(chosen, join=chosen.join.replace("{why}", _WHY), adds="l.aggressor, l.reason,")
    first = {row["sample_id"]: row for row in reversed(queue.to_pylist())}
    rows = [first[one] for one in dict.fromkeys(queue["sample_id"].to_pylist())]
    return told, {
        "ids": [row["sample_id"] for row in rows],
        "ranks": [row["aggressor"] for row in rows],
        "reasons": [row["reason"] for row in rows],
    }


def _metadata(run: RunFile, taken: set[str] | frozenset[str]) -> str:
    columns = []
    for name, info in run.fields.items():
        shown = f"metadata.{name}" if name in taken else name
        text = "" if info.kind == "number" else "::VARCHAR"
        columns.append(f"m.{identifier(name)}{text} AS {identifier(shown)}, ")
    return "".join(columns)
