"""Which page of a list is shown; the address remembers it."""

from __future__ import annotations

import streamlit as st

from aggressors_app import state

MANY = 2  # pages, beyond which a number can be typed


def pager(key: str, page: int, pages: int) -> None:
    """Show links to the pages of a list, first and last among them; of many, also a number."""
    if pages > MANY:
        typed = f"{key}_typed"
        st.session_state[typed] = page
        st.number_input(
            "Page",
            1,
            pages,
            key=typed,
            label_visibility="collapsed",
            width=96,
            on_change=lambda: turn(int(st.session_state[typed])),
        )
    # A key a page: the control takes its page as default and is never written to.
    key = f"{key}_{page}"
    st.pagination(pages, default=page, key=key, on_change=lambda: turn(int(st.session_state[key])))


def turn(page: int) -> None:
    """Turn to a page; for callbacks."""
    state.change(page=str(page) if page > 1 else None)
