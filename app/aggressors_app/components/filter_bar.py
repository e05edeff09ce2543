"""The row of filters on every page; it reads and writes the one filter of the view."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from aggressors.contracts import Condition, Filter
from aggressors.errors import FilterError
from aggressors.queries.grammar import both, format_filter, parse, without
from aggressors.queries.grammar import chips as claims
from aggressors_app import cached, chips, state
from aggressors_app.chips import POPULATION
from aggressors_app.format import of, plain, short

PROMINENT = 3  # metadata fields with a control of their own, beside the label
LISTED = 50  # values offered of a category; the rest is found by typing a filter
EVERY = "all"


def filter_bar(run_id: str, filter: Filter) -> None:
    """Show the filter as controls: populations, prominent fields, and what else is claimed."""
    shown = _shown(run_id, filter)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="filters"):
        _populations(run_id, filter)
        for field in shown:
            _control(run_id, filter, field)
        _more(run_id, filter, shown)
        for index, part in enumerate(claims(filter)):
            if part in chips.others(filter, (POPULATION, *shown)):
                _chip(filter, index, part)
        st.space("stretch")
        total = sum(cached.run_file(run_id).populations.values())
        text = of(cached.count(run_id, format_filter(filter)), total)
        st.markdown(f":gray[{text}]", width="content")
        if filter != initial(run_id):
            st.button(
                "Clear",
                type="tertiary",
                key="filter_clear",
                on_click=_apply,
                args=(initial(run_id),),
            )


def initial(run_id: str) -> Filter:
    """Make the filter a run starts with: its analysed population."""
    return chips.with_values(
        parse(EVERY), POPULATION, [cached.run_file(run_id).info.settings.analysed]
    )


def _apply(filter: Filter) -> None:
    state.change(filter=format_filter(filter))


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
        _apply(chips.with_values(filter, POPULATION, kept))

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
    label = f":primary[{_label(field)}: {plain(summary)}]" if summary else _label(field)
    with st.popover(label, key=f"filter_of_{field}"):
        _editor(run_id, filter, field)
        if summary:
            st.button(
                "No limit",
                type="tertiary",
                key=f"filter_free_{field}",
                on_click=_apply,
                args=(chips.cleared(filter, field),),
            )


def _label(field: str) -> str:
    return plain(field.replace("_", " ").capitalize() if field.islower() else field)


def _editor(run_id: str, filter: Filter, field: str) -> None:
    kind = cached.field_list(run_id)[field].kind
    if kind == "number":
        _range(run_id, filter, field)
    elif kind == "category":
        _set(run_id, filter, field)
    else:
        _contains(run_id, filter, field)


def _range(run_id: str, filter: Filter, field: str) -> None:
    known = cached.field_list(run_id)[field]
    lowest, highest = known.low, known.high
    if lowest is None or highest is None or lowest == highest:
        st.caption("Every sample has the same value.")
        return
    low, high = chips.limits(filter, field)
    key = f"filter_range_{field}"
    ends = (lowest, highest)
    st.session_state[key] = (
        min(max(lowest if low is None else low, lowest), highest),
        max(min(highest if high is None else high, highest), lowest),
    )

    def change() -> None:
        chosen = st.session_state[key]
        limits = [None if value == end else value for value, end in zip(chosen, ends, strict=True)]
        _apply(chips.with_limits(filter, field, *limits))

    st.slider(
        f"{_label(field)} ({plain(known.unit)})" if known.unit else _label(field),
        min_value=lowest,
        max_value=highest,
        step=(highest - lowest) / 200,
        key=key,
        on_change=change,
        format="%.4g",
        width=300,
    )
    st.caption(f"{short(lowest)} to {short(highest)} in this run")


def _set(run_id: str, filter: Filter, field: str) -> None:
    counts = cached.field_values(run_id, field, LISTED)
    offered = [value for value, _ in counts]
    chosen = [value for value in chips.values(filter, field) if value]
    offered += [value for value in chosen if value not in offered]
    numbers = dict(counts)
    key = f"filter_set_{field}"
    st.session_state[key] = chosen

    def change() -> None:
        _apply(chips.with_values(filter, field, st.session_state[key]))

    st.multiselect(
        _label(field),
        offered,
        key=key,
        format_func=lambda value: f"{value} ({numbers.get(value, 0):,})",
        placeholder="Any",
        on_change=change,
        width=300,
        select_all=False,
    )
    if len(counts) == LISTED:
        st.caption(f"The {LISTED} most frequent values. Type any other under More.")


def _contains(run_id: str, filter: Filter, field: str) -> None:
    key = f"filter_text_{field}"

    def change() -> None:
        if word := st.session_state[key]:
            claim = Condition(field, "contains", (word,))
            _typed(run_id, format_filter(both(filter, claim)))

    st.session_state[key] = ""
    st.text_input(f"{_label(field)} contains", key=key, on_change=change, width=300)


# --- More fields, and a filter typed by hand ---


def _more(run_id: str, filter: Filter, shown: Sequence[str]) -> None:
    with st.popover("More", icon=":material/add:", key="filter_more"):
        rest = [name for name in cached.field_list(run_id) if name not in (*shown, POPULATION)]
        field = st.selectbox(
            "Field",
            rest,
            index=None,
            key="filter_field",
            placeholder="Search a field",
            width=300,
        )
        if field:
            _editor(run_id, filter, field)
        _kept(run_id)
        key = "filter_typed"
        st.session_state[key] = format_filter(filter)

        def change() -> None:
            _typed(run_id, st.session_state[key])

        st.text_input(
            "Filter as text",
            key=key,
            on_change=change,
            width=300,
            help="For example: brightness < 0.2 and label in (coat, shirt)",
        )
        if problem := st.session_state.pop("filter_problem", ""):
            st.error(plain(problem))


def _kept(run_id: str) -> None:
    """Offer the hypotheses that were kept; one takes the place of all but the populations."""
    known = {
        one.slug: one for one in cached.hypotheses()[0] if not cached.refused(run_id, one.filter)
    }
    if not known:
        return
    key = "filter_hypothesis"
    st.session_state[key] = None

    def change() -> None:
        if (chosen := known.get(st.session_state[key] or "")) is not None:
            populations = chips.only_populations(parse(state.read().filter))
            _apply(both(populations, parse(chosen.filter)))

    st.selectbox(
        "Hypothesis",
        list(known),
        key=key,
        format_func=lambda slug: known[slug].title,
        placeholder="Choose one that was kept",
        on_change=change,
        width=300,
    )


def _typed(run_id: str, text: str) -> None:
    try:
        filter = parse(text)
        cached.count(run_id, format_filter(filter))
    except FilterError as error:
        st.session_state["filter_problem"] = str(error)
    else:
        _apply(filter)


def _chip(filter: Filter, index: int, part: Filter) -> None:
    remove: Callable[..., None] = _apply
    st.button(
        plain(chips.describe(part)),
        icon=":material/close:",
        icon_position="right",
        key=f"filter_chip_{index}",
        help="Remove this filter",
        on_click=remove,
        args=(without(filter, index),),
    )
