"""What later models must not break: saved tests over all runs."""

from __future__ import annotations

import streamlit as st

from aggressors_app import cached, state
from aggressors_app.components.save_test import notice, save_filter_form, save_test_button
from aggressors_app.components.states import failed, nothing
from aggressors_app.components.verdicts import one_test, verdict_line, verdict_matrix

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
    verdict_line(history, view.run)
    st.space("stretch")
    with st.popover("Save a test", icon=":material/add:", key="save_popover"):
        found = cached.aggressors(view.run)
        if found:
            ranks = {one.rank: one for one in found}
            rank = st.selectbox(
                "Aggressor",
                list(ranks),
                format_func=lambda rank: f"{rank} · {ranks[rank].name}",
                key="save_rank",
            )
            save_test_button(view.run, ranks[rank], key="track_save")
            st.divider()
        st.caption("Or what the filter above lets through")
        save_filter_form(view.run, view.filter)

if not history.tests:
    nothing(
        "No saved test yet",
        "Save an aggressor as a test: every later run is then compared on the same samples, "
        "and `aggressors check` fails when one gets worse.",
        icon=":material/checklist:",
    )
    st.stop()

slugs = tuple(tracked.test.slug for tracked in history.tests)
chosen = view.get("test", slugs[0], slugs)
verdict_matrix(history, view.run, chosen)
one_test(next(tracked for tracked in history.tests if tracked.test.slug == chosen), history)
