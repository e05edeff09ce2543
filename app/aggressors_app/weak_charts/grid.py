"""A grid over one or two fields: the colour of a cell is its mean, and those of few are hatched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aggressors_app.charts import Palette, Spec
from aggressors_app.charts.colors import ink_on
from aggressors_app.weak_charts.parts import INK, LEGEND, Shades, pick

ROW = 38  # pixels
LONG = 9  # characters of a label from which on labels below the grid are turned
_HATCHES = ((0.0, 0.5, 0.5, 0.0), (0.0, 1.0, 1.0, 0.0), (0.5, 1.0, 1.0, 0.5))
_HATCHED = "M-1.6,-1H1.6V1H-1.6ZM-1.6,0L-0.6,-1M-1.2,1L0.6,-1M0,1L1.6,-0.7"  # in the legend


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


def grid(
    cells: Sequence[GridCell],
    columns: Sequence[str],
    rows: Sequence[str],
    fields: tuple[str, str],
    colors: Palette,
    names: tuple[str, str, str],
    few: str,
    apart: float = 0.0,
) -> Spec:
    """Draw cells of two fields, or of one where there are no rows.

    Parameters
    ----------
    columns, rows : labels of the parts, from left to right and from top to bottom.
    fields : titles of the axes.
    names : what the mean, the rate and the share are called.
    few : what the legend says of hatched cells.
    apart : how far means must lie apart to take all colours.
    """
    shades = Shades.over([cell.mean for cell in cells], colors.loss_ramp, apart)
    turned = max(map(len, columns), default=0) > LONG
    place = {"x": _band("x", columns, fields[0], turned=turned), "y": _band("y", rows, fields[1])}
    unknown = {"test": "datum.few", "value": colors.empty}
    hatched = _hatched(place, few, colors) if any(cell.mean is None for cell in cells) else []
    return {
        "data": {"values": [_row(at, cell, shades, colors) for at, cell in enumerate(cells)]},
        "height": {"step": ROW},
        "layer": [
            {
                "mark": {
                    "type": "rect", "stroke": colors.empty, "strokeWidth": 1.5, "invalid": "show",
                },
                "encoding": {**place, "color": shades.encoding("mean", names[0], unknown,
                                                               format=".3~g")},
            },
            *hatched,
            {
                "mark": {
                    "type": "text", "fontSize": 11.5, "color": INK, "limit": {"expr": "width"},
                },
                "encoding": {**place, "text": {"field": "text"}},
            },
            pick(place, _told(names)),
        ],
    }  # fmt: skip


def _row(at: int, cell: GridCell, shades: Shades, colors: Palette) -> Spec:
    return {
        "at": at, "x": cell.x, "y": cell.y, "mean": cell.mean, "few": cell.mean is None,
        "ink": colors.rest if cell.mean is None else ink_on(shades.of(cell.mean)),
        "text": cell.text, "where": cell.where, "n": cell.n, "value": cell.value,
        "error": cell.error, "part": cell.part,
    }  # fmt: skip


def _told(names: tuple[str, str, str]) -> list[Spec]:
    return [
        {"field": "where", "title": "where"},
        {"field": "n", "title": "samples"},
        {"field": "value", "title": names[0]},
        {"field": "error", "title": names[1]},
        {"field": "part", "title": names[2]},
    ]


def _band(name: str, labels: Sequence[str], title: str, *, turned: bool = False) -> Spec:
    """Places along one axis; two parts may have one label, so that the place tells them apart."""
    axis: Spec = {
        "labelExpr": f"{json.dumps(list(labels))}[datum.value]", "labelLimit": 130, "ticks": False,
        "domain": False, "labelAngle": -30 if turned else 0,
        # Otherwise the first and the last label leave the middle of their cell.
        "labelFlush": False, "labelOverlap": False,
    }  # fmt: skip
    return {
        "field": name, "type": "ordinal", "title": title or None, "sort": None,
        "scale": {"domain": list(range(len(labels)))}, "axis": axis if title else None,
    }  # fmt: skip


def _hatched(place: Spec, few: str, colors: Palette) -> list[Spec]:
    """Draw lines across the cells of few samples, and say in the legend what these mean."""
    only = {"transform": [{"filter": "datum.few"}]}
    named: Spec = {
        "transform": [*only["transform"], {"calculate": json.dumps(few), "as": "hatched"}],
        "mark": {"type": "point", "opacity": 0},
        "encoding": {
            **place,
            "shape": {
                "field": "hatched", "type": "nominal",
                "scale": {"domain": [few], "range": [_HATCHED]},
                "legend": {
                    **LEGEND, "title": None, "symbolSize": 170, "symbolOpacity": 1,
                    "symbolStrokeColor": colors.rest, "symbolStrokeWidth": 1,
                    "symbolFillColor": colors.empty, "labelLimit": 220, "labelOffset": 9,
                },
            },
        },
    }  # fmt: skip
    return [*(only | _stripe(place, stripe, colors) for stripe in _HATCHES), named]


def _stripe(place: Spec, stripe: tuple[float, float, float, float], colors: Palette) -> Spec:
    """Draw one line across each cell, from corner to corner of it in shares of its sides."""
    x0, y0, x1, y1 = stripe
    return {
        "mark": {"type": "rule", "color": colors.rest, "opacity": 0.35, "strokeWidth": 1},
        "encoding": {
            "x": {**place["x"], "bandPosition": x0},
            "x2": {"field": "x", "bandPosition": x1},
            "y": {**place["y"], "bandPosition": y0},
            "y2": {"field": "y", "bandPosition": y1},
        },
    }
