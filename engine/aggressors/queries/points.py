"""Single samples on the map, where few are in view, and what a map can be coloured by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from aggressors.contracts import EVERYTHING, Filter
from aggressors.errors import UsageError
from aggressors.queries.maps import View
from aggressors.queries.names import FieldRef, resolve_value
from aggressors.queries.scope import fetch, fetch_rows, scope
from aggressors.queries.signals import signal_sql
from aggressors.stats.alignment import STAYS, Similarity

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

DENSITY, SIGNAL, ERROR = ":density", ":signal", ":error"  # no field can be called so in a filter
MOST_POINTS = 10_000

_POINTS = """
    SELECT s.row_id, s.sample_id, {x} AS x, {y} AS y, {label} AS label,
        {prediction} AS prediction, s.loss {values}
    FROM {source}
    WHERE {where} AND s.map_x IS NOT NULL
        AND {x} >= $left AND {x} < $right AND {y} >= $bottom AND {y} < $top
    ORDER BY s.loss DESC NULLS LAST, s.row_id LIMIT $most
"""
_X = "($xx * s.map_x + $xy * s.map_y + $x0)"
_Y = "($yx * s.map_x + $yy * s.map_y + $y0)"
_THUMBNAILS = """
    SELECT row_id, thumbnail FROM media
    WHERE row_id IN (SELECT unnest($rows::BIGINT[])) AND thumbnail IS NOT NULL
"""


def color_of(run: RunFile, name: str) -> FieldRef | None:
    """Find what colours a map: a field with a value, `SIGNAL`, `ERROR`; None for `DENSITY`.

    Raises
    ------
    FilterError : an unknown field, or one without a value.
    """
    if name == DENSITY:
        return None
    if name == SIGNAL:
        return FieldRef(str(run.info.settings.signal), "number", signal_sql(run))
    if name == ERROR:
        return FieldRef("error rate", "number", signal_sql(run, "error"), "share")
    return resolve_value(run, name)


@dataclass(frozen=True, eq=False)
class Points:
    """Samples in view, those of the largest loss first.

    `table` holds row_id, sample_id, x and y (of the moved map), label, prediction, loss, and c0,
    c1, … for what they are coloured by: text of a category, float64 of a number.
    """

    table: pa.Table


def points(
    run: RunFile,
    filter: Filter = EVERYTHING,
    colors: Sequence[FieldRef | None] = (),
    *,
    view: View,
    placed: Similarity = STAYS,
    most: int = 2_000,
) -> Points:
    """Read the samples that a filter lets through in a part of the map, one by one.

    Parameters
    ----------
    colors : what colours each map; None for a density, of which a sample has no value.
    view : the part to show; its upper and right border are outside.
    placed : how the map is moved before it is looked at.
    most : at most so many, 1 to `MOST_POINTS`.

    Raises
    ------
    UsageError : `most` is out of range.
    """
    if not 1 <= most <= MOST_POINTS:
        raise UsageError(f"1 to {MOST_POINTS:,} points can be read; got {most}.")
    refs = [ref for ref in colors if ref is not None]
    moved = {name: getattr(placed, name) for name in ("xx", "xy", "yx", "yy", "x0", "y0")}
    borders = {"left": view.x0, "right": view.x1, "bottom": view.y0, "top": view.y1}
    as_text = "s.{0}::VARCHAR" if run.classes else "s.{0}"
    found = fetch(
        run,
        _POINTS,
        scope(run, filter, *refs),
        {**moved, **borders, "most": most},
        x=_X,
        y=_Y,
        label=as_text.replace("{0}", "label"),
        prediction=as_text.replace("{0}", "prediction"),
        values="".join(f", {_value(ref)} AS c{place}" for place, ref in enumerate(colors)),
    )
    return Points(found)


def _value(ref: FieldRef | None) -> str:
    if ref is None:
        return "NULL::DOUBLE"
    return f"({ref.sql})::DOUBLE" if ref.kind == "number" else f"({ref.sql})::VARCHAR"


def thumbnails(run: RunFile, row_ids: Sequence[int]) -> dict[int, bytes]:
    """Pictures of some samples by their position; those without one are left out."""
    found = fetch(run, _THUMBNAILS, params={"rows": list(row_ids)})
    return dict(zip(found["row_id"].to_pylist(), found["thumbnail"].to_pylist(), strict=True))


def has_media(run: RunFile) -> bool:
    """Tell whether some sample has a picture or a text."""
    return _has(run, "thumbnail IS NOT NULL OR text IS NOT NULL")


def has_pictures(run: RunFile) -> bool:
    """Tell whether some sample has a picture."""
    return _has(run, "thumbnail IS NOT NULL")


def _has(run: RunFile, seen: str) -> bool:
    sql = "SELECT count(*) FROM (SELECT 1 FROM media WHERE {seen} LIMIT 1)"
    return bool(fetch_rows(run, sql, seen=seen)[0][0])
