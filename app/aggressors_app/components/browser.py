"""All samples in scope as pages of tiles, sorted by any field."""

from __future__ import annotations

import math

import streamlit as st

from aggressors_app import actions, cached, state
from aggressors_app.components.exports import export_menu
from aggressors_app.components.grid import sample_grid
from aggressors_app.components.marking import flags, keys, mark_by_key, troubles
from aggressors_app.components.pager import pager, turn
from aggressors_app.components.sample_card import sample_card
from aggressors_app.components.tiles import tiles_of, width_of
from aggressors_app.format import count

PER_PAGE = 48


def browser(run_id: str, filter: str) -> None:
    """Show one page of samples, and the chosen one in full."""
    view = state.read()
    total = cached.count(run_id, filter)
    pages = max(1, math.ceil(total / PER_PAGE))
    page = view.number("page", 1, 1, pages)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="browser_bar"):
        st.markdown("**Samples**", width="content")
        sort, descending = _order(run_id)
        st.space("stretch")
        pager("browser_page", page, pages)
        export_menu(
            "browser_export",
            lambda format: actions.exported(run_id, "samples", format, filter),
            f"{count(total)} samples in the filter",
        )
    held = cached.marks()
    troubles(held)
    start = (page - 1) * PER_PAGE
    found = cached.page(run_id, filter, sort, descending, start, PER_PAGE)
    shown = f"{count(start + 1)} – {count(start + found.num_rows)} of {count(total)}"
    tiles = tiles_of(found, flags=flags(run_id, held))
    sample_grid(
        "browser_grid",
        tiles,
        label="Samples",
        chosen=view.get("sample", ""),
        on_choose=lambda sample: state.change(sample=sample),
        on_turn=lambda step: turn(min(max(page + step, 1), pages)),
        on_act=lambda word, sample: mark_by_key(run_id, None, word, sample, held),
        actions=keys(labeled=found["label"].null_count < found.num_rows),
        caption=shown if found.num_rows else "",
        empty="No sample passes the filter. Clear it, or remove a chip above.",
        size=width_of(tiles, 104),
    )
    if chosen := view.get("sample", ""):
        sample_card(run_id, chosen, "browser_sample")


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
        help="Largest first" if descending else "Smallest first",
        on_click=lambda: state.change(order="up" if descending else None, page=None),
    )
    return sort, descending
