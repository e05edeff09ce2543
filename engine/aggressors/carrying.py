"""Filters of one run on another: what they say of its map and its aggressors, put into its words.

A region on the map holds positions of its own run, and an aggressor is named by its rank there. On
another run the same numbers would mean other samples. So a region is moved to where it lies once
both maps lie on each other, and a rank becomes that of the aggressor with the same samples. What
has no counterpart cannot be said of the other run, and is refused or left out, never reread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aggressors.contracts import Condition, Filter, Group, Not, Scalar
from aggressors.errors import AggressorsError, FilterError, RunNotFound
from aggressors.queries.alignment import aligned
from aggressors.queries.grammar import canonical, chips, fields_of, format_filter, parse
from aggressors.queries.track import matched
from aggressors.stats.alignment import STAYS, Similarity
from aggressors.store.kept_filters import KeptFilter, find, finder, read_filter
from aggressors.store.read import RunFile, open_run
from aggressors.store.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

REGION, AGGRESSOR, CONCEPT = "map", "aggressor", "concept"
PLACES = frozenset((REGION, "map_x", "map_y"))
GROUPS = frozenset((AGGRESSOR, CONCEPT))


# --- Maps ---


@dataclass(frozen=True, slots=True)
class Placed:
    """How the map of a run is moved, and the run whose map stays where it is."""

    by: Similarity
    first: str


def placed(run_id: str, earlier: Sequence[str], opened: Callable[[str], RunFile]) -> Placed:
    """Find how the map of a run is moved, so that a sample lies where it did in earlier runs.

    It is laid onto the oldest run that shares enough samples, wherever that one lies by now; so
    all runs of the same data agree, and each stays put when a newer one comes.

    Parameters
    ----------
    earlier : ids of the runs before, the oldest first.
    """
    for place, other in enumerate(earlier):
        try:
            found = aligned(opened(run_id), opened(other))
        except AggressorsError:  # a damaged file is no reason to show no map
            continue
        if found is not None:
            below = placed(other, earlier[:place], opened)
            return Placed(found.then(below.by), below.first)
    return Placed(STAYS, run_id)


def between(here: Placed, there: Placed) -> Similarity | None:
    """How places on the map of one run are moved to that of another; None where none can be."""
    return here.by.then(there.by.inverse()) if here.first == there.first else None


# --- Filters ---


@dataclass(frozen=True, slots=True)
class Counterparts:
    """Where what one run calls its own is on another.

    Parameters
    ----------
    by : how places on the map are moved; None where the maps do not lie on each other.
    ranks, concepts : of the aggressors there with the same samples; those without are not in it.
    """

    by: Similarity | None = None
    ranks: Mapping[int, int] = field(default_factory=dict)
    concepts: Mapping[int, int] = field(default_factory=dict)


def of_matched(pairs: pa.Table, by: Similarity | None) -> Counterparts:
    """Counterparts as `queries.track.matched` found them."""
    rows = [row for row in pairs.to_pylist() if None not in (row["rank"], row["other_rank"])]
    return Counterparts(
        by,
        {row["rank"]: row["other_rank"] for row in rows},
        {row["concept_id"]: row["other_concept_id"] for row in rows},
    )


def speaks_of_a_run(filter: Filter) -> bool:
    """Whether a filter names places on a map, or aggressors, which are a run's own."""
    return bool(fields_of(filter) & (PLACES | GROUPS))


def carried(filter: Filter, to: Counterparts) -> tuple[Filter, tuple[Filter, ...]]:
    """Put a filter into the words of another run.

    Returns
    -------
    The filter there, and the claims of its own that have no counterpart and are not in it.
    """
    kept, left = [], []
    for part in chips(filter):
        there = _carried(part, to)
        if there is None:
            left.append(part)
        else:
            kept.append(there)
    return (canonical(Group("and", tuple(kept))) if left else _whole(filter, to)), tuple(left)


def _whole(filter: Filter, to: Counterparts) -> Filter:
    """Put into other words what has them all; the filter itself where nothing changes."""
    return _carried(filter, to) or filter


def _carried(filter: Filter, to: Counterparts) -> Filter | None:
    if isinstance(filter, Not):
        inner = _carried(filter.part, to)
        return None if inner is None else Not(inner)
    if isinstance(filter, Group):
        parts = [_carried(part, to) for part in filter.parts]
        known = tuple(part for part in parts if part is not None)
        return Group(filter.kind, known) if len(known) == len(parts) else None
    if filter.field in GROUPS:
        return _renamed(filter, to.ranks if filter.field == AGGRESSOR else to.concepts)
    if filter.field in PLACES and to.by != STAYS:
        return None if to.by is None else _moved(filter, to.by)
    return filter


def _moved(filter: Condition, by: Similarity) -> Condition | None:
    """Move a region; None for a bound of one axis, as a turned map has other axes."""
    if filter.field != REGION or filter.op != "in":
        return filter if filter.op == "missing" else None
    flat = [float(value) for value in filter.values]
    corners = [by.point(x, y) for x, y in zip(flat[::2], flat[1::2], strict=True)]
    return Condition(REGION, "in", tuple(short(value) for corner in corners for value in corner))


def _renamed(filter: Condition, names: Mapping[int, int]) -> Condition | None:
    """Name the counterparts of some aggressors; None where one has none, or they are no list."""
    there: list[Scalar] = []
    for value in filter.values:
        known = names.get(int(value)) if isinstance(value, int | float) else None
        if filter.op not in ("=", "!=", "in") or known is None:
            return None
        there.append(known)
    return Condition(filter.field, filter.op, tuple(there))


def short(value: float) -> float:
    """Position on a map in six digits, and none for what only arithmetic left of a 0."""
    kept = round(float(f"{value:.6g}"), 9)
    return int(kept) if kept.is_integer() else kept


# --- In a workspace ---


def on_run(filter: Filter, made_on: str, run: RunFile, workspace: Workspace) -> Filter:
    """Put a filter that was made on one run of a workspace into the words of another.

    Raises
    ------
    FilterError : it speaks of what has no counterpart there; RunNotFound, StoreError : the run it
        was made on is gone or damaged.
    """
    if made_on == run.info.run_id or not speaks_of_a_run(filter):
        return filter
    with ExitStack() as opening:
        opened = _opener(run, workspace, opening)
        return strictly(filter, _counterparts(made_on, run, workspace, opened, filter), made_on)


def strictly(filter: Filter, to: Counterparts, made_on: str) -> Filter:
    """Put a filter into the words of another run, all of it.

    Raises
    ------
    FilterError : it speaks of what has no counterpart there.
    """
    there, left = carried(filter, to)
    if left:
        places = fields_of(left[0]) & PLACES
        what = "a region of the map" if places else f"{format_filter(left[0]):.80}"
        raise FilterError(
            f"It speaks of {what} on the run {made_on}, which has no counterpart on this one: "
            f"{why_not(left)}. Choose the run {made_on} for it."
        )
    return there


def why_not(left: Iterable[Filter]) -> str:
    """Say why claims have no counterpart on another run."""
    fields = frozenset[str]().union(*(fields_of(part) for part in left))
    reasons = []
    if fields & PLACES:
        reasons.append("their maps do not lie on each other")
    if fields & GROUPS:
        reasons.append("no aggressor there has enough of the same samples")
    return " and ".join(reasons)


def finder_on(run: RunFile, workspace: Workspace | None) -> Callable[[str], str]:
    """`kept_filters.finder` for a run: filters that speak of another run are put into its words."""
    if workspace is None:
        return finder(None)

    def text(name: str) -> str:
        found = find(workspace, name)
        kept: KeptFilter = read_filter(workspace, name)
        if not kept.run_id:
            return found
        try:
            return format_filter(on_run(parse(found), kept.run_id, run, workspace))
        except RunNotFound as error:
            raise FilterError(
                f"@{name} speaks of the run {kept.run_id}, which is not in {workspace.root}."
            ) from error

    return text


def _opener(run: RunFile, workspace: Workspace, opening: ExitStack) -> Callable[[str], RunFile]:
    """Open runs of a workspace, each once and until the end of `opening`."""
    known = {run.info.run_id: run}

    def opened(run_id: str) -> RunFile:
        if run_id not in known:
            known[run_id] = opening.enter_context(open_run(workspace.resolve(run_id)))
        return known[run_id]

    return opened


def _counterparts(
    made_on: str,
    run: RunFile,
    workspace: Workspace,
    opened: Callable[[str], RunFile],
    filter: Filter,
) -> Counterparts:
    fields = fields_of(filter)
    original = opened(made_on)
    by = None
    if fields & PLACES:
        ids = [one.run_id for one in workspace.catalogue()[0]]  # newest first
        lies = [placed(one, earlier_than(one, ids), opened) for one in (made_on, run.info.run_id)]
        by = between(*lies)
    return of_matched(matched(original, run), by) if fields & GROUPS else Counterparts(by)


def earlier_than(run_id: str, newest_first: Sequence[str]) -> tuple[str, ...]:
    """Ids of the runs before one, the oldest first; none before one that is not listed."""
    if run_id not in newest_first:
        return ()
    return tuple(reversed(newest_first[newest_first.index(run_id) + 1 :]))
