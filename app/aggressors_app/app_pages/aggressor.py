"""What the members of one aggressor have in common, and what they look like."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors_app import cached, state
from aggressors_app.components.aggressor_card import fails, sentence
from aggressors_app.components.associations import associations
from aggressors_app.components.confusion import confusion
from aggressors_app.components.family import family
from aggressors_app.components.focus import focus, travel
from aggressors_app.components.mean_maps import mean_maps
from aggressors_app.components.populations import populations
from aggressors_app.components.representatives import representatives
from aggressors_app.components.save_test import notice, save_test_button
from aggressors_app.components.telling_words import telling_words
from aggressors_app.format import plain

view = state.read()


def next_steps(run_id: str, one: Aggressor) -> None:
    """Test it, solve it, or hold later models to it."""
    travel(
        "Test",
        "explore",
        one.rank,
        icon=":material/scatter_plot:",
        help="Look in Explore whether what they share is the cause",
    )
    travel("Solve", "solve", one.rank, icon=":material/build:")
    save_test_button(run_id, one, key="aggressor_save")


one = focus(next_steps)
if one is None:
    st.stop()
assert one is not None
notice()
st.markdown(sentence(view.run, one), help=plain(fails(view.run)))
if how := cached.how_found(view.run, one):
    st.caption(plain(how))
family(view.run, one)

left, right = st.columns([6, 4], gap="medium")
with left:
    representatives(view.run, one)
    mean_maps(view.run, one.concept_id)
with right:
    associations(view.run, view.filter, one)
    telling_words(view.run, one)
    populations(view.run, one)
    confusion(view.run, one.concept_id)
