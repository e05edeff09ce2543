"""How numbers, times and words look; the same on every page."""

from __future__ import annotations

import math
import re
from datetime import datetime

MISSING = "–"
# Where a break keeps Markdown from making a link of a web or mail address.
_ADDRESS = re.compile(r"(?<=://)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)

REASONS = {
    "central": "Typical",
    "worst": "Worst",
    "diverse": "Diverse",
    "counter": "Counter-examples",
}


def count(n: float) -> str:
    """Whole number with thousands separated."""
    return f"{round(n):,}"


def of(part: float, whole: float, what: str = "samples") -> str:
    """Part of a whole: "47 of 412 samples"; only the whole where it is all."""
    return f"{count(whole)} {what}" if part == whole else f"{count(part)} of {count(whole)} {what}"


def share(value: float | None, digits: int = 1) -> str:
    """Share as percent."""
    return MISSING if value is None or math.isnan(value) else f"{100 * value:.{digits}f} %"


def number(value: float | None, unit: str = "") -> str:
    """Quantity with about three significant digits."""
    if value is None or math.isnan(value):
        return MISSING
    value += 0.0  # no negative zero
    size = abs(value)
    if size and (size < 0.001 or size >= 1e7):
        text = f"{value:.2e}"
    elif size >= 1000:
        text = f"{value:,.0f}"
    elif size >= 100:
        text = f"{value:.0f}"
    elif size >= 10:
        text = f"{value:.1f}"
    else:
        text = f"{value:.2f}" if size >= 0.9995 or value == 0 else f"{value:.3f}"
    return (text + (f" {unit}" if unit and unit != "share" else "")).replace("-", "−", 1)


def short(value: float) -> str:
    """Quantity without trailing zeros, for chips and axes."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def signed(value: float | None) -> str:
    """Quantity that always carries its sign."""
    text = number(value)
    return text if value is None or value <= 0 or math.isnan(value) else f"+{text}"


def interval(low: float | None, high: float | None, *, percent: bool = False) -> str:
    """Both bounds of an interval; '' where there is none."""
    if low is None or high is None:
        return ""
    show = share if percent else number
    return f"{show(low)} {'to' if low < 0 else '–'} {show(high)}"


def when(iso: str) -> str:
    """Time in this machine's zone, to the minute."""
    return datetime.fromisoformat(iso).astimezone().strftime("%d %b %Y, %H:%M")


def plain(text: str) -> str:
    """Escape what Streamlit's Markdown would take for markup; for text that comes from data."""
    text = _ADDRESS.sub("\u2060", text)  # invisible, and no part of an address
    return "".join(f"\\{mark}" if mark in "\\`*_{}[]()#+-!|<>$:~&" else mark for mark in text)
