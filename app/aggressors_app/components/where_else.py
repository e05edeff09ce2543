"""Where else the model is weak: a grid over fields of choice, worst pairs, and an error tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict

import pyarrow as pa
import streamlit as st

from aggressors.contracts import Filter
from aggressors.queries.columns import OTHER
from aggressors.queries.grammar import format_filter, parse
from aggressors.queries.parts import narrowed
from aggressors.queries.sought import Branch, ErrorTree, WeakPair, WeakPairs
from aggressors.queries.weak import Cell, Grid
from aggressors_app import cached, charts, state, weak_charts
from aggressors_app.components.handmade import handmade
from aggressors_app.components.listing import Column, Meter, Row, Text, listing
from aggressors_app.components.takeaway import takeaway
from aggressors_app.format import count, interval, number, plain, share
from aggressors_app.part_words import (
    RATES,
    in_full,
    label_of,
    rate_of,
    said,
    share_of,
    size_of,
    titled_part,
)

NONE = "(one field)"
PAIRS = 372  # pixels, about as high as a grid
IDEAS = (
    "Ideas, not findings: sought and seen on the samples in the filter. A click makes a place the "
    "filter, where the half of the data that judges says whether it holds."
)


def where_else(run_id: str, filter: str) -> None:
    """Show where samples in the filter fail, place by place; a click on any limits the filter."""
    st.caption(IDEAS)
    pairs = cached.worst_pairs(run_id, filter)
    left, right = st.columns([7, 5], gap="medium")
    with left:
        _grid(run_id, filter, pairs)
    with right:
        _pairs(run_id, filter, pairs)
    _tree(run_id, filter)
    handmade(run_id, travels=False)


def limit_to(claim: Filter) -> None:
    """Limit the filter to a place; for callbacks."""
    state.change(filter=format_filter(narrowed(parse(state.read().filter), claim)))


def _downloads(name: str, title: str, places: Sequence[Cell | Branch]) -> None:
    """Offer a chart of places as a file: each place as a filter, and its figures."""
    rows = [{"where": format_filter(one.claim)} | asdict(one.figures) for one in places]
    takeaway(
        f"figure_{name}",
        lambda: pa.Table.from_pylist(rows),
        stem=title,
        title=title,
        note=state.read().filter,
    )


def _clickable(
    name: str, key: str, spec: charts.Spec, claims: Sequence[Filter], filter: str
) -> None:
    """Draw a chart of places, each of which is a filter."""
    # A new filter gives a new chart, so that no old selection is reported for it.
    key = f"{key}_{hash(filter) & 0xFFFFFF}"

    def picked() -> None:
        found = st.session_state[key]["selection"].get(charts.SELECTION) or []
        at = found[0].get("at") if found else None
        if isinstance(at, int) and 0 <= at < len(claims):
            limit_to(claims[at])

    with st.container(key=f"figure_{name}"):
        st.vega_lite_chart(spec=spec, key=key, on_select=picked, width="stretch")


# --- Grid ---


def _grid(run_id: str, filter: str, pairs: WeakPairs) -> None:
    offered = divisible(run_id)
    first = _first_fields(run_id, pairs, offered)
    bar = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with bar:
        st.markdown("**Grid**", width="content", help=_grid_help(run_id))
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
    claims = [cell.claim for cell in found.cells]
    with bar:
        _downloads("grid", f"Grid of {' and '.join(fields)}", found.cells)
    _clickable("grid", f"grid_{'_'.join(fields)}", grid_spec(run_id, found), claims, filter)


def _grid_help(run_id: str) -> str:
    fewest = cached.run_file(run_id).info.settings.min_size
    return (
        f"Mean {plain(cached.signal(run_id))} of each cell. Hatched: fewer than {fewest} samples, "
        "too few to tell."
    )


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
        width=128,
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
    )


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


# --- Worst pairs ---


def _pairs(run_id: str, filter: str, found: WeakPairs) -> None:
    what = cached.signal(run_id)
    st.markdown("**Worst pairs**", help=_pairs_help(what, found))
    if not found.found:
        st.caption(
            f"None of {count(found.looked_at)} cells of two fields is surely worse than both of "
            "its parts."
            if found.looked_at
            else "Too few labeled samples to look at pairs of fields."
        )
        return
    listing(
        "worst_pairs",
        (Column("Where", width="58%"), Column(f"Mean {what}")),
        pair_rows(found),
        label="Worst pairs",
        on_choose=_chooser(found.found),
        height=PAIRS,
        spare=True,
    )


def _chooser(pairs: Sequence[WeakPair]) -> Callable[[str], None]:
    def choose(row: str) -> None:
        if row.isdecimal() and int(row) < len(pairs):
            limit_to(pairs[int(row)].claim)

    return choose


def pair_rows(found: WeakPairs) -> list[Row]:
    """One row a pair, by its place."""
    highest = max((pair.figures.high or 0.0 for pair in found.found), default=0.0) or 1.0
    rows = []
    for at, pair in enumerate(found.found):
        figures = pair.figures
        said_ = " · ".join(
            text
            for text in (
                size_of(figures),
                rate_of(figures, found.failing),
                share_of(figures, found.failing),
            )
            if text
        )
        rows.append(
            Row(
                str(at),
                (
                    Text(" · ".join(map(titled_part, pair.parts)), sub=said_),
                    Meter(
                        figures.mean or 0.0, number(figures.mean), low=figures.low,
                        high=figures.high, min=min(0.0, figures.low or 0.0), max=highest,
                        sub=interval(figures.low, figures.high), color="red",
                    ),
                ),
            )
        )  # fmt: skip
    return rows


def _pairs_help(what: str, found: WeakPairs) -> str:
    return (
        f"Cells of two fields whose mean {plain(what)} is above that of all others, and of what is "
        f"left of either part, even after correcting for all {count(found.looked_at)} cells looked "
        f"at. {_chosen_on(found.chosen_on, found.unseen)}"
    )


def _chosen_on(n: int, unseen: bool) -> str:
    who = "none of the half that judges" if unseen else "all of the half that judges"
    return f"Chosen on {count(n)} samples, {who}; the figures are over all in the filter."


# --- Error tree ---


def _tree(run_id: str, filter: str) -> None:
    found = cached.error_tree(run_id, filter)
    bar = st.container(horizontal=True, vertical_alignment="center", gap="small")
    bar.markdown("**Error tree**", width="content", help=_tree_help(found))
    if len(found.nodes) == 1:
        st.caption(
            f"No question about {count(found.fields)} fields parts failing samples from others "
            "beyond chance."
            if found.chosen_on
            else "No labeled sample in the filter."
        )
        return
    names = (RATES[found.failing], "share of all")
    spec = weak_charts.tree(
        boxes(found), cached.TREE_DEPTH, charts.palette(st.context.theme.type), names
    )
    with bar:
        st.space("stretch")
        _downloads("tree", "Error tree", found.nodes)
    _clickable("tree", "error_tree", spec, [node.claim for node in found.nodes], filter)


def _tree_help(found: ErrorTree) -> str:
    what = "wrong predictions" if found.failing == "wrong" else "failing samples"
    return (
        f"Each question parts {what} from others best, and beyond chance. Colour: the share that "
        "fails; line at the foot: the share of all failures in the filter. "
        f"{_chosen_on(found.chosen_on, found.unseen)}"
    )


def boxes(found: ErrorTree) -> list[weak_charts.TreeBox]:
    """Lay the nodes out: each leaf has a row, and a node spans the rows of its leaves."""
    children: dict[int, list[int]] = {}
    for place, node in enumerate(found.nodes):
        children.setdefault(node.parent, []).append(place)
    rows: dict[int, tuple[int, int]] = {}

    def lay(place: int, top: int) -> int:
        bottom = top
        for child in children.get(place, ()):
            bottom = lay(child, bottom)
        rows[place] = (top, bottom if bottom > top else top + 1)
        return rows[place][1]

    lay(0, 0)
    return [_box(found, node, rows[place]) for place, node in enumerate(found.nodes)]


def _box(found: ErrorTree, node: Branch, rows: tuple[int, int]) -> weak_charts.TreeBox:
    figures = node.figures
    rate = rate_of(figures, found.failing)
    return weak_charts.TreeBox(
        depth=node.depth,
        top=rows[0],
        bottom=rows[1],
        rate=figures.error_rate,
        share=figures.error_share,
        title=said(node.step) if node.parent >= 0 else "All in the filter",
        second=" · ".join(text for text in (rate, size_of(figures)) if text),
        third=share_of(figures, found.failing),
        where=in_full(node.claim),
    )
