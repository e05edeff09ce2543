"""Records -> Vega-Lite specifications; no Streamlit here.

Plain dictionaries: Altair builds the same ones in 25 ms a chart, half of it validation, which the
tests do instead. Axes, fonts and grids follow Streamlit's theme; only colours that carry a meaning
are set here, from the palette of the theme.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aggressors_app.format import THIN
from aggressors_app.format import share as share_of

Spec = dict[str, Any]  # the border to Vega-Lite, which is JSON
SELECTION = "picked"


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours with a meaning, for one theme.

    `ink` text, `bad` high loss, `good` low loss, `ours` the product's own, `rest` what is compared
    with; `categories` for names, `ramp` for any number and `loss_ramp` for loss, from low to high.
    """

    ink: str
    bad: str
    good: str
    ours: str
    rest: str
    empty: str
    categories: tuple[str, ...]
    ramp: tuple[str, ...]
    loss_ramp: tuple[str, ...]


LIGHT = Palette(
    ink="#191a2c",
    bad="#d42c55",
    good="#0b8a5f",
    ours="#4f46e5",
    rest="#8b93a9",
    empty="#f2f3f9",
    categories=(
        "#4f46e5", "#ea6a12", "#0aa596", "#d42c55", "#b99a00",
        "#559b1f", "#a64fc4", "#8d6142", "#5f6f87", "#2f9fdd",
    ),
    ramp=("#d5d8fb", "#a3a6fd", "#6c65ee", "#4338bd", "#221d63"),
    loss_ramp=("#f7dcc4", "#f0a868", "#dd5a4f", "#a3174f", "#4b0c34"),
)  # fmt: skip
DARK = Palette(
    ink="#e8e9f3",
    bad="#f57a98",
    good="#56cfa0",
    ours="#8f8dfa",
    rest="#7f879e",
    empty="#1a1c27",
    categories=(
        "#8f8dfa", "#f8914a", "#3fd0bd", "#f57a98", "#e8d04c",
        "#92cf55", "#d08cf0", "#c49a7b", "#9fb0c6", "#66bff5",
    ),
    ramp=("#34317a", "#5751cd", "#8a88f6", "#b9b8fc", "#e6e7ff"),
    loss_ramp=("#4a2436", "#93304f", "#dd5a5f", "#f3a76f", "#fbe6b8"),
)  # fmt: skip


def palette(theme: str | None) -> Palette:
    """Colours of a theme, light unless it is called dark."""
    return DARK if theme == "dark" else LIGHT


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a breakdown: a category, or a range [`start`, `end`) of a number.

    `mean` is the mean loss with its interval, `n` the samples.
    """

    label: str
    n: int
    mean: float
    low: float | None = None
    high: float | None = None
    start: float | None = None
    end: float | None = None


def _values(rows: Sequence[Spec]) -> Spec:
    return {"values": list(rows)}


def _pick(*fields: str) -> list[Spec]:
    return [
        {"name": SELECTION, "select": {"type": "point", "fields": list(fields), "toggle": False}}
    ]


def loss_by_number(
    bins: Sequence[Bin], field: str, overall: float, colors: Palette, loss: str = "mean loss"
) -> Spec:
    """Mean loss with its interval over a number field, in groups of about the same size."""
    rows = [
        {
            "start": bin.start, "end": bin.end, "middle": ((bin.start or 0) + (bin.end or 0)) / 2,
            "n": bin.n, "mean": bin.mean, "low": bin.low, "high": bin.high, "range": bin.label,
        }
        for bin in bins
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
    return {
        "data": _values(rows),
        "height": 220,
        "layer": [
            {
                "mark": {"type": "area", "opacity": 0.18, "color": colors.bad},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "line", "color": colors.bad, "strokeWidth": 2},
                "encoding": {"x": x, "y": y},
            },
            {
                "mark": {"type": "rule", "color": colors.ink, "strokeDash": [3, 3], "opacity": 0.6},
                "encoding": {"y": {"datum": overall}},
            },
            {
                "params": _pick("start", "end"),
                "mark": dot,
                "encoding": {"x": x, "y": y, "tooltip": tooltip, "opacity": {"value": 1}},
            },
        ],
    }


def loss_by_category(
    bins: Sequence[Bin], field: str, overall: float, colors: Palette, loss: str = "mean loss"
) -> Spec:
    """Mean loss with its interval for each category, worst first."""
    rows = [
        {"label": bin.label, "n": bin.n, "mean": bin.mean, "low": bin.low, "high": bin.high}
        for bin in bins
    ]
    y: Spec = {
        "field": "label", "type": "nominal", "sort": None, "title": None,
        "axis": {"labelLimit": 150, "ticks": False, "domain": False},
    }  # fmt: skip
    x: Spec = {"field": "mean", "type": "quantitative", "title": loss, "axis": {"tickCount": 6}}
    tooltip = [
        {"field": "label", "title": field},
        {"field": "mean", "title": loss, "format": ".3f"},
        {"field": "n", "title": "samples", "format": ","},
    ]
    bar = {"type": "bar", "color": colors.bad, "opacity": 0.8, "height": 12, "cursor": "pointer"}
    return {
        "data": _values(rows),
        "height": {"step": 24},
        "layer": [
            {
                "params": _pick("label"),
                "mark": bar,
                "encoding": {"y": y, "x": x, "tooltip": tooltip},
            },
            {
                "mark": {"type": "rule", "color": colors.ink, "strokeWidth": 1.4},
                "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "rule", "color": colors.ink, "strokeDash": [3, 3], "opacity": 0.6},
                "encoding": {"x": {"datum": overall}},
            },
        ],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """Shares of one group over the bins of a field; `shares` adds up to 1."""

    name: str
    shares: tuple[float, ...]


def compare_shares(
    labels: Sequence[str],
    groups: Sequence[Series],
    field: str,
    colors: Palette,
    *,
    edges: Sequence[float] | None = None,
    pair: tuple[str, str] | None = None,
) -> Spec:
    """How a field is distributed in two groups: steps for a number, paired bars for categories.

    Parameters
    ----------
    edges : bounds of a number's bins, one more than there are labels.
    pair : colours of the two groups; bad against rest where None.
    """
    names = [group.name for group in groups]
    rows = [
        {
            "group": group.name, "label": label, "share": part, "shown": share_of(part),
            "start": edges[i] if edges else None, "end": edges[i + 1] if edges else None,
        }
        for group in groups
        for i, (label, part) in enumerate(zip(labels, group.shares, strict=True))
    ]  # fmt: skip
    parts: Spec = {
        "field": "share", "type": "quantitative", "title": "share of the group",
        "axis": {"labelExpr": f"format(100 * datum.value, '.0f') + '{THIN}%'", "tickCount": 4},
    }  # fmt: skip
    shown = {
        "color": {
            "field": "group", "type": "nominal", "title": None,
            "scale": {"domain": names, "range": list(pair or (colors.bad, colors.rest))},
            "legend": {"orient": "top", "offset": 4},
        },
        "tooltip": [
            {"field": "group", "title": "group"},
            {"field": "label", "title": field},
            {"field": "shown", "title": "share"},
        ],
    }  # fmt: skip
    drawn = _paired_bars(parts, names) if edges is None else _steps(parts, field)
    return {"data": _values(rows), **drawn, "encoding": {**drawn["encoding"], **shown}}


def _steps(share: Spec, field: str) -> Spec:
    """Draw the groups over each other, on the bins of a number."""
    x: Spec = {
        "field": "start", "type": "quantitative", "title": field,
        "bin": {"binned": True}, "scale": {"zero": False},
    }  # fmt: skip
    return {
        "height": 200,
        "params": _pick("start", "end"),
        "mark": {"type": "bar", "opacity": 0.55, "cursor": "pointer"},
        "encoding": {"x": x, "x2": {"field": "end"}, "y": {**share, "stack": None}},
    }


def _paired_bars(share: Spec, names: Sequence[str]) -> Spec:
    """Draw the groups beside each other, in each category."""
    axis = {"labelLimit": 150, "ticks": False, "domain": False}
    return {
        "height": {"step": 30, "for": "position"},
        "params": _pick("label"),
        "mark": {"type": "bar", "cursor": "pointer"},
        "encoding": {
            "y": {"field": "label", "type": "nominal", "sort": None, "title": None, "axis": axis},
            "yOffset": {"field": "group", "sort": names},
            "x": share,
        },
    }


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
        "data": _values(rows),
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
