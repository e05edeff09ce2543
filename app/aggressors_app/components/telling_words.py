"""Words that the texts of an aggressor hold more often than the rest's."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.queries.telling import TellingWord
from aggressors.words import times
from aggressors_app import cached
from aggressors_app.format import plain, share

MOST = 12
MOST_TIMES = 3  # words whose frequency is told beside them


def telling_words(run_id: str, one: Aggressor) -> None:
    """List them, the most telling first; nothing where the samples have no text."""
    found = cached.words_of(run_id, one.concept_id)
    if not found.has_text:
        return
    st.markdown("**Telling words**")
    if not found.words:
        st.caption(
            "This text has no spaces between words, so none are compared."
            if found.is_unspaced
            else "No word is clearly more frequent in these texts than in others."
        )
        return
    first = found.words[0]
    against = "others of the same labels" if found.within_label else "the rest"
    with st.container(horizontal=True, gap="xsmall", key="telling_words"):
        for place, word in enumerate(found.words[:MOST]):
            more = f" {times(word.times)}" if place < MOST_TIMES else ""
            st.badge(f"{plain(word.word)}{more}", color="orange", help=_help(word))
    st.caption(
        f"In {first.of_inside:,} texts of members against {first.of_outside:,} of {against}; "
        "marked in the samples."
    )


def _help(word: TellingWord) -> str:
    inside, outside = word.n_inside / word.of_inside, word.n_outside / word.of_outside
    return plain(f"In {share(inside)} of members' texts, {share(outside)} of the others'")
