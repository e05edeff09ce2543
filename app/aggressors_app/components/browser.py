"""All samples in scope as pages of tiles or rows, sorted by any field, with one of them beside."""

from __future__ import annotations

import math

import pyarrow as pa
import streamlit as st

from aggressors.queries import marks
from aggressors_app import actions, cached, state
from aggressors_app.components import queueing
from aggressors_app.components.choice import choice
from aggressors_app.components.exports import export_menu
from aggressors_app.components.grid import Tile, sample_grid
from aggressors_app.components.marking import flags, keys, mark_by_key, troubles
from aggressors_app.components.pager import pager, turn
from aggressors_app.components.rows import choose_fields, rows_of
from aggressors_app.components.sample_card import sample_card
from aggressors_app.components.states import failed
from aggressors_app.components.tagging import tag_menu
from aggressors_app.components.tiles import tiles_of, width_of
from aggressors_app.format import count

SIZES = (24, 48, 96)
PER_PAGE = 48
LAYOUTS = {"tiles": ":material/grid_view:", "rows": ":material/table_rows:"}
PANEL = 430  # pixels of the chosen sample, beside the grid


def browser(run_id: str, filter: str) -> None:
    """Show one page of samples, and the chosen one beside it."""
    view = state.read()
    total = cached.count(run_id, filter)
    size = int(view.get("per", str(PER_PAGE), tuple(map(str, SIZES))))
    pages = max(1, math.ceil(total / size))
    page = view.number("page", 1, 1, pages)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="browser_bar"):
        st.markdown("**Samples**", width="content")
        sort, descending = _order(run_id)
        rows = _layout(run_id) == "rows"
        if rows:
            choose_fields(run_id)
        tag_menu(filter)
        st.space("stretch")
        _sizes(size, page)
        pager("browser_page", page, pages)
        export_menu(
            "browser_export",
            lambda format: actions.exported(run_id, "samples", format, filter),
            f"{count(total)} samples in the filter",
        )
    start = (page - 1) * size
    found = cached.page(run_id, filter, sort, descending, start, size)
    chosen = view.get("sample", "")
    # The grid keeps its place in the page whether or not something stands beside it: so it keeps
    # the focus of the keyboard too.
    with st.container(horizontal=True, gap="small", key="browser_body"):
        with st.container(width="stretch", key="browser_list"):
            _grid(
                run_id, found, page, pages, start, total, rows=(sort, descending) if rows else None
            )
        if chosen:
            with st.container(width=PANEL, key="browser_panel"):
                sample_card(run_id, chosen, "browser_sample", beside=True)


def _grid(
    run_id: str,
    found: pa.Table,
    page: int,
    pages: int,
    start: int,
    total: int,
    *,
    rows: tuple[str, bool] | None,
) -> None:
    view, held = state.read(), cached.marks()
    troubles(held)
    if problem := st.session_state.pop(queueing.PROBLEM, ""):
        failed(problem)
    unlabeled = found["label"].null_count
    # A tag stands in the corner where nothing more urgent does.
    said = {sample: " · ".join(tags) for sample, tags in marks.tags(held.held).items()}
    said |= flags(run_id, held)
    if unlabeled:
        said |= dict.fromkeys(queueing.queued(), queueing.FLAG)
    tiles: list[Tile] = tiles_of(found, flags=said)
    tiles, heads = rows_of(run_id, found, tiles, *rows) if rows else (tiles, [])

    def act(word: str, sample: str) -> None:
        if word == queueing.WORD:
            queueing.add_unlabeled(run_id, sample)
        else:
            mark_by_key(run_id, None, word, sample, held)

    shown = f"{count(start + 1)} – {count(start + found.num_rows)} of {count(total)}"
    sample_grid(
        "browser_grid",
        tiles,
        label="Samples",
        chosen=view.get("sample", ""),
        on_choose=lambda sample: state.change(sample=sample),
        on_turn=lambda step: turn(min(max(page + step, 1), pages)),
        on_act=act,
        on_heat=lambda heat: state.change(heat=str(heat) if heat else None),
        on_sort=_sorted,
        actions=keys(labeled=unlabeled < found.num_rows) | queueing.keys(unlabeled=unlabeled > 0),
        caption=shown if found.num_rows else "",
        empty="No sample passes the filter. Clear it, or remove a chip above.",
        size=width_of(tiles, 104),
        heat=view.number("heat", 0, 0, 100),
        columns=heads,
    )


def _layout(run_id: str) -> str:
    """Offer tiles or rows; rows come first where there is nothing to look at."""
    first = "tiles" if cached.has_media(run_id) else "rows"
    return choice("Layout", "layout", LAYOUTS, key="browser_layout", first=first)


def _sizes(size: int, page: int) -> None:
    """Offer how many stand on a page; the first of them stays on it."""
    key = "browser_per"
    st.session_state[key] = size

    def change() -> None:
        chosen = int(st.session_state[key])
        there = (page - 1) * size // chosen + 1
        state.change(
            per=str(chosen) if chosen != PER_PAGE else None,
            page=str(there) if there > 1 else None,
        )

    st.selectbox(
        "Samples a page",
        SIZES,
        key=key,
        format_func=lambda n: f"{n} a page",
        label_visibility="collapsed",
        width=120,
        on_change=change,
    )


def _sorted(field: str) -> None:
    """Sort by the column that was clicked; a second click turns the order round."""
    view = state.read()
    if field == view.get("sort", "loss"):
        down = view.get("order", "down", ("down", "up")) == "down"
        state.change(order="up" if down else None, page=None)
    else:
        state.change(sort=field, order=None, page=None)


def _order(run_id: str) -> tuple[str, bool]:
    """Offer the field to sort by, and whether the largest come first."""
    view = state.read()
    fields = list(cached.field_list(run_id))
    sort = view.get("sort", "loss", tuple(fields))
    descending = view.get("order", "down", ("down", "up")) == "down"
    st.session_state["browser_sort"] = sort
    st.selectbox(
        "Sort by",
        fields,
        key="browser_sort",
        label_visibility="collapsed",
        width=170,
        on_change=lambda: state.change(sort=st.session_state["browser_sort"], page=None),
    )
    st.button(
        "",
        icon=":material/arrow_downward:" if descending else ":material/arrow_upward:",
        key="browser_order",
        help="Largest first; missing last" if descending else "Smallest first; missing last",
        on_click=lambda: state.change(order="up" if descending else None, page=None),
    )
    return sort, descending
