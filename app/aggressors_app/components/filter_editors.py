"""Controls that edit what a filter claims about one field, by the kind of the field."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from aggressors.contracts import Condition, Filter
from aggressors.errors import FilterError, InputError
from aggressors.queries.grammar import both, format_filter, parse
from aggressors_app import cached, chips, state
from aggressors_app.chips import AGGRESSOR, QUANTILE
from aggressors_app.components.sample_list import Listed, read_list
from aggressors_app.format import count, of, plain, short

PROBLEM = "filter_problem"
LISTED = 50  # values offered of a category; others are found by typing a part of them
TOLD = 5  # listed values that no sample has, which are named
WIDTH = 300
WORST = {"1 %": 0.01, "5 %": 0.05, "10 %": 0.1, "25 %": 0.25}
TITLES: Mapping[str, str] = {QUANTILE: "Worst by loss", AGGRESSOR: "Aggressor"}


def offered(run_id: str) -> list[str]:
    """Fields that can be filtered by: what a person asks for first, then those of the run."""
    known = cached.field_list(run_id)
    special = [AGGRESSOR] if cached.aggressors(run_id) else []
    special += [QUANTILE] if "loss" in known else []
    return [*special, *(name for name in known if name != chips.POPULATION)]


def title(field: str) -> str:
    """Name of a field as its control says it."""
    said = TITLES.get(field) or (field.replace("_", " ").capitalize() if field.islower() else field)
    return plain(said)


def editor(run_id: str, filter: Filter, field: str) -> None:
    """Show the control of one field."""
    if field == AGGRESSOR:
        _member(run_id, filter)
        return
    if field == QUANTILE:
        _worst(filter)
        return
    kind = cached.field_list(run_id)[field].kind
    if kind == "number":
        _range(run_id, filter, field)
    elif kind == "category":
        _set(run_id, filter, field)
    else:
        _contains(run_id, filter, field)
        if kind == "identifier":
            _list(run_id, filter, field)
    _missing(run_id, filter, field)


def apply(filter: Filter) -> None:
    """Make this the filter; for callbacks."""
    state.change(filter=format_filter(filter))


def typed(run_id: str, text: str) -> None:
    """Make a text the filter, or say why it is none; for callbacks."""
    try:
        filter = parse(text)
        cached.count(run_id, format_filter(filter))
    except FilterError as error:
        st.session_state[PROBLEM] = str(error)
    else:
        apply(filter)


# --- One kind each ---


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
        apply(chips.with_limits(filter, field, *limits))

    st.slider(
        f"{title(field)} ({plain(known.unit)})" if known.unit else title(field),
        min_value=lowest,
        max_value=highest,
        step=(highest - lowest) / 200,
        key=key,
        on_change=change,
        format="%.4g",
        width=WIDTH,
    )
    st.caption(f"{short(lowest)} to {short(highest)} in this run")


def _set(run_id: str, filter: Filter, field: str) -> None:
    """Choose among the most frequent values; where there are more, among those that are sought."""
    distinct = cached.field_list(run_id)[field].distinct or 0
    sought = ""
    if distinct > LISTED:
        sought = (
            st.text_input(
                f"Search {title(field)}",
                key=f"filter_search_{field}",
                placeholder=f"Search {count(distinct)} values",
                label_visibility="collapsed",
                icon=":material/search:",
                live=True,
                max_chars=200,
                width=WIDTH,
            )
            or ""
        )
    numbers = dict(cached.field_values(run_id, field, LISTED, sought))
    _choose(
        filter,
        field,
        {value: f"{value} ({n:,})" for value, n in numbers.items()},
    )
    if sought and not numbers:
        st.caption(plain(f"No value contains {sought!r:.60}."))
    elif distinct > LISTED:
        found = "found" if sought else "of all"
        most = len(numbers) == LISTED
        st.caption(f"The {LISTED} most frequent {found}" if most else f"{len(numbers)} found")


def _member(run_id: str, filter: Filter) -> None:
    known = {str(one.rank): f"{one.rank} · {one.name}" for one in cached.aggressors(run_id)}
    _choose(filter, AGGRESSOR, known, as_number=True)


def _choose(
    filter: Filter, field: str, titles: Mapping[str, str], *, as_number: bool = False
) -> None:
    """Choose several values that samples shall have, or shall not have."""
    excluded = [value for value in chips.excluded(filter, field) if value]
    chosen = excluded or [value for value in chips.values(filter, field) if value]
    key, other = f"filter_set_{field}", f"filter_not_{field}"
    st.session_state[key] = chosen
    st.session_state[other] = bool(excluded)

    def change() -> None:
        values = st.session_state[key]
        numbers = [int(value) for value in values if value in titles] if as_number else values
        out = bool(values) and bool(st.session_state.get(other))
        apply(chips.with_values(filter, field, numbers, exclude=out))

    st.multiselect(
        title(field),
        list(dict.fromkeys([*titles, *chosen])),
        key=key,
        format_func=lambda value: titles.get(value, value),
        placeholder="Any",
        on_change=change,
        width=WIDTH,
        select_all=False,
    )
    st.toggle("Leave these out", key=other, on_change=change, disabled=not chosen)


def _worst(filter: Filter) -> None:
    key = "filter_worst"
    share = chips.worst(filter)
    st.session_state[key] = next((name for name, one in WORST.items() if one == share), None)

    def change() -> None:
        apply(chips.with_worst(filter, WORST.get(st.session_state[key])))

    st.segmented_control(
        "Samples with the highest loss", list(WORST), key=key, on_change=change, width="content"
    )
    st.caption("Of each population by itself")


def _contains(run_id: str, filter: Filter, field: str) -> None:
    key = f"filter_text_{field}"

    def change() -> None:
        if word := st.session_state[key]:
            claim = Condition(field, "contains", (word,))
            typed(run_id, format_filter(both(filter, claim)))

    st.session_state[key] = ""
    st.text_input(f"{title(field)} contains", key=key, on_change=change, width=WIDTH)


def _missing(run_id: str, filter: Filter, field: str) -> None:
    """Keep samples without a value, or those with one; nothing where all have one."""
    missing = cached.field_list(run_id)[field].missing
    if not missing:
        return
    key = f"filter_missing_{field}"
    words = {"missing": f"Missing ({missing:,})", "known": "Known"}
    now = {True: "missing", False: "known", None: None}[chips.is_missing(filter, field)]
    st.session_state[key] = now

    def change() -> None:
        chosen = st.session_state[key]
        apply(chips.with_missing(filter, field, None if chosen is None else chosen == "missing"))

    st.segmented_control(
        f"Whether {title(field)} is known",
        list(words),
        key=key,
        format_func=words.__getitem__,
        label_visibility="collapsed",
        on_change=change,
        width="content",
    )


# --- A list that somebody has at hand ---


def _list(run_id: str, filter: Filter, field: str) -> None:
    """Keep the samples of a list, pasted or uploaded, and say which of it this run lacks."""
    if held := chips.values(filter, field) or chips.excluded(filter, field):
        st.caption(plain(_told(run_id, field, held)))
    pasted, sent, form = f"filter_pasted_{field}", f"filter_sent_{field}", f"filter_list_{field}"

    def change(exclude: bool) -> None:
        try:
            listed = read_list(st.session_state[pasted], st.session_state[sent], field)
            _keep(run_id, filter, field, listed, exclude=exclude)
        except InputError as error:
            st.session_state[PROBLEM] = str(error)

    with st.form(form, border=False, width=WIDTH):
        st.text_area(
            "Or paste a list",
            key=pasted,
            placeholder="One a line, or separated by commas",
            height=90,
        )
        st.file_uploader(
            f"Or upload one; of a table the column {plain(field)} is read",
            type=["csv", "txt"],
            key=sent,
            max_upload_size=2,
        )
        with st.container(horizontal=True):
            st.form_submit_button("Keep only these", on_click=change, args=(False,))
            st.form_submit_button("Leave out", type="tertiary", on_click=change, args=(True,))
    if problem := st.session_state.pop(PROBLEM, ""):
        st.error(plain(problem))


def _keep(run_id: str, filter: Filter, field: str, listed: Listed, *, exclude: bool) -> None:
    missing = cached.not_found(run_id, field, listed.values)
    if len(missing) == len(listed.values):
        raise InputError(
            f"None of the {count(len(missing))} listed values is in this run; the first is "
            f"{missing[0]!r:.80}. Check that the list is of {field}, and of this data."
        )
    apply(chips.with_values(filter, field, listed.values, exclude=exclude))
    st.toast(plain(_told(run_id, field, listed.values)), icon=":material/playlist_add_check:")


def _told(run_id: str, field: str, listed: tuple[str, ...]) -> str:
    """Say how much of a list the run has, and name the first that it lacks."""
    missing = cached.not_found(run_id, field, listed)
    text = of(len(listed) - len(missing), len(listed), "listed") + " in this run"
    if not missing:
        return text
    more = f" and {count(len(missing) - TOLD)} more" if len(missing) > TOLD else ""
    return f"{text}; not found: {', '.join(one[:60] for one in missing[:TOLD])}{more}"
