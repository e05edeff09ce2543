"""All samples: on maps, by metadata, one dataset against another, and one by one."""

from __future__ import annotations

import streamlit as st

from aggressors_app import cached, state
from aggressors_app.components.browser import browser
from aggressors_app.components.compare import compare
from aggressors_app.components.docked import docked
from aggressors_app.components.explore_map import explore_map
from aggressors_app.components.hypothesis_card import claim_of, hypothesis_card, no_claim
from aggressors_app.components.scope_line import scope_line
from aggressors_app.components.where_else import where_else
from aggressors_app.format import plain

TABS = {
    "map": ":material/scatter_plot: Map",
    "compare": ":material/bar_chart: Compare",
    "where": ":material/grid_on: Where else",
}
TAB = "explore_tab"

view = state.read()
found = {one.rank: one for one in cached.aggressors(view.run)}
one = found.get(view.aggressor or min(found, default=0))


def _turned() -> None:
    names = {title: name for name, title in TABS.items()}
    state.change(tab=names[st.session_state[TAB]])


scope_line(view.run, view.filter, one)
claim = claim_of(view.filter, one)
if why := no_claim(view.filter, one):
    st.caption(plain(why))
open_, card = docked() if claim else (st.container(), None)
if card is not None and one is not None:
    with card:
        hypothesis_card(view.run, claim, one)

st.session_state[TAB] = TABS[view.get("tab", "map", tuple(TABS))]
with open_:
    on_map, on_compare, elsewhere = st.tabs(list(TABS.values()), key=TAB, on_change=_turned)
if on_map.open:
    with on_map:
        explore_map()
if on_compare.open:
    with on_compare:
        compare(view.run, view.filter, one)
if elsewhere.open:
    with elsewhere:
        where_else(view.run, view.filter)

with open_:
    browser(view.run, view.filter)
