"""Samples on the page: pictures beside their heatmaps, or short rows of a text or a table."""

from __future__ import annotations

from collections.abc import Sequence

from aggressors.queries.telling import Telling
from aggressors.queries.unusual import Odd
from aggressors.report.figures import quantity
from aggressors.report.markup import Html, el, html
from aggressors.report.pictures import Picture
from aggressors.report.samples import BESIDE, FIRST, Shown
from aggressors.tokens import places
from aggressors.words import how_unusual, typeset

TITLES = {
    FIRST: "Members that fail most",
    BESIDE: "Similar samples that it handles well",
    "central": "Nearest to the middle of the group",
    "diverse": "As unlike each other as members can be",
}


def samples(shown: Sequence[Shown], telling: Telling) -> Html | None:
    """Show what fails beside what does not, and further members folded away."""
    first = [_kind(shown, reason, telling) for reason in (FIRST, BESIDE)]
    more = [_kind(shown, reason, telling) for reason in ("central", "diverse")]
    if not any(first) and not any(more):
        return None
    parts: list[Html | None] = [el("div", *first, class_="beside")]
    if any(more):
        parts.append(
            el(
                "details", el("summary", "More members: the typical and the diverse"),
                el("div", *more, class_="beside"),
            )
        )  # fmt: skip
    return html(*parts)


def _kind(shown: Sequence[Shown], reason: str, telling: Telling) -> Html | None:
    found = [one for one in shown if one.reason == reason]
    if not found:
        return None
    heats = any(one.heat for one in found)
    said = el("small", "and where the model looks") if heats and reason == FIRST else None
    title = el("h4", TITLES[reason], said)
    if any(one.picture for one in found):
        kind = "pairs" if heats else "tiles"
        body = el("div", *(_tile(one, telling) for one in found), class_=kind)
    else:
        body = _rows(found, telling)
    return el("section", title, body)


def _tile(one: Shown, telling: Telling) -> Html:
    seen: list[Html] = []
    if one.picture is not None:
        what = f"{one.sample_id}: {_said(one)}"
        seen.append(picture(one.picture, what))
        if one.heat is not None:
            seen.append(picture(one.picture, f"Where the model looks in {one.sample_id}", one.heat))
    else:
        seen.append(el("div", _content(one, telling), class_="words"))
    caption = [_answer(one), _loss(one), _alike(one)]
    return el("figure", *seen, el("figcaption", *caption), title=one.sample_id)


def picture(shown: Picture, label: str, over: Picture | None = None) -> Html:
    """Show a picture that the page holds once, with a heatmap over it."""
    size = shown.width, shown.height
    layers = [el("use", href=f"#{shown.key}")]
    if over is not None:
        scale = f"scale({size[0] / over.width:.4g} {size[1] / over.height:.4g})"
        layers.append(el("use", href=f"#{over.key}", transform=scale))
    return el(
        "svg", *layers, viewBox=f"0 0 {size[0]} {size[1]}", class_="pic", role="img",
        aria_label=label,
    )  # fmt: skip


def _rows(found: Sequence[Shown], telling: Telling) -> Html:
    answered = any(_answer(one) is not None for one in found)
    lost = any(one.loss is not None for one in found)
    head = el(
        "tr",
        el("th", "Sample", scope="col"),
        el("th", "Label → prediction", scope="col") if answered else None,
        el("th", "Loss", class_="n", scope="col") if lost else None,
    )
    rows = [
        el(
            "tr",
            el("td", _content(one, telling), _alike(one), class_="said"),
            el("td", _answer(one)) if answered else None,
            el("td", quantity(one.loss), class_="n") if lost else None,
        )
        for one in found
    ]
    return el("div", el("table", el("thead", head), el("tbody", *rows)), class_="wide")


def _content(one: Shown, telling: Telling) -> Html:
    if one.text:
        return _marked(one.text, telling)
    return html(el("span", one.sample_id, class_="id"), *map(_value, one.values))


def _answer(one: Shown) -> Html | None:
    if not one.label and not one.prediction:
        return None
    if not one.label or not one.prediction or one.label == one.prediction:
        return el("span", one.label or one.prediction, class_="right" if one.correct else None)
    wrong = "wrong" if one.correct is False else None  # a number is never quite the other one
    return el("span", one.label, " → ", el("b", one.prediction, class_=wrong))


def _said(one: Shown) -> str:
    told = f"{one.label}, predicted {one.prediction}" if one.prediction else one.label
    return f"{told}, loss {quantity(one.loss)}" if one.loss is not None else told


def _loss(one: Shown) -> Html | None:
    return None if one.loss is None else el("span", quantity(one.loss), class_="quiet loss")


def _alike(one: Shown) -> Html | None:
    return el("span", f"+{one.alike:,} alike", class_="quiet alike") if one.alike else None


def _marked(text: str, telling: Telling) -> Html:
    """Write a text, with its telling words inside <mark>."""
    parts: list[str] = []
    at = 0
    for start, end, word in places(text):
        if word in telling.weights:
            parts += [text[at:start], el("mark", text[start:end])]
            at = end
    return html(*parts, text[at:])


def _value(one: Odd) -> Html:
    value = "missing" if one.value is None else one.value
    shown = quantity(value) if isinstance(value, float) else str(value)
    if not one.marked:
        return el("span", f"{one.field} ", shown, class_="value")
    how = el("small", typeset(how_unusual(one.found.side, one.found.tail)))
    return el("span", f"{one.field} ", el("mark", shown), " ", how, class_="value")
