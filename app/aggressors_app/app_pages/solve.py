"""What to do about an aggressor, and which unlabeled samples would help."""

from __future__ import annotations

import streamlit as st

from aggressors_app import state
from aggressors_app.components.candidates import candidates
from aggressors_app.components.focus import focus
from aggressors_app.components.recommendation import recommendation
from aggressors_app.components.suspects import suspects

view = state.read()
one = focus()
if one is None:
    st.stop()
assert one is not None
left, right = st.columns([4, 7], gap="medium")
with left:
    recommendation(view.run, one)
with right:
    if one.action in ("relabel", "remove"):
        suspects(view.run, one)
    candidates(view.run, view.filter, one)
