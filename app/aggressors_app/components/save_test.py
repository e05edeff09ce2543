"""Freeze an aggressor, or the filter, as a test that later models must pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.errors import AggressorsError
from aggressors.gate import SavedTest
from aggressors.words import number, spoken
from aggressors_app import actions, cached
from aggressors_app.format import plain

if TYPE_CHECKING:
    from aggressors.gate import SavedTest

NOTICE = "saved_test_notice"


def save_test_button(run_id: str, one: Aggressor, key: str) -> None:
    """Offer to save the aggressor as a test; `notice` says what came of it."""
    st.button(
        "Save as test",
        icon=":material/checklist:",
        key=key,
        help="Freezes the members that it was not found on; later models are compared on them",
        disabled=cached.workspace() is None,
        on_click=_save,
        args=(run_id, one.rank, None, ""),
    )


def save_test_menu(run_id: str, filter: str) -> None:
    """Offer to save an aggressor of choice, or the filter, as a test."""
    with st.popover("Save a test", icon=":material/add:", key="save_popover"):
        ranks = {one.rank: one for one in cached.aggressors(run_id)}
        if ranks:
            rank = st.selectbox(
                "Aggressor",
                list(ranks),
                format_func=lambda rank: f"{rank} · {ranks[rank].name}",
                key="save_rank",
            )
            save_test_button(run_id, ranks[rank], key="track_save")
            st.divider()
        st.caption("Or what the filter above lets through")
        save_filter_form(run_id, filter)


def save_filter_form(run_id: str, filter: str) -> None:
    """Offer to save the filter as a test, under a name of choice."""
    with st.form("save_filter", border=False):
        slug = st.text_input(
            "Name", key="save_slug", placeholder="made from the filter", max_chars=64
        )
        sent = st.form_submit_button("Save the filter as a test", icon=":material/filter_alt:")
    if sent:
        _save(run_id, None, filter, slug)
        st.rerun()


def save_worse(run_id: str, other_id: str, rank: int) -> None:
    """Save a group on which a run is worse than another; `notice` says what came of it."""
    _told(lambda: actions.save_worse(run_id, other_id, rank))


def _save(run_id: str, rank: int | None, where: str | None, slug: str) -> None:
    _told(lambda: actions.save_test(run_id, rank=rank, where=where, slug=slug))


def _told(save: Callable[[], SavedTest]) -> None:
    try:
        test = save()
    except AggressorsError as error:
        st.session_state[NOTICE] = (False, str(error))
    else:
        st.session_state[NOTICE] = (
            True,
            saved_as(test),
        )


def saved_as(test: SavedTest) -> str:
    """Say what was saved, and what the test could notice."""
    margin = f"margin {number(test.margin)} in mean {spoken(test.signal)}"
    return f"Saved as {test.slug}: {margin}. {actions.promise(test)}"


def notice() -> None:
    """Show what came of saving, once."""
    if NOTICE in st.session_state:
        fine, text = st.session_state.pop(NOTICE)
        if fine:
            st.success(plain(text), icon=":material/check:")
        else:
            st.error(plain(text), icon=":material/error:")
