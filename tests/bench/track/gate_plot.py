"""The plot of the gate, as SVG: what is caught, by size of the regression, samples and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, TOP, LEFT, PANEL, HEIGHT, SPACE = 760, 78, 62, 200, 150, 34
INK, GRID = "#202428", "#e3e6e9"
COLOURS = {1: "#b3261e", 10: "#8a5a00", 50: "#2f5f8a"}
DASHES = {1: "", 10: "6 3", 50: "2 3"}
ROWS = {"error": "by error", "loss": "by loss"}


def draw(caught: Sequence[dict], margins: Mapping[str, float]) -> str:
    """Draw a panel for each signal and size of a test, with a line for each number of tests."""
    rows = [one for one in caught if one["margin"] == margins[one["signal"]]]
    sizes = sorted({one["n"] for one in rows})
    height = TOP + len(ROWS) * (HEIGHT + SPACE) + 52
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="system-ui, sans-serif" font-size="13" '
        f'fill="{INK}" role="img" aria-label="Share of regressions that fail their test">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        _text(16, 24, "Share of regressions that fail their test", "start", "bold"),
        _text(16, 43, "by the accuracy lost on its samples, and the number of tests in the check"),
    ]
    for down, (signal, name) in enumerate(ROWS.items()):
        for across, n in enumerate(sizes):
            x = LEFT + across * (PANEL + SPACE)
            y = TOP + down * (HEIGHT + SPACE)
            chosen = [one for one in rows if one["signal"] == signal and one["n"] == n]
            parts += _panel(chosen, x, y, f"{n:,} samples, {name}", labelled=across == 0)
    parts += _legend(height - 18)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(rows: Sequence[dict], x: float, y: float, title: str, *, labelled: bool) -> list[str]:
    parts = [_text(x, y - 6, title, "start", "bold")]
    for share in (0.0, 0.5, 1.0):
        at = y + HEIGHT * (1 - share)
        parts.append(f'<line x1="{x}" x2="{x + PANEL}" y1="{at}" y2="{at}" stroke="{GRID}"/>')
        if labelled:
            parts.append(_text(x - 8, at + 4, f"{100 * share:.0f} %", "end"))
    most = max(one["lost"] for one in rows)
    places = {one["lost"]: x + PANEL * one["lost"] / most for one in rows}
    parts += [
        _text(at, y + HEIGHT + 16, f"{lost:.2f}", "middle")
        for lost, at in places.items()
        if lost >= 0.1
    ]
    for tests, colour in COLOURS.items():
        line = sorted((one["lost"], one["caught"][0]) for one in rows if one["tests"] == tests)
        points = [(places[lost], y + HEIGHT * (1 - share)) for lost, share in line]
        drawn = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(
            f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{DASHES[tests]}"/>'
        )
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in points]
    return parts


def _legend(y: float) -> list[str]:
    parts = []
    for place, (tests, colour) in enumerate(COLOURS.items()):
        x = LEFT + 130 * place
        parts.append(
            f'<line x1="{x}" x2="{x + 28}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{DASHES[tests]}"/>'
        )
        parts.append(_text(x + 36, y, f"{tests} test{'' if tests == 1 else 's'}"))
    return parts


def _text(x: float, y: float, text: str, anchor: str = "start", weight: str = "normal") -> str:
    style = f'font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'
