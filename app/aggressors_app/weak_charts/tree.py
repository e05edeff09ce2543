"""An error tree from left to right: the colour of a box is its rate, and it spans its leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aggressors_app.charts import Palette, Spec
from aggressors_app.charts.colors import ink_on
from aggressors_app.charts.parts import PERCENT
from aggressors_app.weak_charts.parts import INK, Shades, pick

LEAF, HEAD = 74, 44  # pixels of a leaf, and of the legend, which the height includes
_GAP = 0.012  # between boxes, in columns


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


def tree(boxes: Sequence[TreeBox], depth: int, colors: Palette, names: tuple[str, str]) -> Spec:
    """Draw a tree.

    Parameters
    ----------
    depth : most questions; one column each, and one for the root.
    names : what the rate and the share are called.
    """
    leaves = max((box.bottom for box in boxes), default=1)
    shades = Shades.over([box.rate for box in boxes], colors.loss_ramp)
    x, y = _free("x", [0, depth + 1]), _free("y", [0, leaves], reverse=True)
    span = {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"}}
    unknown = {"test": "datum.rate === null", "value": colors.empty}
    return {
        "data": {"values": [_row(at, box, shades, colors) for at, box in enumerate(boxes)]},
        "height": LEAF * leaves + HEAD * (shades.high > shades.low),
        "config": {"view": {"stroke": None}},
        "layer": [
            {
                "mark": {"type": "rect", "cornerRadius": 4, "invalid": "show"},
                "encoding": {
                    **span, "color": shades.encoding("rate", names[0], unknown, labelExpr=PERCENT),
                },
            },
            _line(x, y, "track", 0.25),
            _line(x, y, "bar2", 0.9),
            _words(x, y, "title", -16, depth, bold=True),
            _words(x, y, "second", 0, depth),
            _words(x, y, "third", 16, depth),
            pick(span, _told(names)),
        ],
    }  # fmt: skip


def _row(at: int, box: TreeBox, shades: Shades, colors: Palette) -> Spec:
    start, wide = box.depth + _GAP, 1 - 3 * _GAP
    return {
        "at": at, "rate": box.rate, "x": box.depth, "x2": box.depth + 1 - _GAP,
        "y": box.top + 0.02, "y2": box.bottom - 0.02, "middle": (box.top + box.bottom) / 2,
        "bar": start, "track": start + wide, "bar2": start + wide * (box.share or 0.0),
        "foot": box.bottom - 0.1,
        "ink": colors.ink if box.rate is None else ink_on(shades.of(box.rate)),
        "title": box.title, "second": box.second, "third": box.third, "where": box.where,
    }  # fmt: skip


def _told(names: tuple[str, str]) -> list[Spec]:
    return [
        {"field": "where", "title": "where"},
        {"field": "second", "title": names[0]},
        {"field": "third", "title": names[1]},
    ]


def _free(name: str, domain: Sequence[float], *, reverse: bool = False) -> Spec:
    scale = {"domain": list(domain), "nice": False, "zero": False, "reverse": reverse}
    return {"field": name, "type": "quantitative", "scale": scale, "axis": None}


def _line(x: Spec, y: Spec, end: str, opacity: float) -> Spec:
    """Draw the share of all failures along the foot of each box."""
    return {
        "mark": {
            "type": "rule", "color": INK, "strokeWidth": 3, "opacity": opacity,
            "strokeCap": "round",
        },
        "encoding": {
            "x": {**x, "field": "bar"}, "x2": {"field": end}, "y": {**y, "field": "foot"},
        },
    }  # fmt: skip


def _words(x: Spec, y: Spec, field: str, dy: int, depth: int, *, bold: bool = False) -> Spec:
    """Write one line in the middle of each box, cut where the box ends."""
    mark = {
        "type": "text", "align": "left", "dx": 10, "dy": dy - 5, "baseline": "middle",
        "fontSize": 12.5 if bold else 11.5, "fontWeight": 600 if bold else 400, "color": INK,
        "limit": {"expr": f"width / {depth + 1} - 24"},
    }  # fmt: skip
    return {
        "mark": mark,
        "encoding": {
            "x": x, "y": {**y, "field": "middle"}, "text": {"field": field},
        },
    }  # fmt: skip
