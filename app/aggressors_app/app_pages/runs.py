"""All runs over time, and what became of the aggressors."""

from __future__ import annotations

import streamlit as st

from aggressors_app import cached, state
from aggressors_app.components.states import failed
from aggressors_app.components.timeline import fates, timeline

view = state.read()
catalogue = cached.catalogue()
for broken in catalogue.broken:
    failed(broken.reason)
timeline(catalogue, view.run, view.filter)
if before := cached.before(view.run):
    fates(view.run, before)
elif len(catalogue.runs) > 1:
    st.caption("No earlier run has the same task and loss, so there is none to compare this with.")
