"""Where else the model is weak: a grid over fields of choice, worst pairs, and an error tree."""

from __future__ import annotations

import streamlit as st

from aggressors_app import cached
from aggressors_app.components.error_tree import error_tree
from aggressors_app.components.handmade import handmade
from aggressors_app.components.weak_grid import weak_grid
from aggressors_app.components.worst_pairs import worst_pairs

IDEAS = (
    "Ideas, not findings: sought and seen on the samples in the filter. A click makes a place the "
    "filter, where the half of the data that judges says whether it holds."
)


def where_else(run_id: str, filter: str) -> None:
    """Show where samples in the filter fail, place by place; a click on any limits the filter."""
    st.caption(IDEAS)
    pairs = cached.worst_pairs(run_id, filter)
    left, right = st.columns([7, 5], gap="medium")
    with left:
        weak_grid(run_id, filter, pairs)
    with right:
        worst_pairs(run_id, filter, pairs)
    error_tree(run_id, filter)
    handmade(run_id, travels=False)
