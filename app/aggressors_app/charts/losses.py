"""Mean loss by the values of one field, with intervals and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aggressors_app.charts.colors import Palette
from aggressors_app.charts.parts import MARK, Spec, counts_strip, pick, reference, values


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a breakdown: a category, or a range [`start`, `end`) of a number.

    `mean` is the mean loss with its interval, `n` the samples; `few` of a category where these are
    too few to tell.
    """

    label: str
    n: int
    mean: float
    low: float | None = None
    high: float | None = None
    start: float | None = None
    end: float | None = None
    few: bool = False


def loss_by_number(
    bins: Sequence[Bin], field: str, overall: float, colors: Palette, loss: str = "mean loss"
) -> Spec:
    """Mean loss with its interval over a number field, and how many samples that rests on."""
    rows = [
        {
            "start": bin.start, "end": bin.end, "middle": ((bin.start or 0) + (bin.end or 0)) / 2,
            "n": bin.n, "mean": bin.mean, "low": bin.low, "high": bin.high, "range": bin.label,
            MARK: place,
        }
        for place, bin in enumerate(bins)
    ]  # fmt: skip
    x: Spec = {
        "field": "middle", "type": "quantitative", "title": field,
        "scale": {"zero": False, "nice": False}, "axis": {"tickCount": 7, "grid": False},
    }  # fmt: skip
    tooltip = [
        {"field": "range", "title": field},
        {"field": "mean", "title": loss, "format": ".3f"},
        {"field": "n", "title": "samples", "format": ","},
    ]
    y: Spec = {"field": "mean", "type": "quantitative", "title": loss, "scale": {"zero": True}}
    dot = {"type": "point", "filled": True, "size": 54, "color": colors.bad, "cursor": "pointer"}
    band = {
        "layer": [
            {
                "mark": {"type": "area", "opacity": 0.18, "color": colors.bad},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "line", "color": colors.bad, "strokeWidth": 2},
                "encoding": {"x": x, "y": y},
            },
            reference({"y": {"datum": overall, "type": "quantitative"}}, colors),
            {
                "params": pick(),
                "mark": dot,
                "encoding": {"x": x, "y": y, "tooltip": tooltip, "opacity": {"value": 1}},
            },
        ]
    }
    return {
        "data": values(rows),
        "height": 260,
        "layer": [counts_strip(rows, x, colors), band],
        "resolve": {"scale": {"y": "independent"}},
    }


def loss_by_category(
    bins: Sequence[Bin], field: str, overall: float, colors: Palette, loss: str = "mean loss"
) -> Spec:
    """Mean loss with its interval for each category in the order given, and its count."""
    rows = [
        {
            "label": bin.label, "n": bin.n, "mean": bin.mean, "low": bin.low, "high": bin.high,
            "few": bin.few, MARK: place,
        }
        for place, bin in enumerate(bins)
    ]  # fmt: skip
    y: Spec = {
        "field": "label", "type": "nominal", "sort": None, "title": None,
        "axis": {"labelLimit": 150, "ticks": False, "domain": False},
    }  # fmt: skip
    told = [bin for bin in bins if not bin.few] or bins  # a few samples stretch no axis
    ends = [abs(bin.mean if bin.high is None else bin.high) for bin in told]
    x: Spec = {
        "field": "mean", "type": "quantitative", "title": loss, "axis": {"tickCount": 6},
        # Room at the end for the counts.
        "scale": {"nice": False, "domainMax": 1.18 * max([*ends, abs(overall), 1e-9])},
    }  # fmt: skip
    tooltip = [
        {"field": "label", "title": field},
        {"field": "mean", "title": loss, "format": ".3f"},
        {"field": "n", "title": "samples", "format": ","},
    ]
    return {
        "data": values(rows),
        "height": {"step": 24},
        "layer": [
            *_bars(x, y, tooltip, colors),
            reference({"x": {"datum": overall, "type": "quantitative"}}, colors),
            _counts(y, colors),
        ],
    }


def _bars(x: Spec, y: Spec, tooltip: list[Spec], colors: Palette) -> list[Spec]:
    """Draw a bar a category, with its interval; pale where the samples are too few to tell."""
    bar = {"type": "bar", "color": colors.bad, "height": 12, "cursor": "pointer", "clip": True}
    pale = {"condition": {"test": "datum.few", "value": 0.25}, "value": 0.8}
    return [
        {
            "params": pick(), "mark": bar,
            "encoding": {"y": y, "x": x, "tooltip": tooltip, "opacity": pale},
        },
        {
            "mark": {"type": "rule", "color": colors.ink, "strokeWidth": 1.4, "clip": True},
            "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
        },
    ]  # fmt: skip


def _counts(y: Spec, colors: Palette) -> Spec:
    """Write how many samples each bar rests on, at the right edge."""
    text = {"type": "text", "align": "right", "color": colors.ink, "opacity": 0.6, "fontSize": 11}
    return {
        "mark": text,
        "encoding": {
            "y": y, "x": {"value": "width"},
            "text": {"field": "n", "type": "quantitative", "format": ","},
        },
    }  # fmt: skip
