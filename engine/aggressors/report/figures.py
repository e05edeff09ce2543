"""How the figures of a report are written."""

from __future__ import annotations

from aggressors.words import number, percent, typeset


def quantity(value: float | None) -> str:
    """Write a number as sentences do, with a real minus."""
    return number(value).replace("-", "−")


def signed(value: float | None) -> str:
    """Write a quantity that always carries its sign."""
    text = quantity(value)
    return f"+{text}" if value is not None and value > 0 else text


def span(low: float | None, high: float | None) -> str:
    """Write both bounds of an interval; '' where there is none."""
    return "" if low is None or high is None else f"{quantity(low)} to {quantity(high)}"


def share(value: float, digits: int = 1) -> str:
    """Write a share as percent, on one line."""
    return typeset(percent(value, digits)).replace("-", "−")


def share_span(low: float | None, high: float | None) -> str:
    """Write an interval of a share: 5.1 to 11.2 %; '' where there is none."""
    if low is None or high is None:
        return ""
    return f"{100 * low:.1f} to {share(high)}".replace("-", "−")
