"""Samples that show an aggressor: central, worst, diverse, and alike but handled well."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors_app import cached, state
from aggressors_app.components.choice import choice
from aggressors_app.components.grid import sample_grid
from aggressors_app.components.heat import heat, keep_heat
from aggressors_app.components.marking import flags, keys, mark_by_key, marked, troubles
from aggressors_app.components.tiles import tiles_of, width_of
from aggressors_app.format import REASONS


def representatives(run_id: str, one: Aggressor) -> None:
    """Show one kind of them as tiles; W and N mark a sample."""
    view = state.read()
    held = cached.marks()
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="representatives_bar"
    ):
        shown = choice(
            "Samples", "show", REASONS, key="aggressor_show", first="worst", forgets=["sample"]
        )
        st.space("stretch")
        marked(run_id, one)
    troubles(held)
    found = cached.representatives(run_id, one.concept_id, shown)
    tiles = tiles_of(
        found,
        flags=flags(run_id, held, one),
        words=cached.words_of(run_id, one.concept_id).weights,
    )
    sample_grid(
        f"aggressor_grid_{shown}",
        tiles,
        label=f"{REASONS[shown]} samples",
        chosen=view.get("sample", ""),
        on_choose=lambda sample: state.change(sample=sample),
        on_act=lambda word, sample: mark_by_key(run_id, one, word, sample, held),
        actions=keys(one, labeled=found["label"].null_count < found.num_rows),
        caption={
            "worst": f"Highest {cached.signal(run_id)} first",
            "central": "Nearest to the middle of the group first",
            "diverse": "As unlike each other as members can be",
            "counter": "Not members, but like them: same labels, no worse than the median",
        }[shown],
        empty="None was kept in this run.",
        size=width_of(tiles, 88),
        heat=heat(),
        on_heat=keep_heat,
    )
