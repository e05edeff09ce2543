"""All samples: on maps, by metadata, one dataset against another, and one by one."""

from __future__ import annotations

import streamlit as st

from aggressors_app import cached, state
from aggressors_app.components.breakdowns import against_loss, comparison
from aggressors_app.components.browser import browser
from aggressors_app.components.explore_map import explore_map
from aggressors_app.components.scope_line import scope_line
from aggressors_app.components.support import support

view = state.read()
found = {one.rank: one for one in cached.aggressors(view.run)}
one = found.get(view.aggressor or min(found, default=0))

scope_line(view.run, view.filter, one)
support(view.run, view.filter, one)
explore_map()

left, right = st.columns(2, gap="medium")
with left:
    against_loss(view.run, view.filter)
with right:
    comparison(view.run, view.filter, one)

browser(view.run, view.filter)
