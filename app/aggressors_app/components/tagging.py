"""Tags: words of one's own on samples, given and taken back in the panel, and filtered by."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from aggressors.contracts import Condition
from aggressors.errors import AggressorsError
from aggressors.queries import marks
from aggressors.queries.grammar import both, format_filter, parse
from aggressors_app import actions, cached, chips, state
from aggressors_app.components.marking import PROBLEM
from aggressors_app.format import plain

LONGEST = 6_000  # characters of a filter that a link still carries
FIELD = "sample_id"


def tags_of(run_id: str, sample_id: str, key: str) -> None:
    """Offer the tags of a sample: choose, take back, or type a new one."""
    held = marks.tags(cached.marks().held)
    own = held.get(sample_id, ())
    known = sorted({tag for tags in held.values() for tag in tags})
    box = f"{key}_tags"
    st.session_state[box] = list(own)

    def change() -> None:
        wanted = {" ".join(str(tag).split()) for tag in st.session_state[box]} - {""}
        try:
            for tag in sorted(wanted ^ set(own)):
                undo = tag in own
                actions.set_mark(run_id, sample_id, marks.TAG, undo=undo, tag=tag)
        except AggressorsError as error:
            st.session_state[PROBLEM] = str(error)

    st.multiselect(
        "Tags",
        known,
        key=box,
        accept_new_options=True,
        placeholder="Add a tag",
        label_visibility="collapsed",
        disabled=cached.workspace() is None,
        on_change=change,
    )


def tag_menu(filter: str) -> None:
    """Offer the tags in use as filters; nothing where there are none."""
    held = marks.tags(cached.marks().held)
    counts = Counter(tag for tags in held.values() for tag in tags)
    if not counts:
        return
    with st.popover("Tags", icon=":material/sell:"):
        for place, (tag, n) in enumerate(sorted(counts.items(), key=lambda one: (-one[1], one[0]))):
            wanted = tagged(filter, [sample for sample, tags in held.items() if tag in tags])
            st.button(
                f"{plain(tag)} :gray[{n:,}]",
                key=f"browser_tag_{place}",
                disabled=len(wanted) > LONGEST,
                help="Too many for a link; export the marks instead"
                if len(wanted) > LONGEST
                else "Keep only these samples",
                width="stretch",
                on_click=state.change,
                kwargs={"filter": wanted},
            )


def tagged(filter: str, samples: list[str]) -> str:
    """Return the filter limited to some samples; the populations it chose are lifted."""
    try:
        rest = chips.cleared(chips.cleared(parse(filter), FIELD), chips.POPULATION)
    except AggressorsError:
        return filter
    return format_filter(both(rest, Condition(FIELD, "in", tuple(samples))))
