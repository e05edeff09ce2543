"""The map of all samples twice, each coloured by what one chooses; few samples one by one."""

from __future__ import annotations

import numpy as np
import streamlit as st

from aggressors.errors import AggressorsError
from aggressors.queries.grammar import format_filter, parse
from aggressors.queries.maps import View
from aggressors.queries.points import DENSITY, SIGNAL
from aggressors.stats.alignment import Similarity
from aggressors_app import cached, chips, placing, state
from aggressors_app.charts import palette
from aggressors_app.components import map_layers
from aggressors_app.components.linked_map import (
    Box,
    Corners,
    Dots,
    Layer,
    Outline,
    Scene,
    linked_map,
    pack,
)
from aggressors_app.components.states import nothing
from aggressors_app.components.takeaway import Legend, takeaway
from aggressors_app.format import of

CELLS = 200
CLOSEST, FARTHEST = 1e-6, 1 + 1e-6  # shares of the extent that may be in view
DOTS = 2_000  # samples in view, up to which each is drawn
MAP = "figure_map"
STALE = "explore_stale"
MARKED = 10  # aggressors whose rank stands on the map
HEIGHTS = {1: 560, 2: 380}


def colorable(run_id: str) -> list[str]:
    """Fields that samples can be told apart by, other than the loss."""
    return [
        name
        for name, entry in cached.field_list(run_id).items()
        if entry.kind in ("number", "category") and name != "loss"
    ]


@st.fragment
def explore_map() -> None:
    """Show one or two maps; zooming redraws them alone, a region joins the filter of every page."""
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
    by = cached.placed(view.run).by
    whole, shown = _whole(view.run), _shown(view)
    layers, dots, counts = _layers(view, whole, shown, by)
    total = cached.count(view.run, view.filter)
    region = chips.region(parse(view.filter))
    scene = Scene(
        run=view.run,
        size=(CELLS, CELLS),
        view=_box(shown),
        bins=_box(shown),
        home=_box(whole),
        scope=f"{of(int(counts.sum()), total)} in view",
        outlines=_outlines(view.run, view.aggressor or 1, by),
        region=None if region is None else placing.shown(region, by),
        chosen=_place_of(view, by),
        dots=dots,
        options=map_layers.options(view.run),
        height=HEIGHTS[len(layers)],
    )
    with st.container(key=MAP):
        linked_map(
            "explore_map",
            pack(layers, np.flipud(counts), scene),
            on_view=_moved,
            on_region=_drawn,
            on_color=_colored,
            on_pick=_picked,
            on_choose=_chosen,
            on_maps=lambda n: state.change(maps="1" if n == 1 else None),
        )
    _downloads(view, layers, shown, by, scene.scope)


def _downloads(
    view: state.View, layers: list[Layer], shown: View, by: Similarity, scope: str
) -> None:
    """Offer the cells of the first map as data, and what is painted as a picture."""
    name = layers[0].name
    with st.container(horizontal=True, horizontal_alignment="right"):
        takeaway(
            MAP,
            lambda: map_layers.cells(
                cached.map_bins(view.run, view.filter, name, shown, CELLS, by)
            ),
            stem=f"map by {layers[0].title}",
            title=f"Map by {' and by '.join(layer.title for layer in layers)} · {scope}",
            note=view.filter,
            formats=("png",),
            legends=[
                Legend(layer.colors, layer.categories, ramp=False)
                if layer.categories
                else Legend(layer.colors, (layer.low, layer.high), ramp=True)
                for layer in layers
            ],
        )


def _layers(
    view: state.View, whole: View, shown: View, by: Similarity
) -> tuple[list[Layer], Dots | None, np.ndarray]:
    """Read each map, and the samples one by one where few are in view."""
    run_id, filter = view.run, view.filter
    colors = palette(st.context.theme.type)
    names = _colors(view, whole, by)
    here = [cached.map_bins(run_id, filter, name, shown, CELLS, by) for name in names]
    there = [cached.map_bins(run_id, filter, name, whole, CELLS, by) for name in names]
    scales = [
        map_layers.scale(run_id, name, everywhere, bins, colors)
        for name, everywhere, bins in zip(names, there, here, strict=True)
    ]
    dots = None
    if here[0].count.sum() <= DOTS:
        found = cached.map_points(run_id, filter, tuple(names), shown, by)
        dots = map_layers.dots(run_id, found, scales, cached.signal(run_id))
    # What the filter leaves out stays as a shadow, so that one sees what a region is cut from.
    only = format_filter(chips.only_populations(parse(filter)))
    everyone = cached.map_bins(run_id, only, DENSITY, shown, CELLS, by).count > 0
    layers = [
        map_layers.layer(
            scale,
            bins,
            everyone,
            chips.values(parse(filter), scale.name),
            dotted=dots is not None,
        )
        for scale, bins in zip(scales, here, strict=True)
    ]
    return layers, dots, here[0].count


# --- What colours the maps ---


def _colors(view: state.View, whole: View, by: Similarity) -> list[str]:
    """Names of what colours each map: as the address says, else label and the signal."""
    offered = tuple(name for _, group in map_layers.options(view.run) for name, _ in group)
    first = view.get("color", "", offered) or _first(view, whole, by, offered)
    if view.number("maps", 2, 1, 2) == 1:
        return [first]
    return [first, view.get("color2", "", offered) or _second(view, whole, by, offered)]


def _first(view: state.View, whole: View, by: Similarity, offered: tuple[str, ...]) -> str:
    """Colour by label, or by the first field that has a value in the filter."""
    wanted = ("label", "prediction", *cached.prominent(view.run), *offered)
    return _with_values(view, whole, by, [name for name in wanted if name in offered])


def _second(view: state.View, whole: View, by: Similarity, offered: tuple[str, ...]) -> str:
    """Colour by what is bad inside an aggressor; where nothing is labeled, by confidence."""
    wanted = (SIGNAL, "loss", "confidence")
    return _with_values(view, whole, by, [name for name in wanted if name in offered])


def _with_values(view: state.View, whole: View, by: Similarity, names: list[str]) -> str:
    for name in names:
        bins = cached.map_bins(view.run, view.filter, name, whole, CELLS, by)
        if not bins.count.any() or not map_layers.is_blank(bins):
            return name
    return DENSITY


def _colored(place: int, name: str) -> None:
    if place == 0:
        state.change(color=name)
    else:
        state.change(color2=name)


# --- Where one looks ---


def _whole(run_id: str) -> View:
    return cached.whole(run_id, cached.placed(run_id))


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


def _moved(box: Box | None) -> None:
    state.change(view=None if box is None else ",".join(f"{value:.6g}" for value in box))


# --- What is drawn on it ---


def _drawn(points: Corners) -> None:
    """Limit the filter to a region; it holds the places of the run file, not those on screen."""
    view = state.read()
    corners = placing.stored(points, cached.placed(view.run).by)
    state.change(filter=format_filter(chips.with_region(parse(view.filter), corners)))
    st.session_state[STALE] = True


def _picked(field: str, value: str) -> None:
    """Limit the filter to a category of the legend, or lift that limit."""
    view = state.read()
    filter = parse(view.filter)
    known = cached.field_list(view.run).get(field)
    if known is None or known.kind != "category":
        return
    chosen = () if chips.values(filter, field) == (value,) else (value,)
    state.change(filter=format_filter(chips.with_values(filter, field, chosen)))
    st.session_state[STALE] = True


def _chosen(sample: str) -> None:
    state.change(sample=sample)
    st.session_state[STALE] = True


def _place_of(view: state.View, by: Similarity) -> tuple[float, float] | None:
    """Where the chosen sample lies."""
    if not (chosen := view.get("sample", "")):
        return None
    try:
        found = cached.sample(view.run, chosen)
    except AggressorsError:  # said beside the grid
        return None
    if found.map_x is None or found.map_y is None:
        return None
    return by.point(found.map_x, found.map_y)


def _outlines(run_id: str, chosen: int, by: Similarity) -> list[Outline]:
    """Draw the chosen aggressor with all its rings, of the first others only where they lie."""
    names = {one.rank: one.name for one in cached.aggressors(run_id)}
    return [
        Outline(
            str(one.rank),
            names.get(one.rank, ""),
            by.point(one.x, one.y),
            tuple(placing.shown(ring, by) for ring in one.rings) if one.rank == chosen else (),
        )
        for one in cached.outlines(run_id)
        if one.rank <= MARKED or one.rank == chosen
    ]
