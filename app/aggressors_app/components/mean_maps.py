"""Where the model looks, averaged inside an aggressor and outside."""

from __future__ import annotations

import streamlit as st

from aggressors.words import MAP_NAMES
from aggressors_app import cached
from aggressors_app.components.grid import Heat, Tile, sample_grid
from aggressors_app.format import count


def mean_maps(run_id: str, concept_id: int) -> None:
    """Show the averaged heatmaps on one scale."""
    found = cached.mean_maps(run_id, concept_id).to_pylist()
    st.markdown("**Where the model looks, on average**")
    if not found:
        st.caption(
            "No heatmaps in this run: they need a model with a convolution or transformer layer. "
            "A run from a table has none."
        )
        return
    tiles = [
        Tile(
            row["of"],
            None,
            " ",
            (
                (MAP_NAMES.get(row["of"], row["of"]).capitalize(), "", False),
                ("", f"{count(row['n'])} maps", False),
            ),
            heat=Heat(row["height"], row["width"], row["pixels"]),
        )
        for row in found
    ]
    sample_grid("mean_maps", tiles, label="Averaged heatmaps", size=120, heat=100, plain=True)
