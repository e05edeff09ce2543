"""Linked maps over the same positions: pan, zoom, box and lasso."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aggressors_app.components.mount import event, register

_mount = register("map")

Box = tuple[float, float, float, float]  # x0, x1, y0, y1 in map units
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One map.

    Parameters
    ----------
    title : what colours it.
    pixels : height x width bytes, row by row from the top; 0 = empty bin.
    colors : hex colours: one a category, or the stops of a ramp.
    categories : names of the bytes 1, 2, …; None for a number.
    range : what the bytes 1 and 255 stand for.
    low, high : the same as text, at the ends of the ramp.
    """

    title: str
    pixels: bytes
    colors: tuple[str, ...]
    categories: tuple[str, ...] | None = None
    range: tuple[float, float] = (0.0, 1.0)
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    """Where an aggressor lies: a mark at its middle, and closed lines around its members."""

    name: str
    middle: tuple[float, float]
    rings: tuple[Points, ...] = ()


def pack(
    layers: Sequence[Layer],
    *,
    size: tuple[int, int],
    run: str,
    view: Box,
    bins: Box,
    home: Box,
    outlines: Sequence[Outline] = (),
    region: Points | None = None,
    height: int = 380,
) -> bytes:
    """Lay out what the component draws: length of the header (4 bytes), header, then pixels."""
    header = {
        "run": run,
        "size": size,
        "view": view,
        "bins": bins,
        "home": home,
        "height": height,
        "region": region,
        "outlines": [
            {"name": line.name, "middle": line.middle, "rings": line.rings} for line in outlines
        ],
        "layers": [
            {
                "title": layer.title,
                "colors": layer.colors,
                "categories": layer.categories,
                "range": layer.range,
                "low": layer.low,
                "high": layer.high,
            }
            for layer in layers
        ],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    return len(text).to_bytes(4, "little") + text + b"".join(layer.pixels for layer in layers)


def linked_map(
    key: str,
    packed: bytes,
    *,
    on_view: Callable[[Box], None],
    on_region: Callable[[Points], None],
) -> None:
    """Show the maps in `packed`; `on_region` gets no points when the region is cleared."""

    def view() -> None:
        value = event(key, "view")
        if isinstance(value, list) and len(value) == 4:
            x0, x1, y0, y1 = (float(number) for number in value)
            on_view((x0, x1, y0, y1))

    def region() -> None:
        value = event(key, "region")
        if isinstance(value, list):
            on_region(tuple((float(point[0]), float(point[1])) for point in value))

    _mount(key=key, data=packed, on_view_change=view, on_region_change=region)
