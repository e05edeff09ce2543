"""How the change between two runs looks in a row: a bar from no change, and both means."""

from __future__ import annotations

from aggressors_app.components.listing import Cell, Color, Meter, Number
from aggressors_app.format import MISSING, number, signed

_FIXED = "\u00a0"  # a space that does not break


def tone(low: float | None, high: float | None) -> Color:
    """Colour of a change: red where it is surely worse, green where surely better."""
    if low is not None and low > 0:
        return "red"
    return "green" if high is not None and high < 0 else "gray"


def change_meter(
    difference: float | None, low: float | None, high: float | None, top: float
) -> Cell:
    """Draw a change with its interval on [-`top`, `top`]; to the right is worse."""
    if difference is None:
        return Number(MISSING)
    return Meter(
        difference,
        signed(difference),
        low,
        high,
        min=-top,
        max=top,
        color=tone(low, high),
    )


def means(reference: float | None, value: float | None) -> str:
    """Both means, the other run's first; '' where one is not known."""
    if value is None or reference is None:
        return ""
    return f"{number(reference)}{_FIXED}→{_FIXED}{number(value)}"


def notes(*parts: str) -> str:
    """Join what is known of a row."""
    return " · ".join(part for part in parts if part)
