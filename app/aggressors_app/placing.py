"""Regions of a filter between the map as it is shown and as the run file holds it."""

from __future__ import annotations

from collections.abc import Sequence

from aggressors.contracts import Condition, Filter, Group, Not
from aggressors.errors import AggressorsError, FilterError
from aggressors.queries.grammar import format_filter, parse
from aggressors.stats.alignment import STAYS, Similarity
from aggressors_app import cached, state
from aggressors_app.chips import REGION

Point = tuple[float, float]


def shown(points: Sequence[Point], by: Similarity) -> tuple[Point, ...]:
    """Where corners of a run's map are drawn."""
    return tuple(by.point(x, y) for x, y in points)


def stored(points: Sequence[Point], by: Similarity) -> tuple[Point, ...]:
    """Where corners that were drawn lie in the run file, short enough for an address."""
    if by == STAYS:
        return tuple(points)
    back = by.inverse()
    return tuple((_short(x), _short(y)) for x, y in (back.point(*point) for point in points))


def moved(filter: Filter, by: Similarity) -> Filter:
    """Return the filter with every region on the map moved."""
    if isinstance(filter, Not):
        return Not(moved(filter.part, by))
    if isinstance(filter, Group):
        return Group(filter.kind, tuple(moved(part, by) for part in filter.parts))
    if filter.field != REGION or filter.op != "in":
        return filter
    flat = [float(value) for value in filter.values]
    corners = [by.point(x, y) for x, y in zip(flat[::2], flat[1::2], strict=True)]
    return Condition(REGION, "in", tuple(_short(value) for corner in corners for value in corner))


def switch(run_id: str) -> None:
    """Show another run; for callbacks. A region stays where it is drawn, on the other map."""
    view = state.read()
    try:
        here, there = cached.placed(view.run).by, cached.placed(run_id).by
        by = here.then(there.inverse())
        filter = view.filter if by == STAYS else format_filter(moved(parse(view.filter), by))
    except (AggressorsError, FilterError, ValueError):  # said on the page, as for any such filter
        filter = view.filter
    state.change(run=run_id, filter=filter if filter != view.filter else None)


def _short(value: float) -> float:
    """Six digits, and none for what only arithmetic left of a 0."""
    kept = round(float(f"{value:.6g}"), 9)
    return int(kept) if kept.is_integer() else kept
