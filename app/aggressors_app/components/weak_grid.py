"""A grid over one or two fields that the analyst chooses, each cell of which is a filter."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from aggressors.queries.columns import OTHER
from aggressors.queries.sought import WeakPairs
from aggressors.queries.weak import Cell, Grid
from aggressors_app import cached, charts, state, weak_charts
from aggressors_app.components.places import clickable, downloads
from aggressors_app.format import count, interval, number, share
from aggressors_app.part_words import RATES, in_full, label_of, size_of
from aggressors_app.scope_words import in_filter

NONE = "(one field)"
WIDTH = 164  # pixels of each choice of a field


def weak_grid(run_id: str, filter: str, pairs: WeakPairs) -> None:
    """Offer fields, and show how each cell of them does; the worst pair is where it starts."""
    offered = divisible(run_id)
    first = _first_fields(run_id, pairs, offered)
    bar = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with bar:
        st.markdown("**Grid**", width="content")
        st.space("stretch")
        across = _field("gx", "Field across", offered, first[0])
        others = [name for name in offered if name != across]
        start = next((name for name in reversed(first) if name != across), NONE)
        down = _field("gy", "Field down", [NONE, *others], start)
    if not offered:
        st.caption("No field divides the samples.")
        return
    fields = (across,) if down == NONE else (across, down)
    found = cached.grid(run_id, filter, fields)
    if not found.cells:
        st.caption("No sample passes the filter. Remove a chip above.")
        return
    if not found.whole.n_known:
        st.caption("No labeled sample in the filter.")
        return
    scope = in_filter(run_id, filter)
    places = [(cell.claim, cell.figures) for cell in found.cells]
    with bar:
        title = f"Mean {cached.signal(run_id)} by {' and '.join(fields)}"
        downloads("grid", title, scope, places)
    st.caption(scope)
    clickable("grid", f"grid_{'_'.join(fields)}", grid_spec(run_id, found), places, filter)


def divisible(run_id: str) -> list[str]:
    """Fields that a grid may be laid over: the label and metadata first, then populations."""
    known = cached.field_list(run_id)
    named = ["label", *cached.prominent(run_id), "population"]
    return [
        name
        for name in dict.fromkeys(named)
        if name in known and known[name].kind in ("number", "category")
    ]


def _first_fields(run_id: str, pairs: WeakPairs, offered: Sequence[str]) -> list[str]:
    """Start with the worst pair, else with the fields that say most; numbers lie across."""
    chosen = [part.field for pair in pairs.found[:1] for part in pair.parts]
    chosen = [name for name in [*chosen, *cached.prominent(run_id), *offered] if name in offered]
    known = cached.field_list(run_id)
    both = list(dict.fromkeys(chosen))[:2] or [NONE]
    return sorted(both, key=lambda name: name in known and known[name].kind != "number")


def _field(name: str, label: str, options: Sequence[str], first: str) -> str:
    """Offer a field that the address remembers as `name`."""
    key = f"where_{name}"
    options = list(options) or [NONE]
    value = state.read().get(name, first if first in options else options[0], tuple(options))
    st.session_state[key] = value
    st.selectbox(
        label,
        options,
        key=key,
        label_visibility="collapsed",
        width=WIDTH,
        on_change=lambda: state.change(**{name: st.session_state[key]}),
    )
    return str(value)


def grid_spec(run_id: str, found: Grid) -> charts.Spec:
    """Draw a grid: the first field across, the second down, with large numbers on top."""
    columns = _order(found, 0)
    rows = _order(found, 1) if len(found.fields) == 2 else [0]
    titles = (found.fields[0], found.fields[1] if len(found.fields) == 2 else "")
    return weak_charts.grid(
        [_grid_cell(found, cell, columns, rows) for cell in found.cells],
        [label_of(found.parts[0][at]) for at in columns],
        [label_of(found.parts[1][at]) for at in rows] if len(found.fields) == 2 else [""],
        titles,
        charts.palette(st.context.theme.type),
        (f"mean {cached.signal(run_id)}", RATES[found.failing], "share of all"),
        f"fewer than {count(found.fewest)} {_judged(found)}samples",
        # What is no material difference does not run through all colours.
        cached.run_file(run_id).info.settings.materiality * abs(found.whole.mean or 0.0),
    )


def _judged(found: Grid) -> str:
    """Say which samples count, where not all do."""
    return "labeled " if found.whole.n_known < found.whole.n else ""


def _order(found: Grid, axis: int) -> list[int]:
    """Parts that hold a sample as they are drawn: numbers and names in order, the rest last."""
    used = sorted({cell.places[axis] for cell in found.cells})
    parts = found.parts[axis]
    named = [at for at in used if not parts[at].is_missing and parts[at].value != OTHER]
    if any(part.value is not None for part in parts):
        named.sort(key=lambda at: _natural(parts[at].value or ""))
    elif axis == 1:
        named.reverse()
    return [*named, *(at for at in used if at not in named)]


def _natural(text: str) -> list[tuple[bool, int, str]]:
    """Order names as people do: op-2 before op-10."""
    return [
        (part.isdecimal(), int(part) if part.isdecimal() else 0, part)
        for part in re.split(r"(\d+)", text)
    ]


def _grid_cell(
    found: Grid, cell: Cell, columns: Sequence[int], rows: Sequence[int]
) -> weak_charts.GridCell:
    figures = cell.figures
    enough = figures.n_known >= found.fewest and figures.mean is not None
    bounds = interval(figures.low, figures.high)
    return weak_charts.GridCell(
        x=columns.index(cell.places[0]),
        y=rows.index(cell.places[1]) if len(cell.places) == 2 else 0,
        mean=figures.mean if enough else None,
        text=number(figures.mean) if enough else f"n {count(figures.n_known)}",
        where=in_full(cell.claim),
        n=size_of(figures),
        value=number(figures.mean) + (f" ({bounds})" if bounds else ""),
        error=share(figures.error_rate),
        part=share(figures.error_share),
    )
