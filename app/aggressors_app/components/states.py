"""What a page says when there is nothing to show: what is missing, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from aggressors.words import NONE_FOUND, nothing_found
from aggressors_app import cached, state
from aggressors_app.format import plain


def nothing(
    title: str,
    advice: str,
    *,
    icon: str = ":material/search_off:",
    links: Mapping[str, str] | None = None,
) -> None:
    """Say what is not here, and what to do about it.

    Parameters
    ----------
    advice : our own Markdown.
    links : words of the links to other pages, by page.
    """
    with st.container(border=True, horizontal_alignment="center", gap="xsmall"):
        st.space("small")
        st.markdown(f"#### {icon} {title}", text_alignment="center")
        st.caption(advice, text_alignment="center")
        if links:
            with st.container(horizontal=True, horizontal_alignment="center"):
                for page, words in links.items():
                    st.page_link(f"app_pages/{page}.py", label=words, query_params=state.link())
        st.space("small")


def no_aggressor(run_id: str) -> None:
    """Say why the run has no aggressor: nothing to search in, too few samples, or none found."""
    signal = cached.run_file(run_id).info.settings.signal
    title, why = nothing_found(cached.discovery(run_id), signal)
    links = {"explore": "Look at the samples", "runs": "Look at other runs"}
    icon = ":material/verified:" if title == NONE_FOUND else ":material/search_off:"
    nothing(title, plain(why), icon=icon, links=links)


def failed(sentence: str) -> None:
    """Show the sentence of an error, letter by letter: it may quote what a stranger wrote."""
    st.error(plain(sentence), icon=":material/error:")


def unknown_run(run_id: str, fallback: dict[str, str]) -> None:
    """Say that there is no such run, with the way to those that there are."""
    failed(f"There is no run {run_id!r} here; it was renamed or removed, or the link is wrong.")
    st.page_link(
        "app_pages/runs.py",
        label="Choose a run",
        icon=":material/history:",
        query_params=fallback,
    )


def filter_failed(sentence: str, fallback: str) -> None:
    """Show why a filter cannot be read, to be corrected, with the way back to one that can."""
    failed(sentence)
    key = "filter_to_mend"
    st.session_state[key] = state.read().filter
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Correct it",
            key=key,
            on_change=lambda: state.change(filter=st.session_state[key] or fallback),
            width=640,
        )
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
