"""All samples in scope as pages of tiles or rows, sorted by any field, with one of them beside."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pyarrow as pa
import streamlit as st

from aggressors.queries import marks
from aggressors_app import actions, cached, state
from aggressors_app.components import queueing
from aggressors_app.components.choice import choice
from aggressors_app.components.exports import export_menu
from aggressors_app.components.grid import Head, Tile, sample_grid
from aggressors_app.components.heat import heat, keep_heat
from aggressors_app.components.in_sight import chosen_here, in_sight
from aggressors_app.components.marking import flags, keys, mark_by_key, troubles
from aggressors_app.components.pager import pager, turn
from aggressors_app.components.rows import choose_fields, rows_of
from aggressors_app.components.sample_card import sample_card
from aggressors_app.components.tagging import tag_menu
from aggressors_app.components.tiles import tiles_of, width_of
from aggressors_app.format import count
from aggressors_app.scope_words import in_filter

SIZES = (24, 48, 96)
PER_PAGE = 48
LAYOUTS = {"tiles": ":material/grid_view:", "rows": ":material/table_rows:"}
OF_LABELED = ("loss", "loss_quantile", "correct", "label")  # what a sample has with its label
STARTS = ("loss", "confidence", "sample_id")  # the first of these that there is
UPWARDS = ("confidence", "sample_id")
PANEL, WIDTH = "browser_panel", 430  # key and pixels of the chosen sample, beside the grid


@dataclass(frozen=True, slots=True)
class Page:
    """One page of samples: its number of `pages`, and the place of its first of `total`."""

    number: int
    pages: int
    start: int
    total: int


def browser(run_id: str, filter: str) -> None:
    """Show one page of samples, and the chosen one beside it."""
    view = state.read()
    total = cached.count(run_id, filter)
    size = int(view.get("per", str(PER_PAGE), tuple(map(str, SIZES))))
    pages = max(1, math.ceil(total / size))
    number = view.number("page", 1, 1, pages)
    page = Page(number, pages, (number - 1) * size, total)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="browser_bar"):
        st.markdown(f"**Samples** :gray[{in_filter(run_id, filter)}]", width="content")
        order = _order(run_id, filter)
        rows = _layout(run_id) == "rows"
        if rows:
            choose_fields(run_id)
        tag_menu(filter)
        st.space("stretch")
        _sizes(size, number)
        pager("browser_page", number, pages)
        export_menu(
            "browser_export",
            lambda format: actions.exported(run_id, "samples", format, filter),
            f"{count(total)} samples in the filter",
            run_id=run_id,
        )
    found = cached.page(run_id, filter, order.field, order.descending, page.start, size)
    chosen = view.get("sample", "")
    leads = chosen_here(PANEL, chosen)
    # The grid keeps its place in the page whether or not something stands beside it: so it keeps
    # the focus of the keyboard too.
    with st.container(horizontal=True, gap="small", key="browser_body"):
        with st.container(width="stretch", key="browser_list"):
            _grid(run_id, found, page, order, rows=rows)
        if chosen:
            with st.container(width=WIDTH, key=PANEL):
                sample_card(run_id, chosen, "browser_sample", beside=True)
                in_sight(PANEL, chosen, leads=leads)


def _grid(run_id: str, found: pa.Table, page: Page, order: Order, *, rows: bool) -> None:
    held = cached.marks()
    troubles(held)
    queueing.trouble()
    unlabeled = found["label"].null_count
    heads: list[Head] = []
    tiles = _tiles(run_id, found, held)
    if rows:
        tiles, heads = rows_of(run_id, found, tiles, order.field, order.descending)

    def act(word: str, sample: str) -> None:
        if word == queueing.WORD:
            queueing.add_unlabeled(run_id, sample)
        else:
            mark_by_key(run_id, None, word, sample, held)

    last = page.start + found.num_rows
    sample_grid(
        "browser_grid",
        tiles,
        label="Samples",
        chosen=state.read().get("sample", ""),
        on_choose=lambda sample: state.change(sample=sample),
        on_turn=lambda step: turn(min(max(page.number + step, 1), page.pages)),
        on_act=act,
        on_heat=keep_heat,
        on_sort=lambda field: _sorted(field, order),
        actions=keys(labeled=unlabeled < found.num_rows) | queueing.keys(unlabeled=unlabeled > 0),
        caption=f"{count(page.start + 1)} – {count(last)} of {count(page.total)}" * (last > 0),
        empty="No sample passes the filter. Clear it, or remove a chip above.",
        size=width_of(tiles, 104),
        heat=heat(),
        columns=heads,
    )


def _tiles(run_id: str, found: pa.Table, held: marks.Marks) -> list[Tile]:
    """Draw samples; a tag stands in the corner where nothing more urgent does."""
    said = {sample: " · ".join(tags) for sample, tags in marks.tags(held.held).items()}
    said |= flags(run_id, held)
    if found["label"].null_count:
        said |= dict.fromkeys(queueing.queued(), queueing.FLAG)
    return tiles_of(found, flags=said)


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


# --- Order ---


@dataclass(frozen=True, slots=True)
class Order:
    """The field that samples are sorted by, and whether the largest come first."""

    field: str
    descending: bool


def sortable(run_id: str, filter: str) -> tuple[list[str], str]:
    """Fields to sort by, and the one that samples are sorted by at first.

    Where nothing is labeled, none is offered that a sample has with its label.
    """
    fields = list(cached.field_list(run_id))
    if not cached.totals(run_id, filter).n_labeled:
        fields = [name for name in fields if name not in OF_LABELED]
    return fields, next(name for name in STARTS if name in fields)


def _order(run_id: str, filter: str) -> Order:
    """Offer the field to sort by, and to turn the order round."""
    view = state.read()
    fields, first = sortable(run_id, filter)
    field = view.get("sort", first, tuple(fields))
    order = Order(field, view.get("order", _starts(field), ("down", "up")) == "down")
    st.session_state["browser_sort"] = field
    st.selectbox(
        "Sort by",
        fields,
        key="browser_sort",
        label_visibility="collapsed",
        width=170,
        on_change=lambda: _sort(st.session_state["browser_sort"]),
    )
    st.button(
        "",
        icon=":material/arrow_downward:" if order.descending else ":material/arrow_upward:",
        key="browser_order",
        help="Largest first; missing last" if order.descending else "Smallest first; missing last",
        on_click=_turn,
        args=(order,),
    )
    return order


def _sorted(field: str, order: Order) -> None:
    """Sort by the column that was clicked; a second click turns the order round."""
    if field == order.field:
        _turn(order)
    else:
        _sort(field)


def _sort(field: str) -> None:
    state.change(sort=field, order=None, page=None)


def _turn(order: Order) -> None:
    """Turn the order round; the address keeps it where it is not the one a field starts with."""
    other = "up" if order.descending else "down"
    state.change(order=other if other != _starts(order.field) else None, page=None)


def _starts(field: str) -> str:
    """Order that a field starts with: the highest loss, the least sure, names from A to Z."""
    return "up" if field in UPWARDS else "down"
