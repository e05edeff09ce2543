"""What the charts have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aggressors_app.charts.colors import Palette
from aggressors_app.format import THIN

Spec = dict[str, Any]  # the border to Vega-Lite, which is JSON
SELECTION = "picked"
MARK = "mark"  # the field that numbers the marks, which is all that a click reports
PERCENT = f"format(100 * datum.value, '.0f') + '{THIN}%'"
STRIP = 0.2  # of a chart's height that the counts at its foot take


def values(rows: Sequence[Spec]) -> Spec:
    """Put rows into the specification."""
    return {"values": list(rows)}


def pick() -> list[Spec]:
    """Let a click on a mark report its number."""
    return [{"name": SELECTION, "select": {"type": "point", "fields": [MARK], "toggle": False}}]


def reference(value: Spec, colors: Palette) -> Spec:
    """Draw a dashed line, such as at the mean of all; `value` says on which axis."""
    mark = {"type": "rule", "color": colors.ink, "strokeDash": [3, 3], "opacity": 0.6}
    return {"mark": mark, "encoding": value}


def counts_strip(rows: Sequence[Spec], x: Spec, colors: Palette) -> Spec:
    """Draw how many samples each bin holds, as faint areas at the foot of a chart.

    The layer needs a scale of its own: `"resolve": {"scale": {"y": "independent"}}`.
    """
    # Bins may differ in width and hold equally many, so that the height alone would say nothing.
    heights = [row["n"] / ((row["end"] - row["start"]) or 1) for row in rows]
    return {
        "data": values(
            [row | {"height": height} for row, height in zip(rows, heights, strict=True)]
        ),
        "mark": {"type": "rect", "color": colors.rest, "opacity": 0.35},
        "encoding": {
            "x": {**x, "field": "start"},
            "x2": {"field": "end"},
            "y": {
                "field": "height", "type": "quantitative", "axis": None,
                "scale": {"domain": [0, (max(heights, default=0) or 1) / STRIP]},
            },
            "y2": {"datum": 0},
            "tooltip": [
                {"field": "range", "title": x["title"]},
                {"field": "n", "title": "samples", "format": ","},
            ],
        },
    }  # fmt: skip
