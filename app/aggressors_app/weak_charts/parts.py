"""What grids and trees of weak places have in common: a click, and what the colours mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aggressors_app.charts import SELECTION, Spec
from aggressors_app.charts.colors import blend

LEGEND = {  # one line above the chart, at its left
    "orient": "top", "direction": "horizontal", "titleOrient": "left", "titlePadding": 8,
    "titleFontWeight": "normal", "titleLimit": 200, "offset": 6,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shades:
    """Colours of the known values, from the least to the greatest."""

    low: float
    high: float
    ramp: tuple[str, ...]

    @classmethod
    def over(
        cls, values: Sequence[float | None], ramp: tuple[str, ...], apart: float = 0.0
    ) -> Shades:
        """Lay a ramp from the least to the greatest of the values that are known.

        Parameters
        ----------
        apart : how far its ends lie from each other at least, so that values which are nearly
            alike look alike, and none of them bad.
        """
        known = [value for value in values if value is not None]
        low = min(known, default=0.0)
        return cls(low, max([low + apart, *known]) if known else low, ramp)

    def of(self, value: float) -> str:
        """Colour of a value."""
        return blend((value - self.low) / ((self.high - self.low) or 1.0), self.ramp)

    def encoding(self, field: str, title: str, unknown: Spec, **labels: str) -> Spec:
        """Colour marks by a field, with a legend where there is more than one colour.

        Parameters
        ----------
        unknown : which marks have a colour of their own, and which.
        labels : how the legend writes a value.
        """
        apart = (self.high - self.low) or 1.0
        stops = [self.low + apart * at / (len(self.ramp) - 1) for at in range(len(self.ramp))]
        legend = {
            **LEGEND,
            "title": title,
            "gradientLength": 110,
            "tickCount": 2,
            "gradientOpacity": 1,
            "gradientThickness": 10,
            **labels,
        }
        return {
            "condition": unknown,
            "field": field, "type": "quantitative",
            "scale": {"domain": stops, "range": list(self.ramp), "nice": False},
            "legend": legend if self.high > self.low else None,
        }  # fmt: skip


# The ink of a row is its own colour, not one of a scale, which would be merged with that of marks.
INK = {"expr": "datum.ink"}


def pick(place: Spec, told: Sequence[Spec]) -> Spec:
    """Lie on top of all marks, so that a click is on one of them wherever it hits."""
    return {
        "params": [
            {"name": SELECTION, "select": {"type": "point", "fields": ["at"], "toggle": False}}
        ],
        "mark": {"type": "rect", "fill": "transparent", "cursor": "pointer"},
        "encoding": {**place, "tooltip": list(told), "opacity": {"value": 1}},
    }
