"""The samples that the model sees most like the chosen one; each opens with a click."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from aggressors_app import cached, state
from aggressors_app.components.grid import sample_grid
from aggressors_app.components.tiles import tiles_of, width_of
from aggressors_app.format import number

SHOWN = 12


def neighbours(run_id: str, row_id: int, key: str) -> None:
    """Show the nearest by embedding, over all populations; nothing where the run has none."""
    if not cached.run_file(run_id).dimensions:
        return
    found = cached.alike(run_id, row_id, SHOWN)
    if not found.num_rows:
        return
    st.markdown("**Most alike** :gray[by embedding, of all samples]")
    tiles = [
        replace(
            tile,
            lines=(
                (tile.lines[0][0], "", tile.lines[0][2]),
                ("", number(row["similarity"]), False),
            ),
            title=f"{tile.title} · similarity {number(row['similarity'])}",
        )
        for tile, row in zip(tiles_of(found), found.to_pylist(), strict=True)
    ]
    sample_grid(
        f"{key}_alike",
        tiles,
        label="Most alike",
        on_choose=lambda sample: state.change(sample=sample),
        size=width_of(tiles, 84),
        plain=True,
    )
