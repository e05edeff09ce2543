"""How a field is spread over two groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aggressors_app.charts.colors import Palette
from aggressors_app.charts.parts import MARK, PERCENT, Spec, pick, values
from aggressors_app.format import count
from aggressors_app.format import share as share_of


@dataclass(frozen=True, slots=True)
class Series:
    """One group over the bins of a field: `shares` add up to 1, of `counts` samples."""

    name: str
    shares: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def n(self) -> int:
        """Samples of the group that have a value."""
        return sum(self.counts)

    @property
    def legend(self) -> str:
        """Name of the group, and how many samples it shows."""
        return f"{self.name} ({count(self.n)})"


def compare_shares(
    labels: Sequence[str],
    groups: Sequence[Series],
    field: str,
    colors: Palette,
    *,
    bounds: Sequence[tuple[float, float]] | None = None,
    pair: tuple[str, str] | None = None,
) -> Spec:
    """How a field is distributed in two groups: steps for a number, paired bars for categories.

    The marks are numbered bin by bin, and in each bin by group.

    Parameters
    ----------
    bounds : of a number's bins; None for categories.
    pair : colours of the two groups; bad against rest where None.
    """
    names = [group.legend for group in groups]
    rows = [
        {
            "group": group.legend, "label": label, "share": group.shares[place],
            "shown": share_of(group.shares[place]), "n": group.counts[place],
            MARK: place * len(groups) + side,
            **({} if bounds is None else {"start": bounds[place][0], "end": bounds[place][1]}),
        }
        for side, group in enumerate(groups)
        for place, label in enumerate(labels)
    ]  # fmt: skip
    parts: Spec = {
        "field": "share", "type": "quantitative", "title": None,
        "axis": {"labelExpr": PERCENT, "tickCount": 4},
    }  # fmt: skip
    shown = {
        "color": {
            "field": "group", "type": "nominal", "title": None,
            "scale": {"domain": names, "range": list(pair or (colors.bad, colors.rest))},
            "legend": {"orient": "top", "offset": 4, "labelLimit": 260},
        },
        "tooltip": [
            {"field": "group", "title": "group"},
            {"field": "label", "title": field},
            {"field": "shown", "title": "share"},
            {"field": "n", "title": "samples", "format": ","},
        ],
    }  # fmt: skip
    drawn = _paired_bars(parts, names) if bounds is None else _steps(parts, field)
    return {"data": values(rows), **drawn, "encoding": {**drawn["encoding"], **shown}}


def _steps(share: Spec, field: str) -> Spec:
    """Draw the groups over each other, on the bins of a number."""
    x: Spec = {
        "field": "start", "type": "quantitative", "title": field,
        "bin": {"binned": True}, "scale": {"zero": False},
    }  # fmt: skip
    return {
        "height": 260,
        "params": pick(),
        "mark": {"type": "bar", "opacity": 0.55, "cursor": "pointer"},
        "encoding": {"x": x, "x2": {"field": "end"}, "y": {**share, "stack": None}},
    }


def _paired_bars(share: Spec, names: Sequence[str]) -> Spec:
    """Draw the groups beside each other, in each category."""
    axis = {"labelLimit": 150, "ticks": False, "domain": False}
    return {
        "height": {"step": 30, "for": "position"},
        "params": pick(),
        "mark": {"type": "bar", "cursor": "pointer"},
        "encoding": {
            "y": {"field": "label", "type": "nominal", "sort": None, "title": None, "axis": axis},
            "yOffset": {"field": "group", "sort": names},
            "x": share,
        },
    }
