"""The row of filters on every page; it reads and writes the one filter of the view."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aggressors.contracts import Filter
from aggressors.errors import FilterError
from aggressors.queries.grammar import chips as claims
from aggressors.queries.grammar import expand, format_filter, parse, without
from aggressors_app import cached, chips, placing, state
from aggressors_app.chips import POPULATION
from aggressors_app.components.filter_editors import (
    PROBLEM,
    WIDTH,
    apply,
    editor,
    offered,
    title,
    typed,
)
from aggressors_app.components.saved_filters import saved_filters
from aggressors_app.format import plain
from aggressors_app.scope_words import in_filter

PROMINENT = 3  # metadata fields with a control of their own, beside the label
EVERY = "all"
UNREAD = "filter_unread"  # a text that was typed and is no filter


def filter_bar(run_id: str, filter: Filter) -> None:
    """Show the filter as controls: populations, prominent fields, and what else is claimed."""
    # Before any control reads the filter: the run refuses what it cannot mean.
    text = in_filter(run_id, format_filter(filter))
    shown = _shown(run_id, filter)
    left = chips.others(filter, (POPULATION, *shown))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        _populations(run_id, filter)
        for field in shown:
            _control(run_id, filter, field)
        _more(run_id, filter, shown)
        saved_filters(run_id, filter)
        for index, part in enumerate(claims(filter)):
            if part in left:
                _chip(filter, index, part)
        st.space("stretch")
        st.markdown(f":gray[{text}]", width="content")
        if filter != initial(run_id):
            st.button(
                "Clear",
                type="tertiary",
                key="filter_clear",
                on_click=apply,
                args=(initial(run_id),),
            )
    if unkept := state.read().unkept:
        st.caption(
            f":material/link_off: A link to this view does not carry its filter. {plain(unkept)}"
        )


def initial(run_id: str) -> Filter:
    """Make the filter a run starts with: its analysed population."""
    return chips.with_values(
        parse(EVERY), POPULATION, [cached.run_file(run_id).info.settings.analysed]
    )


def _shown(run_id: str, filter: Filter) -> list[str]:
    """Fields with a control: the label, the fields that say most about loss, and those in use."""
    known = cached.field_list(run_id)
    used = [name for name in chips.fields_in(filter) if name in known and name != POPULATION]
    label = ["label"] if cached.run_file(run_id).classes else []
    return list(dict.fromkeys([*label, *cached.prominent(run_id)[:PROMINENT], *used]))


# --- One control a field ---


def _populations(run_id: str, filter: Filter) -> None:
    there = list(cached.run_file(run_id).populations)
    chosen = chips.values(filter, POPULATION)
    key = "filter_population"
    st.session_state[key] = chosen[0] if len(chosen) == 1 else EVERY if not chosen else None

    def change() -> None:
        value = st.session_state[key]
        kept = [] if value in (None, EVERY) else [value]
        apply(chips.with_values(filter, POPULATION, kept))

    st.segmented_control(
        "Population",
        [*there, EVERY],
        key=key,
        label_visibility="collapsed",
        on_change=change,
        width="content",
    )


def _control(run_id: str, filter: Filter, field: str) -> None:
    summary = chips.summary(filter, field)
    label = f":primary[{title(field)}: {plain(summary)}]" if summary else title(field)
    with st.popover(label, key=f"filter_of_{field}"):
        editor(run_id, filter, field)
        if summary:
            st.button(
                "No limit",
                type="tertiary",
                key=f"filter_free_{field}",
                on_click=apply,
                args=(chips.cleared(filter, field),),
            )


# --- More fields, and a filter typed by hand ---


def _more(run_id: str, filter: Filter, shown: Sequence[str]) -> None:
    with st.popover("More", icon=":material/add:", key="filter_more"):
        field = st.selectbox(
            "Field",
            [name for name in offered(run_id) if name not in shown],
            index=None,
            key="filter_field",
            format_func=title,
            placeholder="Search a field",
            width=WIDTH,
        )
        if field:
            editor(run_id, filter, field)
        _text(run_id, filter)
        if problem := st.session_state.pop(PROBLEM, ""):
            st.error(plain(problem))


def _text(run_id: str, filter: Filter) -> None:
    key = "filter_typed"
    # A list of samples would be sent to the browser again and again; its name stands for it.
    now = state.read().reference or format_filter(filter)
    # What could not be read stays, to be corrected.
    st.session_state[key] = st.session_state.pop(UNREAD, now)

    def change() -> None:
        written = st.session_state[key]
        try:
            text = expand(written, placing.saved_filter)
        except FilterError as error:
            st.session_state[PROBLEM] = str(error)
        else:
            typed(run_id, text)
        if PROBLEM in st.session_state:
            st.session_state[UNREAD] = written

    st.text_input(
        "Filter as text",
        key=key,
        on_change=change,
        width=WIDTH,
        help="For example: brightness < 0.2 and not label in (coat, shirt). and, or, not and "
        "parentheses combine; @name stands for a saved filter",
    )


def _chip(filter: Filter, index: int, part: Filter) -> None:
    st.button(
        plain(chips.describe(part)),
        icon=":material/close:",
        icon_position="right",
        key=f"filter_chip_{index}",
        help="Remove this filter",
        on_click=apply,
        args=(without(filter, index),),
    )
