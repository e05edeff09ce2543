"""Linked maps over the same positions: pan, zoom, box and lasso; single samples where few are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggressors_app.components.mount import event, register

_mount = register("map", "map_read", "map_draw")

Box = tuple[float, float, float, float]  # x0, x1, y0, y1 in map units
Corners = tuple[tuple[float, float], ...]
Options = Sequence[tuple[str, Sequence[tuple[str, str]]]]  # groups of names and titles


@dataclass(frozen=True, slots=True)
class Layer:
    """One map.

    Parameters
    ----------
    name, title : what colours it, for the program and for people.
    pixels : height x width bytes, row by row from the top; 0 = empty bin.
    colors : hex colours: one a category, or the stops of a ramp.
    categories : names of the bytes 1, 2, …; None for a number.
    range : what the bytes 1 and 254 stand for; `log` where the steps between are equal ratios.
    low, high : the same as text, at the ends of the ramp.
    unit : of a number, after its values.
    note : what the colours stand for, in the legend.
    told : the map in a sentence, for those who cannot see it.
    picked : categories that the filter is limited to; None where a click cannot limit it.
    """

    name: str
    title: str
    pixels: bytes
    colors: tuple[str, ...]
    categories: tuple[str, ...] | None = None
    range: tuple[float, float] = (0.0, 1.0)
    low: str = ""
    high: str = ""
    log: bool = False
    unit: str = ""
    note: str = ""
    told: str = ""
    picked: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """Where an aggressor lies: a mark at its middle, and closed lines around its members."""

    name: str
    title: str
    middle: tuple[float, float]
    rings: tuple[Corners, ...] = ()


@dataclass(frozen=True, slots=True)
class Dots:
    """Single samples, those to be seen first in front.

    Parameters
    ----------
    x, y : places.
    ids : sample ids.
    told : what stands beside the cursor, a few lines each.
    codes : bytes for the colours of each layer; `values` the same as text.
    pictures : data URIs by position.
    """

    x: Sequence[float]
    y: Sequence[float]
    ids: Sequence[str]
    told: Sequence[Sequence[str]]
    codes: Sequence[Sequence[int]]
    values: Sequence[Sequence[str]]
    pictures: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """What all maps share.

    Parameters
    ----------
    run : another one makes the view start anew.
    size : columns and rows of the bins.
    view, bins, home : what is shown, what the bins cover, and everything.
    scope : how many samples are in view, in words.
    region : corners of the region in the filter.
    chosen : place of the chosen sample.
    dots : single samples, in place of the bins.
    options : what a map can be coloured by.
    height : of a map, in pixels.
    """

    run: str
    size: tuple[int, int]
    view: Box
    bins: Box
    home: Box
    scope: str = ""
    outlines: Sequence[Outline] = ()
    region: Corners | None = None
    chosen: tuple[float, float] | None = None
    dots: Dots | None = None
    options: Options = ()
    height: int = 380


def pack(layers: Sequence[Layer], counts: NDArray[np.integer[Any]], scene: Scene) -> bytes:
    """Lay out what the component draws: length of the header (4 bytes), header, pixels, counts.

    Counts, (rows, columns) from the top, take as many bytes as the largest needs.
    """
    width = np.min_scalar_type(int(counts.max(initial=0))).itemsize
    narrow = counts.astype(f"<u{width}")
    header = {
        **asdict(scene),
        "counted": width,
        "layers": [
            {name: value for name, value in asdict(layer).items() if name != "pixels"}
            for layer in layers
        ],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    drawn = b"".join(layer.pixels for layer in layers)
    return len(text).to_bytes(4, "little") + text + drawn + narrow.tobytes()


def linked_map(
    key: str,
    packed: bytes,
    *,
    on_view: Callable[[Box | None], None],
    on_region: Callable[[Corners], None],
    on_color: Callable[[int, str], None],
    on_pick: Callable[[str, str], None],
    on_choose: Callable[[str], None],
    on_maps: Callable[[int], None],
) -> None:
    """Show the maps in `packed`.

    Parameters
    ----------
    on_view : another part is shown; None for everything.
    on_region : corners of a region; none when it is cleared.
    on_color : number of the map, and the name of what is to colour it.
    on_pick : name of the layer, and the category that was clicked.
    on_choose : id of the sample that was clicked.
    on_maps : how many maps are to be shown.
    """

    def view() -> None:
        value = event(key, "view")
        if value == "home":
            on_view(None)
        elif isinstance(value, list) and len(value) == 4:
            x0, x1, y0, y1 = (float(number) for number in value)
            on_view((x0, x1, y0, y1))

    def region() -> None:
        value = event(key, "region")
        if isinstance(value, list):
            on_region(tuple((float(point[0]), float(point[1])) for point in value))

    def pair(name: str, act: Callable[[Any, str], None], kind: type) -> Callable[[], None]:
        def run() -> None:
            value = event(key, name)
            if isinstance(value, list) and len(value) == 2:
                act(kind(value[0]), str(value[1]))

        return run

    def choose() -> None:
        value = event(key, "chosen")
        if isinstance(value, str):
            on_choose(value)

    def maps() -> None:
        value = event(key, "maps")
        if value in (1, 2):
            on_maps(int(value))

    _mount(
        key=key,
        data=packed,
        on_view_change=view,
        on_region_change=region,
        on_color_change=pair("color", on_color, int),
        on_pick_change=pair("pick", on_pick, str),
        on_chosen_change=choose,
        on_maps_change=maps,
    )
