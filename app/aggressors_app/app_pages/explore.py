"""All samples: on maps, by metadata, one dataset against another, and one by one."""

from __future__ import annotations

import streamlit as st

from aggressors_app import cached, state
from aggressors_app.components.breakdowns import against_loss, datasets, inside_outside
from aggressors_app.components.browser import browser
from aggressors_app.components.explore_map import explore_map
from aggressors_app.components.scope_line import scope_line

COMPARISONS = {"aggressor": "Aggressor against the rest", "datasets": "Dataset against dataset"}

view = state.read()
found = {one.rank: one for one in cached.aggressors(view.run)}
one = found.get(view.aggressor or min(found, default=0))

scope_line(view.run, view.filter, one)
explore_map()

left, right = st.columns(2, gap="medium")
with left:
    st.markdown("**Metadata against loss**")
    against_loss(view.run, view.filter)
with right:
    offered = list(COMPARISONS) if one else ["datasets"]
    shown = view.get("against", offered[0], tuple(offered))
    st.session_state["explore_against"] = shown
    st.segmented_control(
        "Comparison",
        offered,
        key="explore_against",
        format_func=lambda name: COMPARISONS[name],
        label_visibility="collapsed",
        required=True,
        on_change=lambda: state.change(against=st.session_state["explore_against"]),
    )
    if shown == "aggressor" and one:
        inside_outside(view.run, view.filter, one)
    else:
        datasets(view.run, view.filter)

browser(view.run, view.filter)
