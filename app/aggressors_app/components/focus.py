"""The aggressor in focus: which one it is, and the way to the ones beside it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.queries.grammar import both, format_filter, parse
from aggressors_app import cached, chips, state
from aggressors_app.components.aggressor_card import badges
from aggressors_app.components.states import no_aggressor
from aggressors_app.format import plain


def focus(
    next_steps: Callable[[str, Aggressor], None] | None = None,
) -> Aggressor | None:
    """Show the header of the aggressor in focus; None, with a word why, where there is none.

    `next_steps` puts what can be done with it at the end of the row.
    """
    view = state.read()
    found = cached.aggressors(view.run)
    if not found:
        no_aggressor(view.run)
        return None
    ranks = [one.rank for one in found]
    place = ranks.index(view.aggressor) if view.aggressor in ranks else 0
    one = found[place]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="focus"):
        st.subheader(f":gray[{one.rank}] {plain(one.name)}", width="content", anchor=False)
        badges(view.run, one)
        st.space("stretch")
        _step("previous", ":material/chevron_left:", ranks[place - 1] if place else None)
        st.markdown(f":gray[{place + 1} of {len(found)}]", width="content")
        following = ranks[place + 1] if place + 1 < len(ranks) else None
        _step("next", ":material/chevron_right:", following)
        if next_steps is not None:
            with st.container(horizontal=True, gap="small", width="content", key="next_steps"):
                next_steps(view.run, one)
    if view.aggressor is not None and view.aggressor != one.rank:
        st.caption(
            f"There is no aggressor {view.aggressor} in this run, which has {len(found)}; "
            "this is the first."
        )
    return one


def travel(
    label: str, page: str, rank: int, *, icon: str, help: str | None = None, claim: str = ""
) -> None:
    """Offer the way to another page, with this aggressor in focus and a claim in the filter."""

    def leave() -> None:
        view = state.read()
        filter = view.filter
        if claim and not cached.refused(view.run, claim):
            filter = format_filter(both(chips.only_populations(parse(filter)), parse(claim)))
        state.change(aggressor=rank, filter=filter)
        state.go(page)

    st.button(label, icon=icon, key=f"travel_{page}", help=help, on_click=leave)


def _step(word: str, icon: str, rank: int | None) -> None:
    st.button(
        "",
        icon=icon,
        key=f"focus_{word}",
        help=f"The {word} aggressor",
        shortcut={"previous": "Left", "next": "Right"}[word],
        disabled=rank is None,
        on_click=state.change,
        kwargs={"aggressor": rank},
    )
