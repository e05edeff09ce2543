"""What the members of one aggressor have in common, and what they look like."""

from __future__ import annotations

import streamlit as st

from aggressors_app import cached, state
from aggressors_app.components.aggressor_card import sentence
from aggressors_app.components.associations import associations
from aggressors_app.components.confusion import confusion
from aggressors_app.components.focus import focus
from aggressors_app.components.grid import sample_grid
from aggressors_app.components.mean_maps import mean_maps
from aggressors_app.components.populations import populations
from aggressors_app.components.sample_card import sample_card
from aggressors_app.components.save_test import save_test_button
from aggressors_app.components.tiles import tiles_of
from aggressors_app.format import REASONS

view = state.read()
one = focus()
if one is None:
    st.stop()
assert one is not None
st.markdown(sentence(view.run, one))

left, right = st.columns([6, 4], gap="medium")
with left:
    shown = view.get("show", "worst", tuple(REASONS))
    st.session_state["aggressor_show"] = shown
    st.segmented_control(
        "Samples",
        list(REASONS),
        key="aggressor_show",
        format_func=lambda reason: REASONS[reason],
        label_visibility="collapsed",
        required=True,
        on_change=lambda: state.change(show=st.session_state["aggressor_show"], sample=None),
    )
    sample_grid(
        f"aggressor_grid_{shown}",
        tiles_of(cached.representatives(view.run, one.concept_id, shown)),
        label=f"{REASONS[shown]} samples",
        chosen=view.get("sample", ""),
        on_choose=lambda sample: state.change(sample=sample),
        caption={
            "worst": "Highest loss first",
            "central": "Nearest to the middle of the group first",
            "diverse": "As unlike each other as members can be",
            "counter": "Not members, but like them: same labels, no worse than the median",
        }[shown],
        empty="None was kept in this run.",
        size=118,
    )
    if chosen := view.get("sample", ""):
        sample_card(view.run, chosen, "aggressor_sample")
    mean_maps(view.run, one.concept_id)
with right:
    associations(view.run, view.filter, one)
    populations(view.run, one)
    confusion(view.run, one.concept_id)

with st.container(horizontal=True, vertical_alignment="center", gap="small", key="next_steps"):
    st.page_link(
        "app_pages/explore.py",
        label="Test in Explore",
        icon=":material/scatter_plot:",
        query_params=state.link(a=str(one.rank)),
    )
    st.page_link(
        "app_pages/solve.py",
        label="Solve",
        icon=":material/build:",
        query_params=state.link(a=str(one.rank)),
    )
    save_test_button(view.run, one, key="aggressor_save")
