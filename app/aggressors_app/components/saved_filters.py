"""Filters under a name: save the one on screen, and come back to what was saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import streamlit as st

from aggressors.contracts import EVERYTHING, Filter
from aggressors.errors import AggressorsError, FilterError
from aggressors.queries.grammar import SAVED, format_filter, parse
from aggressors.store.hypotheses import Hypothesis
from aggressors.store.kept_filters import LONGEST_TITLE, KeptFilter
from aggressors_app import actions, cached, placing
from aggressors_app.components import hypotheses
from aggressors_app.components.filter_editors import WIDTH, apply
from aggressors_app.format import plain
from aggressors_app.who import author

CHOSEN, NAME, TROUBLE = "filter_saved", "filter_name", "filter_save_trouble"
Saved = KeptFilter | Hypothesis


def saved_filters(run_id: str, filter: Filter) -> None:
    """Offer what was saved, and to save the filter on screen."""
    if cached.workspace() is None:
        return
    text = format_filter(filter)
    named = next((one for one in cached.filters()[0] if _here(run_id, one) == text), None)
    label = f":primary[{plain(named.title)}]" if named else "Saved"
    with st.popover(label, icon=":material/bookmark:", key="filter_kept"):
        _choose(run_id)
        if named is not None:
            _named(named)
        elif filter == EVERYTHING:
            st.caption("Set a filter to save it under a name.")
        else:
            _save(run_id, text)
        if trouble := st.session_state.pop(TROUBLE, ""):
            st.error(plain(trouble))


def _choose(run_id: str) -> None:
    """List filters and hypotheses that this run can answer."""
    filters, wrong = cached.filters()
    claims, _ = cached.hypotheses()
    every: dict[str, Saved] = {
        **{f"Filter: {one.slug}": one for one in filters},
        **{f"Hypothesis: {one.slug}": one for one in claims},
    }
    here = {key: _here(run_id, one) for key, one in every.items()}
    known = {key: one for key, one in every.items() if here[key]}
    for broken in wrong:
        st.caption(plain(broken.reason))
    if known:
        _box(known, here)
    if left := len(every) - len(known):
        st.caption(
            f"{left} more cannot be asked of this run: it lacks a field, a place on the map or an "
            "aggressor that they name."
        )


def _here(run_id: str, one: Saved) -> str:
    """Text of what was saved as it is on this run; '' where the run cannot answer it."""
    try:
        text = placing.on_run(one.filter, one.run_id, run_id)
    except FilterError:
        return ""
    return "" if cached.refused(run_id, text) else text


def _box(known: dict[str, Saved], here: dict[str, str]) -> None:
    st.session_state[CHOSEN] = None

    def change() -> None:
        key = st.session_state[CHOSEN]
        if key not in known:
            return
        if isinstance(chosen := known[key], Hypothesis):
            hypotheses.claim(chosen)
        else:
            apply(parse(here[key]))

    titles = {key: f"{key.partition(':')[0]}: {one.title}" for key, one in known.items()}
    often = Counter(titles.values())

    def told(key: str) -> str:
        alone = often[titles[key]] == 1
        return titles[key] if alone else f"{titles[key]} · {known[key].filter}"

    st.selectbox(
        "Saved filters and hypotheses",
        list(known),
        key=CHOSEN,
        format_func=told,
        placeholder="Choose one",
        on_change=change,
        width=WIDTH,
    )


def _named(one: KeptFilter) -> None:
    """Say under which name the filter on screen is saved, and offer to forget it."""

    def remove() -> None:
        _tried(lambda: actions.remove_filter(one.slug))

    by = f" by {one.author}" if one.author else ""
    with st.container(horizontal=True, vertical_alignment="center", width=WIDTH):
        # As code, which is copied letter by letter; a slug has no mark of Markdown.
        st.markdown(f"Saved as `{SAVED}{one.slug}`{plain(by)}", width="stretch")
        st.button(
            "Forget", type="tertiary", icon=":material/delete:", key="filter_forget",
            help="Links and commands that name it stop working", on_click=remove,
        )  # fmt: skip


def _save(run_id: str, text: str) -> None:
    def save() -> None:
        name = st.session_state[NAME]
        _tried(lambda: actions.save_filter(name, text, author(), run_id))

    with st.form("filter_save", border=False, width=WIDTH):
        st.text_input(
            "Save this filter as",
            key=NAME,
            max_chars=LONGEST_TITLE,
            placeholder="For example: dusk at the riverside",
        )
        st.form_submit_button("Save", on_click=save)


def _tried(act: Callable[[], object]) -> None:
    try:
        act()
    except AggressorsError as error:
        st.session_state[TROUBLE] = str(error)
