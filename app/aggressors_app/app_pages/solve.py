"""What to do about an aggressor: why, with what, and what came of it."""

from __future__ import annotations

import streamlit as st

from aggressors_app import state
from aggressors_app.components import queueing
from aggressors_app.components.focus import focus
from aggressors_app.components.handover import PARTS, handover
from aggressors_app.components.loop import loop
from aggressors_app.components.recommendation import chosen_action, recommendation

view = state.read()
one = focus()
if one is None:
    st.stop()
assert one is not None
loop(view.run, queueing.name(), one)
chosen = chosen_action(one, PARTS)
left, right = st.columns([4, 7], gap="medium")
with left:
    recommendation(view.run, one, chosen)
with right:
    handover(view.run, view.filter, one, chosen)
