"""Grids and error trees -> Vega-Lite specifications; no Streamlit here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aggressors_app.charts import SELECTION, Palette, Spec

ROW, LEAF = 38, 74  # pixels of a row of the grid, and of a leaf of the tree
LONG = 9  # characters of a label from which on labels below the grid are turned
_HATCHES = ((0.0, 0.5, 0.5, 0.0), (0.0, 1.0, 1.0, 0.0), (0.5, 1.0, 1.0, 0.5))
_GAP = 0.012  # between boxes, in columns
_LIGHT_INK, _DARK_INK = "#ffffff", "#191a2c"


@dataclass(frozen=True, slots=True)
class GridCell:
    """One cell: its places, what is written in it, its mean and the rows of its tooltip.

    `mean` is None where too few samples tell; then the cell is hatched.
    """

    x: int
    y: int
    mean: float | None
    text: str
    where: str
    n: str
    value: str
    error: str
    part: str


@dataclass(frozen=True, slots=True)
class TreeBox:
    """One node: column, first and last row of its leaves, and what is written in it."""

    depth: int
    top: int
    bottom: int
    rate: float | None
    share: float | None
    title: str
    second: str
    third: str
    where: str


def blend(position: float, ramp: Sequence[str]) -> str:
    """Colour at a position in [0, 1] of a ramp of #rrggbb colours."""
    place = min(max(position, 0.0), 1.0) * (len(ramp) - 1)
    at = min(int(place), len(ramp) - 2)
    mixed = (
        round(a + (b - a) * (place - at))
        for a, b in zip(_rgb(ramp[at]), _rgb(ramp[at + 1]), strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def ink_on(color: str) -> str:
    """Dark or light ink, whichever stands out more on a colour.

    Source: relative luminance and contrast of WCAG 2.2.
    """
    light = _luminance(color)
    on_light = (light + 0.05) / (_luminance(_DARK_INK) + 0.05)
    return _DARK_INK if on_light >= 1.05 / (light + 0.05) else _LIGHT_INK


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in _rgb(color))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def grid(
    cells: Sequence[GridCell],
    columns: Sequence[str],
    rows: Sequence[str],
    fields: tuple[str, str],
    colors: Palette,
    names: tuple[str, str, str],
) -> Spec:
    """Draw cells of two fields, or of one where there are no rows.

    Parameters
    ----------
    columns, rows : labels of the parts, from left to right and from top to bottom.
    fields : titles of the axes.
    names : what the mean, the rate and the share are called.
    """
    means = [cell.mean for cell in cells if cell.mean is not None]
    low, wide = min(means, default=0.0), (max(means, default=0.0) - min(means, default=0.0)) or 1.0
    data = []
    for at, cell in enumerate(cells):
        fill = (
            colors.empty if cell.mean is None else blend((cell.mean - low) / wide, colors.loss_ramp)
        )
        ink = colors.rest if cell.mean is None else ink_on(fill)
        data.append(
            {
                "at": at, "x": cell.x, "y": cell.y, "fill": fill, "ink": ink, "text": cell.text,
                "few": cell.mean is None, "where": cell.where, "n": cell.n, "value": cell.value,
                "error": cell.error, "part": cell.part,
            }
        )  # fmt: skip
    x = _band("x", columns, fields[0], turned=max(map(len, columns), default=0) > LONG)
    y = _band("y", rows, fields[1])
    place = {"x": x, "y": y}
    hatch = {"transform": [{"filter": "datum.few"}]}
    told = [
        {"field": "where", "title": "where"},
        {"field": "n", "title": "samples"},
        {"field": "value", "title": names[0]},
        {"field": "error", "title": names[1]},
        {"field": "part", "title": names[2]},
    ]
    return {
        "data": {"values": data},
        "height": {"step": ROW},
        "layer": [
            {
                "mark": {"type": "rect", "stroke": colors.empty, "strokeWidth": 1.5},
                "encoding": {**place, "color": {"field": "fill", "type": "nominal", "scale": None}},
            },
            *({**hatch, **_stripe(x, y, stripe, colors)} for stripe in _HATCHES),
            {
                "mark": {"type": "text", "fontSize": 11.5, "limit": {"expr": "width"}},
                "encoding": {
                    **place,
                    "text": {"field": "text"},
                    "color": {"field": "ink", "type": "nominal", "scale": None},
                },
            },
            {
                # on top of all, so that a click is on a cell wherever it hits
                "params": _pick("at"),
                "mark": {"type": "rect", "fill": "transparent", "cursor": "pointer"},
                "encoding": {**place, "tooltip": told, "opacity": {"value": 1}},
            },
        ],
    }  # fmt: skip


def _pick(field: str) -> list[Spec]:
    return [{"name": SELECTION, "select": {"type": "point", "fields": [field], "toggle": False}}]


def _band(name: str, labels: Sequence[str], title: str, *, turned: bool = False) -> Spec:
    """Places along one axis; two parts may have one label, so that the place tells them apart."""
    axis: Spec | None = {
        "labelExpr": f"{json.dumps(list(labels))}[datum.value]", "labelLimit": 130, "ticks": False,
        "domain": False, "labelAngle": -30 if turned else 0,
    }  # fmt: skip
    return {
        "field": name, "type": "ordinal", "title": title or None, "sort": None,
        "scale": {"domain": list(range(len(labels)))}, "axis": axis if title else None,
    }  # fmt: skip


def _stripe(x: Spec, y: Spec, stripe: tuple[float, float, float, float], colors: Palette) -> Spec:
    """Draw one line across each cell, from corner to corner of it in shares of its sides."""
    x0, y0, x1, y1 = stripe
    return {
        "mark": {"type": "rule", "color": colors.rest, "opacity": 0.35, "strokeWidth": 1},
        "encoding": {
            "x": {**x, "bandPosition": x0},
            "x2": {"field": "x", "bandPosition": x1},
            "y": {**y, "bandPosition": y0},
            "y2": {"field": "y", "bandPosition": y1},
        },
    }


def tree(boxes: Sequence[TreeBox], depth: int, colors: Palette, names: tuple[str, str]) -> Spec:
    """Draw a tree from left to right; a box spans its leaves, and its colour is its rate.

    Parameters
    ----------
    depth : most questions; one column each, and one for the root.
    names : what the rate and the share are called.
    """
    leaves = max((box.bottom for box in boxes), default=1)
    worst = max((box.rate or 0.0 for box in boxes), default=0.0) or 1.0
    least = min((box.rate or 0.0 for box in boxes), default=0.0)
    data = []
    for at, box in enumerate(boxes):
        place = ((box.rate or 0.0) - least) / ((worst - least) or 1.0)
        fill = colors.empty if box.rate is None else blend(place, colors.loss_ramp)
        start, wide = box.depth + _GAP, 1 - 3 * _GAP
        data.append(
            {
                "at": at, "x": box.depth, "x2": box.depth + 1 - _GAP, "y": box.top + 0.02,
                "y2": box.bottom - 0.02, "middle": (box.top + box.bottom) / 2,
                "bar": start, "track": start + wide, "bar2": start + wide * (box.share or 0.0),
                "foot": box.bottom - 0.1, "fill": fill,
                "ink": colors.ink if box.rate is None else ink_on(fill),
                "title": box.title, "second": box.second, "third": box.third, "where": box.where,
            }
        )  # fmt: skip
    x = _free("x", [0, depth + 1])
    y = _free("y", [0, leaves], reverse=True)
    ink = {"field": "ink", "type": "nominal", "scale": None}
    return {
        "data": {"values": data},
        "height": LEAF * leaves,
        "config": {"view": {"stroke": None}},
        "layer": [
            {
                "mark": {"type": "rect", "cornerRadius": 4},
                "encoding": {
                    "x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"},
                    "color": {"field": "fill", "type": "nominal", "scale": None},
                },
            },
            _line(x, y, ink, "track", 0.25),
            _line(x, y, ink, "bar2", 0.9),
            _words(x, y, ink, "title", -16, depth, bold=True),
            _words(x, y, ink, "second", 0, depth),
            _words(x, y, ink, "third", 16, depth),
            {
                "params": _pick("at"),
                "mark": {"type": "rect", "fill": "transparent", "cursor": "pointer"},
                "encoding": {
                    "x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"},
                    "opacity": {"value": 1},
                    "tooltip": [
                        {"field": "where", "title": "where"},
                        {"field": "second", "title": names[0]},
                        {"field": "third", "title": names[1]},
                    ],
                },
            },
        ],
    }  # fmt: skip


def _free(name: str, domain: Sequence[float], *, reverse: bool = False) -> Spec:
    scale = {"domain": list(domain), "nice": False, "zero": False, "reverse": reverse}
    return {"field": name, "type": "quantitative", "scale": scale, "axis": None}


def _line(x: Spec, y: Spec, ink: Spec, end: str, opacity: float) -> Spec:
    """Draw the share of all failures along the foot of each box."""
    return {
        "mark": {"type": "rule", "strokeWidth": 3, "opacity": opacity, "strokeCap": "round"},
        "encoding": {
            "x": {**x, "field": "bar"}, "x2": {"field": end}, "y": {**y, "field": "foot"},
            "color": ink,
        },
    }  # fmt: skip


def _words(
    x: Spec, y: Spec, ink: Spec, field: str, dy: int, depth: int, *, bold: bool = False
) -> Spec:
    """Write one line in the middle of each box, cut where the box ends."""
    mark = {
        "type": "text", "align": "left", "dx": 10, "dy": dy - 5, "baseline": "middle",
        "fontSize": 12.5 if bold else 11.5, "fontWeight": 600 if bold else 400,
        "limit": {"expr": f"width / {depth + 1} - 24"},
    }  # fmt: skip
    return {
        "mark": mark,
        "encoding": {
            "x": x, "y": {**y, "field": "middle"}, "text": {"field": field}, "color": ink,
        },
    }  # fmt: skip
