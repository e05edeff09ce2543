"""What a view says of one run, on another: regions of the map, aggressors, and the one in focus."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aggressors import carrying
from aggressors.carrying import Counterparts
from aggressors.contracts import Filter
from aggressors.errors import AggressorsError, FilterError
from aggressors.queries.grammar import fields_of, format_filter, parse
from aggressors.stats.alignment import STAYS, Similarity
from aggressors.words import listed
from aggressors_app import cached, chips, state
from aggressors_app.format import plain, share

Point = tuple[float, float]
SWITCHED = "switched"  # what is to be said of a switch


def shown(points: Sequence[Point], by: Similarity) -> tuple[Point, ...]:
    """Where corners of a run's map are drawn."""
    return tuple(by.point(x, y) for x, y in points)


def stored(points: Sequence[Point], by: Similarity) -> tuple[Point, ...]:
    """Where corners that were drawn lie in the run file, short enough for an address."""
    if by == STAYS:
        return tuple(points)
    back = by.inverse()
    places = (back.point(*point) for point in points)
    return tuple((carrying.short(x), carrying.short(y)) for x, y in places)


# --- Another run ---


def switch(run_id: str) -> None:
    """Show another run; for callbacks. What the view says of this one is put into its words.

    A region stays where it is drawn, and an aggressor is followed by the samples it holds; what has
    no counterpart there leaves the view, and that is said.
    """
    view = state.read()
    filter, told = _there(view, run_id)
    rank, focus = _focus(view, run_id)
    state.change(run=run_id, filter=filter if filter != view.filter else None, aggressor=rank)
    st.session_state[SWITCHED] = [said for said in (told, focus) if said]


def switched() -> None:
    """Say what the switch to this run has changed in the view; until the next click."""
    for said in st.session_state.pop(SWITCHED, ()):
        st.caption(f":material/sync_alt: {plain(said)}")


def _there(view: state.View, run_id: str) -> tuple[str, str]:
    """Put the filter of the view to another run, and say what was left out of it."""
    try:
        filter = parse(view.filter)
        if view.run == run_id or not carrying.speaks_of_a_run(filter):
            return view.filter, ""
        kept, left = carrying.carried(filter, _counterparts(view.run, run_id, filter))
    except (AggressorsError, ValueError):  # said on the page, as for any such filter
        return view.filter, ""
    told = ""
    if left:
        names = listed([chips.describe(part) for part in left])
        told = f"Left out of the filter: {names} of {_name(view.run)}; {carrying.why_not(left)}."
    return (view.filter if kept == filter else format_filter(kept)), told


def _focus(view: state.View, run_id: str) -> tuple[int | None, str]:
    """Find the aggressor in focus on another run, 0 for none there; say what became of it."""
    rank = view.aggressor
    if rank is None or view.run == run_id:
        return None, ""
    try:
        pairs = cached.matched(view.run, run_id).to_pylist()
    except AggressorsError:  # said on the page
        return None, ""
    here, there = f"Aggressor {rank} of {_name(view.run)}", _name(run_id)
    pair = next((row for row in pairs if row["rank"] == rank), None)
    if pair is None or pair["other_rank"] is None:
        return 0, f"{here} has no counterpart in {there}: none there has enough of its samples."
    other = int(pair["other_rank"])
    if other == rank and pair["overlap"] == 1:
        return other, ""
    alike = share(pair["overlap"], 0)
    return other, f"{here} is aggressor {other} of {there}: {alike} of their samples are the same."


def _counterparts(here: str, there: str, filter: Filter) -> Counterparts:
    """Where what a filter says of one run is on another, as far as it asks."""
    fields = fields_of(filter)
    by = None
    if fields & carrying.PLACES:
        by = carrying.between(cached.placed(here), cached.placed(there))
    if not fields & carrying.GROUPS:
        return Counterparts(by)
    return carrying.of_matched(cached.matched(here, there), by)


# --- What was kept ---


def on_run(text: str, made_on: str, run_id: str) -> str:
    """Put a filter that was kept on one run into the words of another.

    Parameters
    ----------
    made_on : the run of whose map or aggressors it speaks; '' where it speaks of none.

    Raises
    ------
    FilterError : it speaks of what has no counterpart there.
    """
    if not made_on or made_on == run_id:
        return text
    filter = parse(text)
    if not carrying.speaks_of_a_run(filter):
        return text
    try:
        to = _counterparts(made_on, run_id, filter)
    except FilterError:
        raise
    except AggressorsError as error:
        raise FilterError(f"It speaks of the run {made_on}, which is not here. {error}") from error
    there = carrying.strictly(filter, to, _name(made_on))
    return text if there == filter else format_filter(there)


def saved_filter(name: str) -> str:
    """Text of the filter that is kept under a name or digest, as it is on the run on screen.

    Raises
    ------
    FilterError : none is, or it speaks of what has no counterpart on this run.
    """
    text = cached.saved_filter(name)
    made_on = next((one.run_id for one in cached.filters()[0] if one.slug == name), "")
    return on_run(text, made_on, state.read().run)


def _name(run_id: str) -> str:
    known = cached.catalogue().find(run_id)
    return run_id if known is None else known.name
