"""What later models must not break: saved tests over all runs, and two runs side by side."""

from __future__ import annotations

import streamlit as st

from aggressors_app import cached, state
from aggressors_app.components.choice import choice
from aggressors_app.components.save_test import notice, save_test_menu
from aggressors_app.components.states import failed, nothing
from aggressors_app.components.two_runs import two_runs
from aggressors_app.components.verdicts import saved_tests, verdict_line

VIEWS = {"tests": ":material/checklist: Tests", "runs": ":material/compare_arrows: Two runs"}

view = state.read()
history = cached.history()
if history is None:
    nothing(
        "A single run file has no saved tests",
        "Saved tests live in a workspace, beside the runs they judge: "
        "`aggressors app --workspace DIR`.",
    )
    st.stop()
assert history is not None

notice()
for wrong in history.unreadable:
    failed(f"{wrong.slug}: {wrong.reason}")

with st.container(horizontal=True, vertical_alignment="center", gap="small", key="track_bar"):
    shown = choice("What to see", "view", VIEWS, key="track_view")
    verdict_line(history, view.run)
    st.space("stretch")
    save_test_menu(view.run, view.filter)

if shown == "runs":
    two_runs(history, view.run, view.filter)
else:
    saved_tests(history, view.run)
