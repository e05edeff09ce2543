"""The first row of every page: the steps, and the run they look at."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from aggressors.contracts import RunSummary
from aggressors_app import placing, state
from aggressors_app.catalogue import Catalogue
from aggressors_app.format import when

LOGO = Path(__file__).parents[1] / "assets" / "logo.svg"
PICKER = "run_picker"


def header(pages: list[st.Page], catalogue: Catalogue) -> None:
    """Show links to all pages, which carry the view, and the run picker."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        st.image(LOGO.read_text(encoding="utf-8"), width=24)
        st.markdown("**Aggressors**", width="content")
        for page in pages:
            st.page_link(page, query_params=state.link() if state.read().run else None)
        st.space("stretch")
        if catalogue.runs:
            _picker(catalogue)


def _picker(catalogue: Catalogue) -> None:
    runs = {run.run_id: run for run in catalogue.runs}
    st.session_state[PICKER] = state.read().run if state.read().run in runs else None
    st.selectbox(
        "Run",
        list(runs),
        key=PICKER,
        format_func=lambda run_id: _called(runs[run_id]),
        label_visibility="collapsed",
        placeholder="Choose a run",
        width=200,
        on_change=_switch,
    )


def _called(run: RunSummary) -> str:
    named = not run.derived_from or run.name.startswith(run.derived_from_name)
    return f"{run.name} · {when(run.created_at) if named else f'from {run.derived_from_name}'}"


def _switch() -> None:
    if chosen := st.session_state[PICKER]:
        placing.switch(chosen)
