"""Which aggressors there are, how severe they are, and how the run does as a whole."""

from __future__ import annotations

import streamlit as st

from aggressors.words import ADVICE
from aggressors_app import cached, state
from aggressors_app.components.aggressor_card import badges, fails, sentence
from aggressors_app.components.focus import travel
from aggressors_app.components.grid import sample_grid
from aggressors_app.components.handmade import handmade
from aggressors_app.components.ranking import ranked, ranking
from aggressors_app.components.run_metrics import run_metrics
from aggressors_app.components.states import no_aggressor
from aggressors_app.components.tiles import tiles_of, width_of
from aggressors_app.components.triage import (
    announced,
    decision,
    hidden_count,
    in_list,
    unreadable,
)
from aggressors_app.format import count, plain

SHOWN = 8
WRITTEN = 3  # of them where a sample is a text or a row, which need more room

view = state.read()
announced(view.run)
run_metrics(view.run, view.filter)
found = cached.aggressors(view.run)
facts = cached.discovery(view.run)

if not found:
    no_aggressor(view.run)
    handmade(view.run)
    st.stop()

with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader("Aggressors, ranked", width="content", anchor=False, help=plain(ranked(view.run)))
    hidden_count(view.run)
    st.space("stretch")
    tested = f"{count(facts.tested)} groups tested, " if facts.tested else ""
    st.caption(
        f"{tested}confirmed on {count(facts.n_confirm)} samples that the search had not seen, "
        f"at a false discovery rate of {facts.fdr:g}",
        width="content",
    )

unreadable(view.run)
shown = in_list(view.run, found)
ranks = {one.rank: one for one in found}
first = (shown or found)[0]
one = ranks.get(view.aggressor or first.rank, first)
if shown:
    ranking(view.run, view.filter, shown, chosen=one.rank)
else:
    st.caption("Every aggressor of this run is dismissed.")

with st.container(border=True):
    words, pictures = st.columns([5, 7], gap="medium")
    with words:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="card"):
            st.markdown(f"#### {plain(one.name)}", width="content")
            st.space("stretch")
            travel("Open", "aggressor", one.rank, icon=":material/arrow_forward:")
        with st.container(horizontal=True, gap="small"):
            badges(view.run, one)
        st.markdown(sentence(view.run, one), help=plain(fails(view.run)))
        st.markdown(f":primary[**Next:**] {ADVICE[one.action]}")
        decision(view.run, one, "insights_triage")
    with pictures:
        worst = cached.representatives(view.run, one.concept_id, "worst").slice(0, SHOWN)
        tiles = tiles_of(
            worst, narrow=True, words=cached.words_of(view.run, one.concept_id).weights
        )
        room = len(tiles) if any(tile.picture for tile in tiles) else WRITTEN
        sample_grid(
            "insights_worst",
            tiles[:room],
            label="Its worst samples",
            caption="Its worst samples",
            size=width_of(tiles, 74),
        )

handmade(view.run)
