"""What a page says when there is nothing to show: what is missing, and what to do."""

from __future__ import annotations

import streamlit as st

from aggressors_app import state
from aggressors_app.format import plain


def nothing(title: str, advice: str, *, icon: str = ":material/search_off:") -> None:
    """Say what is not here, and what to do about it; `advice` is our own Markdown."""
    with st.container(border=True, horizontal_alignment="center", gap="xsmall"):
        st.space("small")
        st.markdown(f"#### {icon} {title}", text_alignment="center")
        st.caption(advice, text_alignment="center")
        st.space("small")


def failed(sentence: str) -> None:
    """Show the sentence of an error, letter by letter: it may quote what a stranger wrote."""
    with st.container(key="failed"):
        st.error(plain(sentence), icon=":material/error:")


def filter_failed(sentence: str, fallback: str) -> None:
    """Show why a filter cannot be read, with the way back to one that can."""
    failed(sentence)
    st.button("Clear the filter", on_click=state.change, kwargs={"filter": fallback})


def no_runs() -> None:
    """Say how to get the first run."""
    with st.container(border=True, key="no_runs"):
        st.markdown("#### :material/rocket_launch: No run yet")
        st.markdown("A run is one model evaluated on your data. Type one of these, then reload.")
        st.caption("See it work on the demo's garments")
        st.code("aggressors demo", language=None)
        st.caption("Your own model, after `aggressors init` has written the file to fill in")
        st.code("aggressors run integration.py", language=None)
        st.caption("Only a table of predictions")
        st.code("aggressors ingest --validation predictions.parquet", language=None)


def log_in() -> None:
    """Ask who is there; the dashboard listens to others only behind a login."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown("#### :material/lock: Log in to see this workspace", text_alignment="center")
        st.button("Log in", type="primary", on_click=st.login)
