"""Whether what is claimed in the filter is why the aggressor in focus fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from aggressors.contracts import Aggressor, Group
from aggressors.errors import FilterError
from aggressors.queries.grammar import NOTHING, format_filter, parse
from aggressors.words import support_sentence
from aggressors_app import cached, chips
from aggressors_app.format import plain, typeset

COLORS: Mapping[str, Literal["green", "orange", "red"]] = {
    "supported": "green",
    "partly": "orange",
    "not supported": "red",
}
HELP = (
    "Judged by the half of the data on which nothing was sought, against samples with the same "
    "labels. Supported: surely worse there, at least half as bad as the aggressor, and at least "
    "half of its members and of its gap. Partly: surely worse, but not all of that."
)


def support(run_id: str, filter: str, one: Aggressor | None) -> None:
    """Say what the claims of the filter explain; nothing where it claims nothing of the samples."""
    claim = Group("and", chips.others(parse(filter), (chips.POPULATION,)))
    if one is None or not claim.parts or claim == NOTHING:
        return
    try:
        found = cached.tested(run_id, format_filter(claim), one.concept_id)
    except FilterError:  # about how the model did, which is no cause
        return
    said = support_sentence(found, cached.signal(run_id), f"aggressor {one.rank}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="support"):
        st.badge(found.support, color=COLORS.get(found.support, "gray"))
        st.markdown(plain(typeset(said)), width="stretch", help=HELP)
