"""All samples: on maps, by metadata, one dataset against another, and one by one."""

from __future__ import annotations

import streamlit as st

from aggressors_app import cached, state
from aggressors_app.components.breakdowns import against_loss, comparison
from aggressors_app.components.browser import browser
from aggressors_app.components.explore_map import explore_map
from aggressors_app.components.hypothesis_card import claim_of, hypothesis_card
from aggressors_app.components.scope_line import scope_line

TABS = {"map": ":material/scatter_plot: Map", "compare": ":material/bar_chart: Compare"}
TAB = "explore_tab"

view = state.read()
found = {one.rank: one for one in cached.aggressors(view.run)}
one = found.get(view.aggressor or min(found, default=0))


def _turned() -> None:
    names = {title: name for name, title in TABS.items()}
    state.change(tab=names[st.session_state[TAB]])


scope_line(view.run, view.filter, one)
claim = claim_of(view.run, view.filter, one)
open_, docked = st.columns([3, 1], gap="medium") if claim else (st.container(), None)
if docked is not None and one is not None:
    with docked:
        hypothesis_card(view.run, claim, one)

st.session_state[TAB] = TABS[view.get("tab", "map", tuple(TABS))]
with open_:
    on_map, compare = st.tabs(list(TABS.values()), key=TAB, on_change=_turned)
if on_map.open:
    with on_map:
        explore_map()
if compare.open:
    with compare:
        left, right = st.columns(2, gap="medium")
        with left:
            against_loss(view.run, view.filter)
        with right:
            comparison(view.run, view.filter, one)

browser(view.run, view.filter)
