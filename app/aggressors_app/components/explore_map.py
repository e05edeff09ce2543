"""The map of all samples twice: coloured by a field of choice, and by loss."""

from __future__ import annotations

import numpy as np
import streamlit as st

from aggressors.queries.grammar import format_filter, parse
from aggressors.queries.maps import MapBins, View
from aggressors_app import cached, chips, state
from aggressors_app.charts import Palette, palette
from aggressors_app.components.linked_map import Box, Layer, Outline, Points, linked_map, pack
from aggressors_app.format import number

CELLS = 200
COLOR = "explore_color"
STALE = "explore_stale"
UNKNOWN = "#9aa1b3"


def colorable(run_id: str) -> list[str]:
    """Fields that can colour a map."""
    return [
        name
        for name, entry in cached.field_list(run_id).items()
        if entry.kind in ("number", "category") and name != "loss"
    ]


@st.fragment
def explore_map() -> None:
    """Show both maps; zooming redraws them alone, a region joins the filter of every page."""
    if st.session_state.pop(STALE, False):
        st.rerun()
    view = state.read()
    offered = colorable(view.run)
    default = "label" if "label" in offered else offered[0]
    color = view.get("color", default, tuple(offered))
    st.session_state[COLOR] = color
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Colour by", width="content")
        st.selectbox(
            "Colour by",
            offered,
            key=COLOR,
            label_visibility="collapsed",
            width=200,
            on_change=lambda: state.change(color=st.session_state[COLOR]),
        )
        st.space("stretch")
        st.markdown(
            ":gray[Drag a box or lasso to filter · wheel to zoom · outlines are aggressors]",
            width="content",
        )
    whole, shown = cached.extent(view.run), _shown(view)
    colors = palette(st.context.theme.type)
    found = [
        cached.map_bins(view.run, view.filter, field, shown, CELLS) for field in (color, "loss")
    ]
    packed = pack(
        [_layer(bins, colors) for bins in found],
        size=(CELLS, CELLS),
        run=view.run,
        view=_box(shown),
        bins=_box(shown),
        home=_box(whole),
        outlines=_outlines(view.run, view.aggressor or 1),
        region=chips.region(parse(view.filter)),
    )
    linked_map("explore_map", packed, on_view=_moved, on_region=_drawn)


def _shown(view: state.View) -> View:
    """The part of the map in the address, else all of it."""
    try:
        x0, x1, y0, y1 = (float(part) for part in view.get("view", "").split(","))
    except ValueError:
        return cached.extent(view.run)
    if np.isfinite([x0, x1, y0, y1]).all() and x0 < x1 and y0 < y1:
        return View(x0, y0, x1, y1)
    return cached.extent(view.run)


def _box(view: View) -> Box:
    return (view.x0, view.x1, view.y0, view.y1)


def _moved(box: Box) -> None:
    state.change(view=",".join(f"{value:.6g}" for value in box))


def _drawn(points: Points) -> None:
    state.change(filter=format_filter(chips.with_region(parse(state.read().filter), points)))
    st.session_state[STALE] = True


def _layer(bins: MapBins, colors: Palette) -> Layer:
    """Turn the grids of a query into bytes, the first row at the top."""
    pixels = np.zeros((bins.size, bins.size), dtype=np.uint8)
    if bins.dominant is not None:
        known = bins.dominant >= 0
        pixels[known] = (bins.dominant[known] + 1).astype(np.uint8)
        there = tuple(colors.categories) + (UNKNOWN,) * 2
        return Layer(bins.field or "", _bytes(pixels), there, bins.categories)
    ramp = colors.loss_ramp if bins.field == "loss" else colors.ramp
    low, high = bins.low or 0.0, bins.high or 0.0
    if bins.mean is not None:
        known = np.isfinite(bins.mean)
        scaled = (bins.mean[known] - low) / ((high - low) or 1.0)
        pixels[known] = 1 + np.round(254 * np.clip(scaled, 0, 1)).astype(np.uint8)
    title = bins.field or ""
    return Layer(title, _bytes(pixels), ramp, None, (low, high), number(low), number(high))


def _bytes(pixels: np.ndarray) -> bytes:
    return np.flipud(pixels).tobytes()


def _outlines(run_id: str, chosen: int) -> list[Outline]:
    """Every ring of every aggressor; its rank stands at its longest ring."""
    found = []
    for one in cached.outlines(run_id):
        longest = max(one.rings, key=len, default=())
        found += [
            Outline(str(one.rank) if ring is longest else "", ring, one.rank == chosen)
            for ring in one.rings
        ]
    return found
