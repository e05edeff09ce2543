"""How the change between two runs looks in a row: a bar from no change, and both means."""

from __future__ import annotations

from aggressors_app.components.listing import Cell, Color, Meter, Number, Text
from aggressors_app.format import MISSING, interval, number, signed


def tone(low: float | None, high: float | None) -> Color:
    """Colour of a change: red where it is surely worse, green where surely better."""
    if low is not None and low > 0:
        return "red"
    return "green" if high is not None and high < 0 else "gray"


def change_meter(
    difference: float | None, low: float | None, high: float | None, top: float
) -> Cell:
    """Draw a change on [-`top`, `top`]; to the right is worse."""
    if difference is None:
        return Number(MISSING)
    return Meter(
        difference,
        signed(difference),
        low,
        high,
        min=-top,
        max=top,
        sub=interval(low, high),
        color=tone(low, high),
    )


def means(reference: float | None, value: float | None) -> Cell:
    """Both means, the other run's first."""
    if value is None or reference is None:
        return Number(MISSING)
    return Text("", sub=f"{number(reference)} → {number(value)}")
