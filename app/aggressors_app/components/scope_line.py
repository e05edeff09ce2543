"""What the filter says about the aggressor in focus: how much it covers, and how bad it is."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.queries.grammar import format_filter
from aggressors_app import cached
from aggressors_app.components.filter_bar import initial
from aggressors_app.format import count, number, of, plain, share


def scope_line(run_id: str, filter: str, one: Aggressor | None) -> None:
    """Say what is in scope, and what it holds of the aggressor in focus."""
    now = cached.totals(run_id, filter)
    whole = cached.totals(run_id, format_filter(initial(run_id)))
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="scope"):
        text = f"**{count(now.n)} samples** in the filter"
        if now.mean_loss is not None:
            text += (
                f" · mean loss **{number(now.mean_loss)}** against {number(whole.mean_loss)} in "
                f"the population"
            )
        if now.error_rate is not None:
            text += f" · error **{share(now.error_rate)}**"
        st.markdown(text, width="content")
        st.space("stretch")
        if one is not None:
            scope = cached.in_scope(run_id, filter).to_pylist()
            inside = next((row["n_scope"] for row in scope if row["rank"] == one.rank), 0)
            st.markdown(
                f":gray[holds] **{of(inside, one.n, 'members')}** :gray[of aggressor {one.rank},] "
                f"{plain(one.name)}",
                width="content",
            )
