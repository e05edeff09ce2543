"""How sure the model is against how often it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aggressors_app.charts.colors import Palette
from aggressors_app.charts.parts import MARK, PERCENT, Spec, counts_strip, pick, values
from aggressors_app.format import interval, share


@dataclass(frozen=True, slots=True)
class Reliability:
    """One bin of confidences [`start`, `end`): its mean, the accuracy with interval, `n`."""

    start: float
    end: float
    n: int
    confidence: float
    accuracy: float
    low: float
    high: float


def reliability(bins: Sequence[Reliability], colors: Palette) -> Spec:
    """Accuracy over confidence; what lies below the diagonal is surer than it is right."""
    least = min(min(bin.start, bin.low) for bin in bins)
    domain = [max(0.0, (least * 20 // 1) / 20), 1]
    rows = [
        {
            "start": bin.start, "end": bin.end, "confidence": bin.confidence, "n": bin.n,
            "accuracy": bin.accuracy, "low": bin.low, "high": bin.high, MARK: place,
            "range": interval(bin.start, bin.end, percent=True), "sure": share(bin.confidence),
            "right": f"{share(bin.accuracy)} ({interval(bin.low, bin.high, percent=True)})",
        }
        for place, bin in enumerate(bins)
    ]  # fmt: skip
    axis: Spec = {"labelExpr": PERCENT, "tickCount": 6}
    x: Spec = {
        "field": "confidence", "type": "quantitative", "title": "confidence",
        "scale": {"domain": domain, "nice": False}, "axis": {**axis, "grid": False},
    }  # fmt: skip
    y: Spec = {
        "field": "accuracy", "type": "quantitative", "title": "right",
        "scale": {"domain": domain, "nice": False}, "axis": axis,
    }  # fmt: skip
    tooltip = [
        {"field": "range", "title": "confidence"},
        {"field": "sure", "title": "on average"},
        {"field": "right", "title": "right"},
        {"field": "n", "title": "samples", "format": ","},
    ]
    ideal: Spec = {
        "data": {"values": [{"at": domain[0]}, {"at": 1}]},
        "mark": {"type": "line", "color": colors.ink, "strokeDash": [3, 3], "opacity": 0.6},
        "encoding": {"x": {**x, "field": "at"}, "y": {**y, "field": "at"}},
    }
    dots: Spec = {
        "params": pick(),
        "mark": {
            "type": "point", "filled": True, "size": 64, "color": colors.ours,
            "cursor": "pointer", "opacity": 1,
        },
        "encoding": {"x": x, "y": y, "tooltip": tooltip},
    }  # fmt: skip
    band = [
        ideal,
        {
            "mark": {"type": "rule", "color": colors.ours, "strokeWidth": 2, "opacity": 0.55},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "line", "color": colors.ours, "strokeWidth": 1.5},
            "encoding": {"x": x, "y": y},
        },
        dots,
    ]
    return {
        "data": values(rows),
        "height": 320,
        "layer": [counts_strip(rows, x, colors), {"layer": band}],
        "resolve": {"scale": {"y": "independent"}},
    }
