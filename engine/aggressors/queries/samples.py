"""One page of samples, and one sample in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import EVERYTHING, Condition, Filter, Scalar
from aggressors.errors import FilterError, UsageError
from aggressors.queries.cards import MAX_ROWS, cards, row_ids
from aggressors.queries.columns import column, encode, numbers
from aggressors.queries.grammar import both
from aggressors.queries.masks import mask
from aggressors.queries.names import FieldRef, concepts_by_rank, no_such_rank, resolve_value
from aggressors.queries.scope import fetch, fetch_rows, scope
from aggressors.store.sql import identifier

if TYPE_CHECKING:
    from aggressors.store.read import RunFile


@dataclass(frozen=True, slots=True)
class Value:
    """One named value of a sample; `unit` is '' where it has none, `value` None where missing."""

    name: str
    value: Scalar | None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Heatmap:
    """Where the model looked: `height` x `width` bytes, row by row; 255 stands for `scale`.

    `pixels` are for the class `target`, the predicted one; `label_pixels`, on a scale of their own,
    for the true class `label`, where that is another and the method knows classes.
    """

    method: str
    target: str
    height: int
    width: int
    scale: float
    pixels: bytes
    label: str | None
    label_pixels: bytes | None


@dataclass(frozen=True, slots=True)
class Membership:
    """An aggressor that a sample belongs to; `score` in [0.5, 1] says how surely."""

    rank: int
    concept_id: int
    name: str
    score: float


@dataclass(frozen=True, slots=True)
class SampleDetail:
    """Everything a run knows of one sample; `label` and `loss` are None where unlabeled."""

    row_id: int
    sample_id: str
    population: str
    fold: str | None
    label: str | float | None
    prediction: str | float | None
    confidence: float | None
    loss: float | None
    weight: float
    group_id: str | None
    map_x: float | None
    map_y: float | None
    kind: str | None
    uri: str | None
    text: str | None
    thumbnail: bytes | None
    heatmap: Heatmap | None
    metadata: tuple[Value, ...]
    metrics: tuple[Value, ...]
    aggressors: tuple[Membership, ...]


_SAMPLED = 20_000  # keys of a sort that say where in it a page lies
_PAGE = """
    SELECT s.row_id {more} FROM {source} WHERE {where}
    ORDER BY {order} {direction} NULLS LAST, s.row_id LIMIT $limit OFFSET $offset
"""
_MEMBERS = """
    SELECT s.row_id, a.score
    FROM {source} JOIN assignments a ON a.row_id = s.row_id
    WHERE a.concept_id = $concept AND {where}
    ORDER BY {order} {direction} NULLS LAST, s.row_id LIMIT $limit OFFSET $offset
"""


def count(run: RunFile, filter: Filter = EVERYTHING) -> int:
    """Count the samples that a filter lets through."""
    through = mask(run, filter)
    return sum(run.populations.values()) if through is None else int(np.count_nonzero(through))


def samples_page(
    run: RunFile,
    filter: Filter = EVERYTHING,
    order_by: str = "row_id",
    descending: bool = False,
    offset: int = 0,
    limit: int = 60,
    heatmaps: bool = False,
) -> pa.Table:
    """One page of samples, as `cards` shows them.

    Parameters
    ----------
    order_by : any field with a value; equal and missing values keep the order of the run.
    limit : at most `cards.MAX_ROWS`.

    Raises
    ------
    FilterError : an unknown field. UsageError : a negative offset, or a limit out of range.
    """
    order = resolve_value(run, order_by)
    wanted = window(offset, limit)
    if order.kind in ("number", "category"):
        found = _ranked(run, filter, order, descending, offset, limit)
    else:
        found = fetch(
            run,
            _PAGE,
            scope(run, filter, order),
            wanted,
            more="" if order_by in _SHOWN else f", {order.sql} AS {identifier(order_by)}",
            order=order.sql,
            direction=_direction(descending),
        )
    return cards(run, _plain(found), heatmaps=heatmaps)


def _ranked(
    run: RunFile, filter: Filter, order: FieldRef, descending: bool, offset: int, limit: int
) -> pa.Table:
    """Find the samples of a page without sorting all that come before it."""
    through = mask(run, filter)
    values = column(run, order)
    key = numbers(values) if order.kind == "number" else _codes(values)
    among = None
    if through is not None:
        among = np.flatnonzero(through)
        key = key[among]
    place = page_of(-key if descending else key, offset, limit)
    row = place if among is None else among[place]
    found = pa.table({"row_id": pa.array(row, pa.int64())})
    return found if order.name in _SHOWN else found.append_column(order.name, values.take(row))


def _codes(values: pa.Array) -> NDArray[np.float64]:
    """(n,) place of each category in their order, NaN where there is none."""
    code = encode(values)[0].astype(np.float64)
    code[code < 0] = np.nan
    return code


def page_of(key: NDArray[np.float64], offset: int, limit: int) -> NDArray[np.int64]:
    """(<= limit,) places that a stable ascending sort of `key`, NaN last, has from `offset` on.

    A sample of the keys says between which two values the page lies; only keys between them are
    sorted. They are counted, so that the answer is exact whatever the sample says.
    """
    end = min(offset + limit, len(key))
    n_known = int(np.count_nonzero(key == key))
    parts = []
    if offset < min(end, n_known):
        parts.append(_page_of_known(key, offset, min(end, n_known), n_known))
    if end > max(offset, n_known):
        missing = np.flatnonzero(key != key)
        parts.append(missing[max(offset - n_known, 0) : end - n_known])
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _page_of_known(
    key: NDArray[np.float64], offset: int, end: int, n_known: int
) -> NDArray[np.int64]:
    sampled = key[:: len(key) // _SAMPLED + 1]
    sampled = np.sort(sampled[sampled == sampled])
    if len(sampled):
        reach = 3 / np.sqrt(len(sampled))  # six standard errors of a share, at most
        low, high = (
            np.floor((offset / n_known - reach) * len(sampled)),
            np.ceil((end / n_known + reach) * len(sampled)),
        )
        least = sampled[int(low)] if low >= 0 else -np.inf
        most = sampled[int(high)] if high < len(sampled) else np.inf
        near = np.flatnonzero((key >= least) & (key <= most))
        before = int(np.count_nonzero(key < least))
        if before <= offset and before + len(near) >= end:
            order = np.argsort(key[near], kind="stable")
            return near[order[offset - before : end - before]]
    return np.argsort(key, kind="stable")[offset:end]


def members(
    run: RunFile,
    rank: int,
    filter: Filter = EVERYTHING,
    order_by: str = "score",
    descending: bool = True,
    offset: int = 0,
    limit: int = 60,
    heatmaps: bool = False,
) -> pa.Table:
    """One page of the members of an aggressor, over all populations, with their `score`.

    Raises
    ------
    UsageError : no aggressor has this rank. FilterError : an unknown field.
    """
    order = None if order_by == "score" else resolve_value(run, order_by)
    found = fetch(
        run,
        _MEMBERS,
        scope(run, filter, *([order] if order else [])),
        window(offset, limit) | {"concept": concept_of_rank(run, rank)},
        order=order.sql if order else "a.score",
        direction=_direction(descending),
    )
    return cards(run, found, heatmaps=heatmaps)


def inside(rank: int, *filters: Filter) -> Filter:
    """Keep the members of the aggressor of this rank, among what `filters` let through."""
    return both(Condition("aggressor", "=", (rank,)), *filters)


def concept_of_rank(run: RunFile, rank: int) -> int:
    """Find the concept of an aggressor by its rank.

    Raises
    ------
    UsageError : no aggressor has this rank.
    """
    known = concepts_by_rank(run)
    if rank in known:
        return int(known[rank])
    raise UsageError(no_such_rank(run, rank, known))


def sample(run: RunFile, sample_id: str) -> SampleDetail:
    """Everything about one sample.

    Raises
    ------
    FilterError : the run has no sample of this id.
    """
    row_id = row_ids(run, [sample_id]).get(sample_id)
    if row_id is None:
        raise FilterError(
            f"There is no sample {sample_id!r} in run {run.info.name!r}. "
            "Search for a part of its id with: sample_id contains …"
        )
    found = pa.table({"row_id": pa.array([row_id], pa.int64())})
    card = cards(run, found, heatmaps=True).to_pylist()[0]
    weight, group_id, map_x, map_y = fetch_rows(
        run,
        "SELECT weight, group_id, map_x, map_y FROM samples WHERE rowid = $row",
        params={"row": row_id},
    )[0]
    heatmap = Heatmap(
        *(card.pop(f"heatmap_{name}") for name in ("method", "target", "height", "width", "scale")),
        *(card.pop(name) for name in ("heatmap", "heatmap_label", "label_heatmap")),
    )
    card.pop("correct")
    return SampleDetail(
        **card,
        weight=weight,
        group_id=group_id,
        map_x=map_x,
        map_y=map_y,
        heatmap=None if heatmap.pixels is None else heatmap,
        metadata=tuple(_metadata(run, row_id)),
        metrics=tuple(_metrics(run, row_id)),
        aggressors=tuple(_aggressors(run, row_id)),
    )


def _metadata(run: RunFile, row_id: int) -> Iterable[Value]:
    if not run.fields:
        return
    names = list(run.fields)
    columns = ", ".join(f"m.{identifier(name)}" for name in names)
    sql = "SELECT {columns} FROM metadata m WHERE m.rowid = $row"
    row = fetch_rows(run, sql, params={"row": row_id}, columns=columns)[0]
    for name, value in zip(names, row, strict=True):
        yield Value(name, value, run.fields[name].unit)


def _metrics(run: RunFile, row_id: int) -> Iterable[Value]:
    sql = "SELECT metric, value FROM metrics WHERE row_id = $row ORDER BY metric"
    for name, value in fetch_rows(run, sql, params={"row": row_id}):
        yield Value(name, value)


def metadata(run: RunFile, row_ids: Sequence[int], names: Sequence[str]) -> pa.Table:
    """Values of metadata fields of the run (columns) for some samples (rows), in that order."""
    if not row_ids:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    columns = "".join(
        f", m.{identifier(name)}{_as_text(run, name)} AS {identifier(name)}" for name in names
    )
    sql = """
        SELECT o.place {columns} FROM (
            SELECT unnest($rows) AS row_id, generate_subscripts($rows, 1) AS place
        ) o JOIN metadata m ON m.rowid = o.row_id ORDER BY o.place
    """
    found = fetch(run, sql, params={"rows": list(row_ids)}, columns=columns)
    return found.drop_columns(["place"])


def _as_text(run: RunFile, name: str) -> str:
    return "" if run.fields[name].kind == "number" else "::VARCHAR"


def _aggressors(run: RunFile, row_id: int) -> Iterable[Membership]:
    sql = """
        SELECT g.rank, g.concept_id, g.name, a.score
        FROM assignments a JOIN aggressors g USING (concept_id)
        WHERE a.row_id = $row ORDER BY g.rank
    """
    for rank, concept_id, name, score in fetch_rows(run, sql, params={"row": row_id}):
        yield Membership(rank, concept_id, name, score)


_SHOWN = {
    "row_id", "sample_id", "population", "fold", "label", "prediction", "correct", "confidence",
    "loss",
}  # fmt: skip


def _plain(table: pa.Table) -> pa.Table:
    """Turn ENUM columns, dictionaries in Arrow, into plain text."""
    for place, entry in enumerate(table.schema):
        if pa.types.is_dictionary(entry.type):
            table = table.set_column(place, entry.name, table[entry.name].cast(pa.string()))
    return table


def _direction(descending: bool) -> str:
    return "DESC" if descending else "ASC"


def window(offset: int, limit: int) -> dict[str, int]:
    """Check which page is asked for, and name it as queries do; raises UsageError."""
    if offset < 0 or not 1 <= limit <= MAX_ROWS:
        raise UsageError(
            f"A page needs an offset of at least 0 and 1 to {MAX_ROWS} rows; "
            f"got offset {offset} and {limit} rows."
        )
    return {"offset": offset, "limit": limit}
