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
    rows = [_row(place, one) for place, one in enumerate(bins)]
    least = min(min(one.start, one.low) for one in bins)
    domain = [max(0.0, (least * 20 // 1) / 20), 1.0]
    x, y = _axes(domain)
    return {
        "data": values(rows),
        "height": 320,
        "layer": [
            counts_strip(rows, x, colors),
            {"layer": [_ideal(domain, x, y, colors), *_course(x, y, colors)]},
        ],
        "resolve": {"scale": {"y": "independent"}},
    }


def _row(place: int, one: Reliability) -> Spec:
    """One bin as a row of the chart, with the words of its tooltip."""
    return {
        "start": one.start, "end": one.end, "confidence": one.confidence, "n": one.n,
        "accuracy": one.accuracy, "low": one.low, "high": one.high, MARK: place,
        "range": interval(one.start, one.end, percent=True), "sure": share(one.confidence),
        "right": f"{share(one.accuracy)} ({interval(one.low, one.high, percent=True)})",
    }  # fmt: skip


def _axes(domain: Sequence[float]) -> tuple[Spec, Spec]:
    """Confidence across and accuracy up, on one scale."""
    scale: Spec = {"domain": list(domain), "nice": False}
    axis: Spec = {"labelExpr": PERCENT, "tickCount": 6}
    x: Spec = {
        "field": "confidence", "type": "quantitative", "title": "confidence", "scale": scale,
        "axis": {**axis, "grid": False},
    }  # fmt: skip
    y: Spec = {
        "field": "accuracy", "type": "quantitative", "title": "right", "scale": scale,
        "axis": axis,
    }  # fmt: skip
    return x, y


def _ideal(domain: Sequence[float], x: Spec, y: Spec, colors: Palette) -> Spec:
    """Draw the diagonal, on which a perfectly calibrated model lies."""
    return {
        "data": values([{"at": end} for end in domain]),
        "mark": {"type": "line", "color": colors.ink, "strokeDash": [3, 3], "opacity": 0.6},
        "encoding": {"x": {**x, "field": "at"}, "y": {**y, "field": "at"}},
    }


def _course(x: Spec, y: Spec, colors: Palette) -> list[Spec]:
    """Draw the bins: an interval and a dot each, and a line through them."""
    dot = {
        "type": "point", "filled": True, "size": 64, "color": colors.ours, "cursor": "pointer",
        "opacity": 1,
    }  # fmt: skip
    tooltip = [
        {"field": "range", "title": "confidence"},
        {"field": "sure", "title": "on average"},
        {"field": "right", "title": "right"},
        {"field": "n", "title": "samples", "format": ","},
    ]
    return [
        {
            "mark": {"type": "rule", "color": colors.ours, "strokeWidth": 2, "opacity": 0.55},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "line", "color": colors.ours, "strokeWidth": 1.5},
            "encoding": {"x": x, "y": y},
        },
        {"params": pick(), "mark": dot, "encoding": {"x": x, "y": y, "tooltip": tooltip}},
    ]
