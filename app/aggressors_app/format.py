"""How numbers, times and words look; the same on every page."""

from __future__ import annotations

import math
from datetime import datetime

from aggressors.words import THIN as THIN
from aggressors.words import titled as titled
from aggressors.words import typeset as typeset
from aggressors.words import unlinked

MISSING = "–"

REASONS = {
    "central": "Central",
    "worst": "Worst",
    "diverse": "Diverse",
    "counter": "Counter-examples",
}


def count(n: float) -> str:
    """Whole number with thousands separated."""
    return f"{round(n):,}"


def of(part: float, whole: float, what: str = "samples") -> str:
    """Part of a whole: "47 of 412 samples"; only the whole where it is all."""
    what = what.removesuffix("s") if whole == 1 else what
    return f"{count(whole)} {what}" if part == whole else f"{count(part)} of {count(whole)} {what}"


def in_filter(shown: float, total: float) -> str:
    """Say what a chart shows of the filter: "47 of 412 samples in the filter"."""
    return f"{of(shown, total)} in the filter"


def share(value: float | None, digits: int = 1) -> str:
    """Share as percent."""
    if value is None or math.isnan(value):
        return MISSING
    return _signed(f"{100 * value:.{digits}f}{THIN}%")


def number(value: float | None, unit: str = "") -> str:
    """Quantity with about three significant digits."""
    if value is None or math.isnan(value):
        return MISSING
    value += 0.0  # no negative zero
    size = abs(value)
    if size and (size < 1e-5 or size >= 1e7):
        text = f"{value:.1e}"
    elif size and size < 0.001:
        text = f"{value:.{2 - math.floor(math.log10(size))}f}".rstrip("0")
    elif size >= 1000:
        text = f"{value:,.0f}"
    elif size >= 100:
        text = f"{value:.0f}"
    elif size >= 10:
        text = f"{value:.1f}"
    else:
        text = f"{value:.2f}" if size >= 0.9995 or value == 0 else f"{value:.3f}"
    return _signed(text) + _unit(unit)


def exact(value: object, unit: str = "") -> str:
    """Value of one sample: numbers without trailing zeros, words as they are."""
    if value is None:
        return MISSING
    return short(value) + _unit(unit) if isinstance(value, float) else str(value)


def answer(value: object) -> str:
    """Label or prediction: a class as it is called, a number in three digits."""
    return number(value) if isinstance(value, float) else exact(value)


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _unit(unit: str) -> str:
    return f" {unit}" if unit and unit not in ("share", "1") else ""


def short(value: float) -> str:
    """Quantity without trailing zeros, for chips and axes."""
    return _signed(f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}")


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
    special = "\\`*_{}[]()#+-!|<>$:~&"
    return "".join(f"\\{mark}" if mark in special else mark for mark in unlinked(text))
