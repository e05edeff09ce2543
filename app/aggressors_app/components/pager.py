"""Which page of a list is shown; the address remembers it."""

from __future__ import annotations

import streamlit as st

from aggressors_app import state


def pager(key: str, page: int, pages: int) -> None:
    """Show links to the pages of a list."""
    # A key a page: the control takes its page as default and is never written to.
    key = f"{key}_{page}"
    st.pagination(pages, default=page, key=key, on_change=lambda: turn(int(st.session_state[key])))


def turn(page: int) -> None:
    """Turn to a page; for callbacks."""
    state.change(page=str(page) if page > 1 else None)
