"""One sample in full: picture, truth and prediction, loss, metadata."""

from __future__ import annotations

import streamlit as st

from aggressors.errors import AggressorsError
from aggressors.queries.samples import SampleDetail
from aggressors_app import cached
from aggressors_app.components.grid import Heat, Tile, sample_grid
from aggressors_app.components.listing import Column, Row, Text, listing
from aggressors_app.format import MISSING, number, plain, share


def sample_card(run_id: str, sample_id: str, key: str) -> None:
    """Show a sample, or the reason why it cannot be shown."""
    try:
        found = cached.sample(run_id, sample_id)
    except AggressorsError as error:
        st.caption(plain(str(error)))
        return
    with st.container(border=True):
        picture, facts, metadata = st.columns([4, 5, 5], gap="small")
        with picture:
            _picture(found, key)
        with facts:
            st.markdown(f"**{plain(found.sample_id)}**")
            _table(f"{key}_facts", "Facts of the sample", _facts(found))
        with metadata:
            values = [
                (entry.name, _value(entry.value, entry.unit))
                for entry in (*found.metadata, *found.metrics)
            ]
            st.markdown("**Metadata**")
            _table(f"{key}_metadata", "Metadata of the sample", values)


def _picture(found: SampleDetail, key: str) -> None:
    """Show the original where a media root holds it, else the thumbnail with its heatmap."""
    original = found.uri and cached.original(found.uri)
    if original:
        st.image(original, width="stretch")
        return
    heat = found.heatmap and Heat(found.heatmap.height, found.heatmap.width, found.heatmap.pixels)
    tile = Tile(found.sample_id, found.thumbnail, found.text or "no preview", (), heat=heat or None)
    sample_grid(f"{key}_picture", [tile], label="The sample", size=140, heat=40)


def _facts(found: SampleDetail) -> list[tuple[str, str]]:
    rows = [
        ("label", _value(found.label)),
        ("prediction", _value(found.prediction)),
        ("confidence", share(found.confidence)),
        ("loss", number(found.loss)),
        ("population", found.population),
    ]
    if found.aggressors:
        rows.append(("aggressors", ", ".join(f"{one.rank} {one.name}" for one in found.aggressors)))
    return rows


def _table(key: str, label: str, rows: list[tuple[str, str]]) -> None:
    shown = [Row(name, (Text("", sub=name), Text(value))) for name, value in rows]
    columns = (Column("Field"), Column("Value", right=True))
    listing(key, columns, shown, label=label, bare=True, height=260)


def _value(value: object, unit: str = "") -> str:
    if value is None:
        return MISSING
    return number(value, unit) if isinstance(value, float) else str(value)
