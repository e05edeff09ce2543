"""The map of all samples twice: coloured by a field of choice, and by loss."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from aggressors.queries.grammar import format_filter, parse
from aggressors.queries.maps import MAX_COLOURS, BoolArray, MapBins, View
from aggressors_app import cached, chips, state
from aggressors_app.charts import Palette, palette
from aggressors_app.components.linked_map import Box, Layer, Outline, Points, linked_map, pack
from aggressors_app.components.states import nothing
from aggressors_app.components.takeaway import Legend, takeaway
from aggressors_app.format import number

CELLS = 200
MAP = "figure_map"
CLOSEST, FARTHEST = 1e-6, 1e3  # shares of the extent that may be in view
MARGIN = 0.05  # of the extent, on each side
COLOR = "explore_color"
STALE = "explore_stale"
UNKNOWN = "#9aa1b3"
MARKED = 10  # aggressors whose rank stands on the map
SHADOW = 255  # byte of a bin that only the filter empties


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
    if not cached.has_map(view.run):
        nothing(
            "No map",
            "Samples are placed by their embedding or their metadata, and this run has neither.",
            icon=":material/map:",
        )
        return
    whole, shown = _whole(view.run), _shown(view)
    bar = st.container(horizontal=True, vertical_alignment="center", gap="small")
    color = _chosen_color(bar, view, shown)
    colors = palette(st.context.theme.type)
    # What the filter leaves out stays as a shadow, so that one sees what a region is cut from.
    there = chips.only_populations(parse(view.filter))
    everyone = cached.map_bins(view.run, format_filter(there), None, shown, CELLS).count > 0
    losses = not _blank(view, shown, "loss")
    drawn = (color, *(["loss"] if losses else []))
    layers = [
        _layer(
            view.run,
            cached.map_bins(view.run, view.filter, field, shown, CELLS),
            everyone,
            colors,
        )
        for field in drawn
    ]
    with bar:
        takeaway(
            MAP,
            lambda: cells(cached.map_bins(view.run, view.filter, color, shown, CELLS)),
            stem=f"map by {color}",
            title=f"Map by {' and by '.join(drawn)}",
            note=view.filter,
            formats=("png",),
            legends=[
                Legend(layer.colors, layer.categories, ramp=False)
                if layer.categories
                else Legend(layer.colors, (layer.low, layer.high), ramp=True)
                for layer in layers
            ],
        )
    packed = pack(
        layers,
        size=(CELLS, CELLS),
        run=view.run,
        view=_box(shown),
        bins=_box(shown),
        home=_box(whole),
        outlines=_outlines(view.run, view.aggressor or 1),
        region=chips.region(parse(view.filter)),
    )
    with st.container(key=MAP):
        linked_map("explore_map", packed, on_view=_moved, on_region=_drawn)
    if not losses:
        st.caption("No sample shown here is labeled, so there is no map of the loss.")


def cells(bins: MapBins) -> pa.Table:
    """Give the cells of a map that hold samples, with the field that colours them.

    Returns
    -------
    x, y (middle of the cell), n, and the mean of a number, or the most frequent category.
    """
    row, column = np.nonzero(bins.count)
    view, (rows, columns) = bins.view, bins.count.shape
    table = {
        "x": view.x0 + (column + 0.5) * (view.x1 - view.x0) / columns,
        "y": view.y0 + (row + 0.5) * (view.y1 - view.y0) / rows,
        "n": bins.count[row, column],
    }
    if bins.dominant is not None:
        names = np.array([*bins.categories, None], dtype=object)  # -1 is the last: unknown
        table[f"most frequent {bins.field}"] = names[bins.dominant[row, column]]
    elif bins.mean is not None:
        table[f"mean {bins.field}"] = bins.mean[row, column]
    return pa.table(table)


def _chosen_color(bar: DeltaGenerator, view: state.View, shown: View) -> str:
    """Offer the fields to colour by, beside what can be done with the maps."""
    offered = colorable(view.run)
    color = view.get("color", _first_color(view, shown, offered), tuple(offered))
    st.session_state[COLOR] = color
    with bar:
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
            ":gray[Drag a box or lasso to filter · wheel to zoom · numbers are aggressors]",
            width="content",
        )
    return color


def _first_color(view: state.View, shown: View, offered: list[str]) -> str:
    """Colour by label, or by the first field that has a value in the filter."""
    first = ("label", "prediction", *cached.prominent(view.run))
    for name in (*(name for name in first if name in offered), *offered):
        if not _blank(view, shown, name):
            return name
    return offered[0]


def _blank(view: state.View, shown: View, field: str) -> bool:
    """Whether no sample in sight has a value of a field."""
    bins = cached.map_bins(view.run, view.filter, field, shown, CELLS)
    if not bins.count.any():
        return False  # then it is the filter that leaves nothing
    if bins.dominant is not None:
        return not (bins.dominant >= 0).any()
    return bins.mean is None or not np.isfinite(bins.mean).any()


def _whole(run_id: str) -> View:
    """Every sample, with room around it for what lies at the border."""
    found = cached.extent(run_id)
    x, y = MARGIN * (found.x1 - found.x0), MARGIN * (found.y1 - found.y0)
    return View(found.x0 - x, found.y0 - y, found.x1 + x, found.y1 + y)


def _shown(view: state.View) -> View:
    """Read the part of the map in the address, else all of it."""
    whole = _whole(view.run)
    try:
        x0, x1, y0, y1 = (float(part) for part in view.get("view", "").split(","))
    except ValueError:
        return whole
    zooms = ((x1 - x0) / (whole.x1 - whole.x0), (y1 - y0) / (whole.y1 - whole.y0))
    if all(CLOSEST <= zoom <= FARTHEST for zoom in zooms):  # not so for NaN
        return View(x0, y0, x1, y1)
    return whole


def _box(view: View) -> Box:
    return (view.x0, view.x1, view.y0, view.y1)


def _moved(box: Box) -> None:
    state.change(view=",".join(f"{value:.6g}" for value in box))


def _drawn(points: Points) -> None:
    state.change(filter=format_filter(chips.with_region(parse(state.read().filter), points)))
    st.session_state[STALE] = True


def _layer(run_id: str, bins: MapBins, everyone: BoolArray, colors: Palette) -> Layer:
    """Turn the grids of a query into bytes, the first row at the top."""
    pixels = np.where(everyone & (bins.count == 0), SHADOW, 0).astype(np.uint8)
    if bins.dominant is not None:
        known = bins.dominant >= 0
        pixels[known] = (bins.dominant[known] + 1).astype(np.uint8)
        palette = _colors_of(run_id, bins.field or "", bins.categories, colors)
        return Layer(bins.field or "", _bytes(pixels), palette, bins.categories)
    ramp = colors.loss_ramp if bins.field == "loss" else colors.ramp
    low, high = bins.low or 0.0, bins.high or 0.0
    if bins.mean is not None:
        known = np.isfinite(bins.mean)
        scaled = (bins.mean[known] - low) / ((high - low) or 1.0)
        pixels[known] = 1 + np.round((SHADOW - 2) * np.clip(scaled, 0, 1)).astype(np.uint8)
    title = bins.field or ""
    return Layer(
        title,
        _bytes(pixels),
        ramp,
        None,
        (low, high),
        number(round(low, 3)),
        number(round(high, 3)),
    )


def _colors_of(run_id: str, field: str, names: tuple[str, ...], colors: Palette) -> tuple[str, ...]:
    """Give each category the same colour under every filter."""
    classes = cached.run_file(run_id).classes
    order = list(classes) if field in ("label", "prediction") else []
    order += [name for name, _ in cached.field_values(run_id, field, MAX_COLOURS)]
    places = {name: place for place, name in enumerate(dict.fromkeys(order))}
    wheel = colors.categories
    return tuple(
        wheel[places[name] % len(wheel)] if name in places else UNKNOWN for name in names
    ) or (UNKNOWN,)


def _bytes(pixels: NDArray[np.uint8]) -> bytes:
    return np.flipud(pixels).tobytes()


def _outlines(run_id: str, chosen: int) -> list[Outline]:
    """Draw the chosen aggressor with all its rings, of the first others only where they lie."""
    return [
        Outline(str(one.rank), (one.x, one.y), one.rings if one.rank == chosen else ())
        for one in cached.outlines(run_id)
        if one.rank <= MARKED or one.rank == chosen
    ]
