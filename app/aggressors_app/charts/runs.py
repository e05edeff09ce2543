"""One value a run, over time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aggressors_app.charts.colors import Palette
from aggressors_app.charts.parts import Spec, values


@dataclass(frozen=True, slots=True)
class Point:
    """A value of one run, with its interval; `word` is what its colour says."""

    run: str
    value: float
    low: float | None
    high: float | None
    word: str = ""


VERDICT_COLORS = {"pass": "good", "fail": "bad", "inconclusive": "rest", "missing": "rest"}


def over_runs(points: Sequence[Point], title: str, colors: Palette) -> Spec:
    """One value a run in the order of time, with intervals and verdicts."""
    rows = [
        {
            "run": point.run, "value": point.value, "low": point.low, "high": point.high,
            "word": point.word, "place": place,
            "color": getattr(colors, VERDICT_COLORS.get(point.word, "ours")),
        }
        for place, point in enumerate(points)
    ]  # fmt: skip
    # Two runs may have one name, so the place tells them apart and the name is only its label.
    names = json.dumps([point.run for point in points])
    x: Spec = {
        "field": "place", "type": "ordinal", "title": None,
        "axis": {"labelAngle": 0, "labelLimit": 130, "labelExpr": f"{names}[datum.value]"},
    }  # fmt: skip
    y: Spec = {"field": "value", "type": "quantitative", "title": title, "scale": {"zero": True}}
    tooltip = [
        {"field": "run", "title": "run"},
        {"field": "value", "title": title, "format": ".3f"},
        {"field": "word", "title": "verdict"},
    ]
    color: Spec = {"field": "color", "type": "nominal", "scale": None}
    return {
        "data": values(rows),
        "height": 190,
        "layer": [
            {
                "mark": {"type": "line", "color": colors.rest, "strokeWidth": 1.5},
                "encoding": {"x": x, "y": y},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {
                    "x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": color,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {"x": x, "y": y, "color": color, "tooltip": tooltip},
            },
        ],
    }  # fmt: skip
