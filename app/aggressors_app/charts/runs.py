"""One value a run, over time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from aggressors_app.charts.colors import Palette
from aggressors_app.charts.parts import MARK, Spec, pick, values


@dataclass(frozen=True, slots=True)
class Point:
    """A value of one run, with its interval; `word` is what its colour says."""

    run: str
    value: float
    low: float | None
    high: float | None
    word: str = ""


MANY = 30  # runs, beyond which marks are drawn smaller, so that they stay apart
VERDICT_COLORS = {"pass": "good", "fail": "bad", "inconclusive": "rest", "missing": "rest"}


def over_runs(points: Sequence[Point], title: str, colors: Palette) -> Spec:
    """One value a run in the order of time, with intervals and verdicts."""
    rows = [
        {
            "run": point.run, "value": point.value, "low": point.low, "high": point.high,
            "word": point.word, "place": place, MARK: place,
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
    size, width = (90, 2) if len(points) <= MANY else (30, 1)
    return {
        "data": values(rows),
        "height": 190,
        "layer": [
            {
                "mark": {"type": "line", "color": colors.rest, "strokeWidth": 1.5},
                "encoding": {"x": x, "y": y},
            },
            {
                "mark": {"type": "rule", "strokeWidth": width},
                "encoding": {
                    "x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": color,
                },
            },
            {
                "params": pick(),
                "mark": {
                    "type": "point", "filled": True, "size": size, "opacity": 1,
                    "cursor": "pointer",
                },
                "encoding": {"x": x, "y": y, "color": color, "tooltip": tooltip},
            },
        ],
    }  # fmt: skip


def table_of_runs(points: Sequence[Point], title: str) -> pa.Table:
    """Give the same as a table, for the file of its data."""
    return pa.table(
        {
            "run": [point.run for point in points],
            title: [point.value for point in points],
            "low": pa.array([point.low for point in points], pa.float64()),
            "high": pa.array([point.high for point in points], pa.float64()),
            "verdict": [point.word for point in points],
        }
    )
