"""One aggressor on one screen: what it is, how bad, what its members share and look like."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors_app import cached, state
from aggressors_app.components.aggressor_card import fails, sentence
from aggressors_app.components.confusion import confusion
from aggressors_app.components.family import family
from aggressors_app.components.findings import findings
from aggressors_app.components.focus import focus, travel
from aggressors_app.components.hypotheses import hypotheses
from aggressors_app.components.mean_maps import explained, mean_maps
from aggressors_app.components.populations import populations
from aggressors_app.components.representatives import representatives
from aggressors_app.components.sample_card import sample_card
from aggressors_app.components.save_test import notice, save_test_button
from aggressors_app.components.telling_words import telling_words
from aggressors_app.components.triage import decision
from aggressors_app.format import plain

view = state.read()


def next_steps(run_id: str, one: Aggressor) -> None:
    """Test it, solve it, or hold later models to it."""
    travel(
        "Test",
        "explore",
        one.rank,
        icon=":material/scatter_plot:",
        help="See in Explore whether its rule is the cause" if one.rule else "Look in Explore why",
        claim=one.rule,
    )
    travel("Solve", "solve", one.rank, icon=":material/build:")
    save_test_button(run_id, one, key="aggressor_save")


one = focus(next_steps)
if one is None:
    st.stop()
assert one is not None
notice()
how = cached.how_found(view.run, one)
st.markdown(sentence(view.run, one), help=plain("  \n".join((fails(view.run), how))))
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    decision(view.run, one, "aggressor_triage")
    family(view.run, one)

# above what it is chosen in, so that it is in sight; always there, so that the grid keeps its focus
with st.container():
    if chosen := view.get("sample", ""):
        sample_card(view.run, chosen, "aggressor_sample", one)

left, right = st.columns(2, gap="medium")
with left:
    representatives(view.run, one)
with right:
    findings(view.run, one)
    telling_words(view.run, one)

if explained(view.run):
    looks, tables = st.columns([5, 4], gap="medium")
    with looks:
        mean_maps(view.run, one.concept_id)
    taken = everywhere = tables
else:
    taken, everywhere = st.columns(2, gap="medium")
with taken:
    confusion(view.run, one.concept_id)
with everywhere:
    populations(view.run, one)

hypotheses(view.run)
