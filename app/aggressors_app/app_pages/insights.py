"""Which aggressors there are, how severe they are, and how the run does as a whole."""

from __future__ import annotations

import streamlit as st

from aggressors.words import ADVICE
from aggressors_app import cached, state
from aggressors_app.components.aggressor_card import badges, sentence
from aggressors_app.components.grid import sample_grid
from aggressors_app.components.ranking import ranking
from aggressors_app.components.run_metrics import run_metrics
from aggressors_app.components.states import nothing
from aggressors_app.components.tiles import tiles_of
from aggressors_app.format import count, plain

SHOWN = 8

view = state.read()
run_metrics(view.run, view.filter)
found = cached.aggressors(view.run)
facts = cached.discovery(view.run)

if not found:
    nothing(
        "No aggressor",
        "No group does worse than the rest by more than chance. "
        "Look at Explore for weaker patterns, or give the run more samples.",
        icon=":material/verified:",
    )
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    st.subheader("Aggressors, worst first", width="content")
    st.space("stretch")
    tested = f"{count(facts.proposals)} groups tested, " if facts.proposals else ""
    st.caption(
        f"{tested}confirmed on {count(facts.n_confirm)} samples that the search had not seen, "
        f"at a false discovery rate of {facts.fdr:g}",
        width="content",
    )

ranks = {one.rank: one for one in found}
one = ranks.get(view.aggressor or found[0].rank, found[0])
ranking(view.run, view.filter, found, chosen=one.rank)

with st.container(border=True):
    words, pictures = st.columns([5, 7], gap="medium")
    with words:
        st.markdown(f"#### {plain(one.name)}")
        with st.container(horizontal=True, gap="small"):
            badges(one)
        st.markdown(sentence(view.run, one))
        st.markdown(f":primary[**Next:**] {ADVICE[one.action]}")
        with st.container(horizontal=True, gap="small"):
            st.page_link(
                "app_pages/aggressor.py",
                label="Open",
                icon=":material/arrow_forward:",
                query_params=state.link(a=str(one.rank)),
            )
    with pictures:
        worst = cached.representatives(view.run, one.concept_id, "worst").slice(0, SHOWN)
        sample_grid(
            "insights_worst",
            tiles_of(worst, narrow=True),
            label="Its worst samples",
            caption="Its worst samples",
            size=74,
        )
