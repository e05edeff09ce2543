"""The larger aggressor that one belongs to, and the smaller ones inside it."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors_app import cached, state
from aggressors_app.components.aggressor_card import title


def family(run_id: str, one: Aggressor) -> None:
    """Offer the way to the whole and to the parts, where there are any."""
    found = cached.aggressors(run_id)
    wholes = [other for other in found if other.rank == one.part_of]
    parts = [other for other in found if other.part_of == one.rank]
    if not wholes and not parts:
        return
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", width="content", key="family"
    ):
        for words, others in (("Part of", wholes), ("Parts", parts)):
            if others:
                st.markdown(f":gray[{words}]", width="content")
            for other in others:
                st.button(
                    title(other),
                    key=f"family_{other.rank}",
                    type="tertiary",
                    on_click=state.change,
                    kwargs={"aggressor": other.rank},
                )
