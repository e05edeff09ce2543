"""The report's one plot, as SVG by hand: recovered by kind and source, a dot for each method."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.discovery.figures import Figures
from bench.discovery.judge import Interval

WIDTH, LEFT, RIGHT, ROW, TOP = 760, 190, 24, 34, 64
OURS, PEERS, INK, GRID = "#b3261e", "#5b6b7b", "#202428", "#e3e6e9"
MARKS = "●■▲◆▼★○□△◇"


def draw(figures: Sequence[Figures]) -> str:
    """Draw one row for all slices, each kind, each source, and with and without a cause column."""
    rows = ["all slices", *figures[0].groups]
    legend_height = 22 * ((len(figures) + 1) // 2) + 18
    height = TOP + ROW * len(rows) + 34 + legend_height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="system-ui, sans-serif" font-size="13" '
        f'fill="{INK}" role="img" aria-label="Share of planted slices recovered, by method">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        _text(16, 24, "Planted slices that the first five groups hold", "bold"),
        _text(16, 43, "share recovered, with the 95 % interval of ours", "normal"),
        *_axis(len(rows)),
    ]
    for place, name in enumerate(rows):
        parts += _row(place, name, figures)
    parts += _legend(figures, TOP + ROW * len(rows) + 40)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axis(rows: int) -> list[str]:
    bottom = TOP + ROW * rows
    parts = []
    for tenth in range(0, 11, 2):
        x = _x(tenth / 10)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{bottom}" stroke="{GRID}"/>')
        parts.append(_text(x, bottom + 18, f"{tenth / 10:.1f}", "normal", "middle"))
    return parts


def _row(place: int, name: str, figures: Sequence[Figures]) -> list[str]:
    y = TOP + ROW * place + ROW / 2
    parts = [_text(LEFT - 12, y + 4, name, "bold" if place == 0 else "normal", "end")]
    for number, own in reversed(list(enumerate(figures))):
        value = _value(own, name)
        if value is None:
            continue
        if number == 0:
            low, high = _x(value.low), _x(value.high)
            parts.append(
                f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}" stroke="{OURS}" '
                'stroke-width="3" stroke-opacity="0.35"/>'
            )
        parts.append(_mark(_x(value.value), y, number))
    return parts


def _value(own: Figures, name: str) -> Interval | None:
    return own.recovered if name == "all slices" else own.groups.get(name)


def _legend(figures: Sequence[Figures], top: float) -> list[str]:
    parts = []
    for number, own in enumerate(figures):
        x, y = 24 + 370 * (number % 2), top + 22 * (number // 2)
        parts.append(_mark(x, y, number))
        label = f"{own.title} {own.recovered.value:.2f}"
        parts.append(_text(x + 14, y + 4, label, "bold" if number == 0 else "normal"))
    return parts


def _mark(x: float, y: float, number: int) -> str:
    colour, size = (OURS, 20) if number == 0 else (PEERS, 13)
    mark = MARKS[min(number, len(MARKS) - 1)]
    return (
        f'<text x="{x}" y="{y + size * 0.35:.1f}" font-size="{size}" fill="{colour}" '
        f'text-anchor="middle">{mark}</text>'
    )


def _text(x: float, y: float, text: str, weight: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x}" y="{y}" font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _x(share: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1)
