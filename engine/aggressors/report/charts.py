"""Small charts of a report as inline SVG: they follow the theme, and need nothing to be drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from aggressors.report.cards import Place, Spread
from aggressors.report.figures import quantity, share, signed, span
from aggressors.report.markup import Html, el
from aggressors.words import VERDICT_GLYPHS


def svg(width: float, height: float, label: str, *parts: Html | None, class_: str = "") -> Html:
    """Frame a chart; `label` says in words what it shows."""
    return el(
        "svg", *parts, viewBox=f"0 0 {width:g} {height:g}", width=width, height=height,
        class_=class_ or None, role="img", aria_label=label,
    )  # fmt: skip


def onto(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Map [low, high] onto [start, end]; what lies outside is drawn at its edge."""
    size = high - low

    def at(value: float) -> float:
        part = (value - low) / size if size > 0 else 0.5
        return start + min(1.0, max(0.0, part)) * (end - start)

    return at


# --- One value with its interval ---


def whisker(
    value: float, low: float | None, high: float | None, ends: tuple[float, float], *,
    tone: str = "bad", width: int = 150, label: str = "",
) -> Html:  # fmt: skip
    """Draw a bar from 0 to a value, and its interval over it, on the scale `ends`.

    Parameters
    ----------
    tone : bad, where a value above 0 is bad and one below is good; or ours.
    """
    tone = "good" if tone == "bad" and value < 0 else tone
    x = onto(*ends, 4, width - 4)
    zero, at = x(0.0), x(value)
    bar = el(
        "rect", class_=f"bar {tone}", x=min(zero, at), y=4, width=abs(at - zero), height=8, rx=1.5
    )
    line = el("line", class_="zero", x1=zero, x2=zero, y1=1, y2=15) if ends[0] < 0 else None
    text = label or f"{signed(value)}{f' ({span(low, high)})' if low is not None else ''}"
    return svg(width, 16, text, bar, line, *_interval(x, low, high, 8))


def _interval(
    x: Callable[[float], float], low: float | None, high: float | None, y: float
) -> tuple[Html, ...]:
    if low is None or high is None:
        return ()
    ends = [el("line", class_="ci", x1=x(one), x2=x(one), y1=y - 3, y2=y + 3)
            for one in (low, high)]  # fmt: skip
    return (el("line", class_="ci", x1=x(low), x2=x(high), y1=y, y2=y), *ends)


def scale_of(bounds: Sequence[float | None]) -> tuple[float, float]:
    """Choose the ends of a scale that holds 0 and all bounds."""
    known = [one for one in bounds if one is not None]
    return min(0.0, *known, 0.0), max(0.0, *known, 1e-9)


def place_scale(places: Sequence[Place]) -> tuple[float, float]:
    """Choose one scale for the gaps of an aggressor in all populations."""
    return scale_of([bound for one in places for bound in (one.gap, one.low, one.high)])


# --- How values are spread ---


def spread_chart(found: Spread, signal: str) -> Html:
    """Draw the signal of members over that of the rest, as shares of each."""
    width, height, foot = 330, 92, 14
    n = len(found.inside)
    top = max(found.inside.max(), found.rest.max())
    tall = [[(height - foot) * float(part / top) ** 0.5 for part in shares]
            for shares in (found.inside, found.rest)]  # fmt: skip
    parts = _columns(tall, width / n, height - foot, gap=1.0)
    axis = el("line", class_="zero", x1=0, x2=width, y1=height - foot, y2=height - foot)
    least = found.low if abs(found.low) > 0.001 * (found.high - found.low) else 0.0
    low = el("text", quantity(least), x=0, y=height - 2)
    high = el("text", f"{quantity(found.high)} and more", x=width, y=height - 2, text_anchor="end")
    tail = float(found.inside[n // 2 :].sum()), float(found.rest[n // 2 :].sum())
    half = quantity((found.low + found.high) / 2)
    label = (
        f"How {signal} is spread: {share(tail[0], 0)} of the members lie above {half}, "
        f"{share(tail[1], 0)} of the rest"
    )
    return svg(width, height, label, *parts, axis, low, high, class_="wide")


def bars(inside: Sequence[float], outside: Sequence[float], label: str) -> Html:
    """Draw shares of members over those of the rest, by bin or category."""
    width, height = 96, 30
    n = max(len(inside), 1)
    top = max([*inside, *outside, 1e-9])
    tall = [[(height - 1) * min(1.0, max(0.0, part) / top) for part in shares[:n]]
            for shares in (inside, outside)]  # fmt: skip
    parts = _columns(tall, width / n, height - 1, gap=0.6)
    axis = el("line", class_="zero", x1=0, x2=width, y1=height - 0.5, y2=height - 0.5)
    return svg(width, height, label, *parts, axis)


def _columns(
    tall: Sequence[Sequence[float]], step: float, foot: float, *, gap: float
) -> list[Html]:
    """Draw columns of members before wider ones of the rest; `tall` has one, then the other."""
    inside, rest = tall
    return [
        el(
            "rect", class_=f"bar {name}", x=(place + inset) * step + gap / 2, y=foot - high,
            width=(1 - 2 * inset) * step - gap, height=high,
        )
        for name, columns, inset in (("rest", rest, 0.0), ("ours", inside, 0.22))
        for place, high in enumerate(columns)
        if high > 0
    ]  # fmt: skip


# --- A test over the runs ---


@dataclass(frozen=True, slots=True)
class Point:
    """The mean signal of a test's samples in one run.

    `low` and `high` bound it by the interval of the difference to the baseline; `limit` is the
    baseline's mean and the margin, None where the run is the baseline; `word` the verdict.
    """

    run: str
    value: float | None
    low: float | None
    high: float | None
    limit: float | None
    word: str
    here: bool = False


def over_runs(points: Sequence[Point], label: str) -> Html:
    """Draw the mean of a test's samples run by run, with interval, limit and verdict."""
    known = [one for one in points if one.value is not None]
    bounds = [each for one in known for each in (one.value, one.low, one.high, one.limit)]
    low, high = _around([one for one in bounds if one is not None])
    left, step, height = 44, max(56.0, min(130.0, 480 / max(len(points), 1))), 176
    y = onto(low, high, height - 30, 12)
    width = left + step * len(points)
    parts = [
        el("line", class_="zero", x1=left, x2=width, y1=y(tick), y2=y(tick)) for tick in (low, high)
    ]
    parts += [
        el("text", quantity(tick), x=left - 6, y=y(tick) + 4, text_anchor="end")
        for tick in (low, high)
    ]
    places = {id(one): left + (at + 0.5) * step for at, one in enumerate(points)}
    for before, after in pairwise(known):
        ends = y(before.value or 0.0), y(after.value or 0.0)
        parts.append(
            el("line", class_="path", x1=places[id(before)], x2=places[id(after)],
               y1=ends[0], y2=ends[1])
        )  # fmt: skip
    for one in points:
        parts += _point(one, places[id(one)], step, y, height)
    return svg(width, height, label, *parts, class_="wide runs")


def _around(known: Sequence[float]) -> tuple[float, float]:
    """Choose the ends of a scale that has some room beyond all values, which need no zero."""
    if not known:
        return 0.0, 1.0
    room = 0.12 * (max(known) - min(known)) or 0.5 * abs(known[0]) or 1.0
    low = min(known) - room
    return max(low, 0.0) if min(known) >= 0 else low, max(known) + room


def _point(
    one: Point, x: float, step: float, y: Callable[[float], float], height: float
) -> list[Html]:
    most = max(4, int(step / 6.5))
    name = one.run if len(one.run) <= most else f"{one.run[: most - 1]}…"
    text = el("text", name, x=x, y=height - 4, text_anchor="middle",
              class_="here" if one.here else None)  # fmt: skip
    parts = [text]
    if one.value is None:
        return [*parts, _glyph(one.word, x, height - 44)]
    if one.limit is not None:
        at = y(one.limit)
        parts.append(
            el("line", class_="limit", x1=x - 0.34 * step, x2=x + 0.34 * step, y1=at, y2=at)
        )
    if one.low is not None and one.high is not None:
        ends = y(one.low), y(one.high)
        parts.append(el("line", class_="ci", x1=x, x2=x, y1=ends[0], y2=ends[1]))
        parts += [el("line", class_="ci", x1=x - 6, x2=x + 6, y1=at, y2=at) for at in ends]
    return [*parts, _glyph(one.word, x, y(one.value))]


def _glyph(word: str, x: float, y: float) -> Html:
    """Draw a verdict as a disc with its sign, told apart without colour."""
    return el(
        "g",
        el("circle", cx=x, cy=y, r=7),
        el("text", VERDICT_GLYPHS.get(word, "·"), x=x, y=y + 4, text_anchor="middle"),
        class_=f"mark {word}",
    )
