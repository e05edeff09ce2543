"""One sample in full: picture, truth and prediction, loss, metadata."""

from __future__ import annotations

import streamlit as st

from aggressors.errors import AggressorsError
from aggressors.queries.samples import SampleDetail
from aggressors_app import cached
from aggressors_app.components.grid import Heat, Tile, sample_grid
from aggressors_app.components.listing import Column, Row, Text, listing
from aggressors_app.format import MISSING, answer, exact, number, plain, share, typeset


def sample_card(run_id: str, sample_id: str, key: str) -> None:
    """Show a sample, or the reason why it cannot be shown."""
    try:
        found = cached.sample(run_id, sample_id)
    except AggressorsError as error:
        st.caption(plain(str(error)))
        return
    with st.container(border=True):
        seen = bool(found.thumbnail or found.text or found.uri)
        picture, facts, metadata = st.columns([5 if seen else 1, 5, 5], gap="small")
        with picture:
            if seen:
                _picture(found, key)
            else:
                st.caption("No image or text")
        with facts:
            st.markdown(f"**{plain(found.sample_id)}**")
            _table(f"{key}_facts", "Facts of the sample", _facts(found))
        with metadata:
            values = [
                (entry.name, exact(entry.value, entry.unit))
                for entry in (*found.metadata, *found.metrics)
            ]
            st.markdown("**Metadata**")
            if values:
                _table(f"{key}_metadata", "Metadata of the sample", values)
            else:
                st.caption("This run has none.")


def _picture(found: SampleDetail, key: str) -> None:
    """Show the original where a media root holds it, else the thumbnail with its heatmap."""
    original = found.uri and cached.original(found.uri)
    if original:
        st.image(original, width="stretch")
        return
    if not found.thumbnail:
        with st.container(border=True, height="content"):
            st.markdown(plain(found.text or found.uri or "").replace("\n", "  \n"))
        return
    heat = found.heatmap and Heat(found.heatmap.height, found.heatmap.width, found.heatmap.pixels)
    tile = Tile(found.sample_id, found.thumbnail, "", (), heat=heat or None)
    sample_grid(f"{key}_picture", [tile], label="The sample", size=420, heat=40)


def _facts(found: SampleDetail) -> list[tuple[str, str]]:
    rows = [
        ("label", answer(found.label)),
        ("prediction", answer(found.prediction)),
        ("confidence", share(found.confidence)),
        ("loss", number(found.loss)),
        ("population", found.population),
    ]
    rows = [(name, value) for name, value in rows if value != MISSING]
    if found.aggressors:
        rows.append(
            ("aggressors", ", ".join(f"{one.rank} {typeset(one.name)}" for one in found.aggressors))
        )
    return rows


def _table(key: str, label: str, rows: list[tuple[str, str]]) -> None:
    shown = [Row(name, (Text("", sub=name), Text(value))) for name, value in rows]
    columns = (Column("Field"), Column("Value", right=True))
    listing(key, columns, shown, label=label, bare=True, height=400)
