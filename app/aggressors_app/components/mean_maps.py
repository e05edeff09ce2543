"""Where the model looks, averaged inside an aggressor and outside, in pictures and numbers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aggressors.contracts import MISLED, MISTAKEN, WELL, Attention
from aggressors.queries.attention import Explanation, Looks
from aggressors.words import METHOD_NAMES, attention_sentence, is_clear
from aggressors_app import cached
from aggressors_app.components.choice import choice
from aggressors_app.components.looks import Figure, Line, Panel, looks
from aggressors_app.format import (
    MISSING,
    count,
    interval,
    number,
    plain,
    share,
    signed,
    typeset,
)

NO_MODEL = "This run is from a table; only a model can show where it looks."
VIEWS = {"others": "Against others", "true": "Against the true class"}
MEASURES = {
    "border": ("In the border", "Share within an eighth of the side from the edge; 44 % if even"),
    "concentration": ("In the top tenth", "Share in the tenth of the cells that hold most"),
    "distance": (
        "True class elsewhere",
        "Where the prediction is wrong: share of the attention that lies elsewhere for the true "
        "class; 0 % if both classes are read off the same place",
    ),
    "strength": ("Strength", "Mean attribution of a cell, in units of the model's output"),
}


def explained(run_id: str) -> bool:
    """Whether there are heatmaps, or a reason why there are none: a table has neither."""
    made = cached.explanation(run_id)
    return bool(made.layer or made.reason)


def mean_maps(run_id: str, concept_id: int) -> None:
    """Show mean maps on one scale, how they differ, and what differs in numbers."""
    made = cached.explanation(run_id)
    found = cached.looks(run_id, concept_id)
    title = "**Where the model looks, on average**"
    if not found.maps:
        st.markdown(title)
        st.caption(plain(made.reason or NO_MODEL))
        return
    numbers = cached.attention(run_id, concept_id)
    said = attention_sentence(numbers)
    with st.container(gap=None):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(title, width="content")
            if found.misled:
                st.space("stretch")
                shown = choice("Maps", "look", VIEWS, key="mean_maps_look")
            else:
                shown = "others"
        if said:
            st.markdown(plain(typeset(said)))
        if shown == "others":
            _against_others(found, numbers)
        else:
            _against_true_class(found, numbers)
        _how_made(made, shown)


def _against_others(found: Looks, numbers: Sequence[Attention]) -> None:
    """Failing and all members beside those of the same labels that are right, and the rest."""
    panels = [Panel(*_title(one.of, one.n), one.cells) for one in found.maps]
    sets = [one.of for one in found.maps]
    if found.difference is not None:
        which = "failing" if found.differs == "core" else "members"
        panels.append(
            Panel("Difference", f"{which} − right", found.difference, difference=True, apart=True)
        )
    differs = found.differs if found.difference is not None else ""
    looks("mean_maps", panels, _lines(numbers, sets, differs))


def _against_true_class(found: Looks, numbers: Sequence[Attention]) -> None:
    """Compare what was predicted with what is true, of the same samples: what misled the model."""
    known = {one.of: one for one in numbers if one.measure == "distance"}
    panels: list[Panel] = []
    cells: list[Figure] = []
    for one in found.misled:
        inside = one.of == MISLED
        who = "failing" if inside else "others"
        panels += [
            Panel("Predicted", f"{who}, {count(one.n)}", one.predicted, apart=bool(panels)),
            Panel("True class", f"{who}, {count(one.n)}", one.true),
            Panel("Difference", who, one.difference, difference=True),
        ]
        cells += [Figure(""), Figure(""), _figure(known.get("core" if inside else MISTAKEN))]
    name, help = MEASURES["distance"]
    looks("mean_maps", panels, [Line(name, typeset(help), tuple(cells))])


def _title(of: str, n: int) -> tuple[str, str]:
    """Head a panel: a short name, and how many samples it is over."""
    return {
        "core": ("Failing", f"{count(n)} members"),
        "members": ("All", f"{count(n)} members"),
        WELL: ("Same label", f"right, {count(n)}"),
    }.get(of, ("The rest", f"{count(n)} samples"))


def _how_made(made: Explanation, shown: str) -> None:
    method = METHOD_NAMES.get(made.method, made.method)
    classes = "whatever the class" if made.method == "eigencam" else "for the predicted class"
    if shown != "others":
        classes = (
            "in failing members that are mistaken, and in the other mistakes; orange where the "
            "predicted class has more"
        )
    st.caption(
        f"{plain(method)} at layer {plain(made.layer)}, {classes}; every sample counts alike. "
        "× even: how much more than if attention were spread evenly."
    )


def _lines(numbers: Sequence[Attention], sets: Sequence[str], differs: str) -> list[Line]:
    """One line a measure that the run has, with a number below each panel."""
    known = {(one.measure, one.of): one for one in numbers}
    lines = []
    for measure, (name, help) in MEASURES.items():
        if not any(key[0] == measure for key in known):
            continue
        # Others have a second map only where they are mistaken.
        found = [known.get((measure, MISTAKEN if measure == "distance" and of == "rest" else of))
                 for of in sets]  # fmt: skip
        cells = [_figure(one) for one in found]
        if differs:
            cells.append(_difference(known.get((measure, differs))))
        lines.append(Line(name, typeset(help), tuple(cells)))
    return lines


def _figure(one: Attention | None) -> Figure:
    if one is None:
        return Figure(MISSING)
    strength = one.measure == "strength"
    text = number(one.value) if strength else share(one.value, 0)
    what = "mistakes" if one.of == MISTAKEN or one.measure == "distance" else "samples"
    bounds = interval(one.low, one.high) if strength else _percents(one.low, one.high)
    return Figure(text, bounds, f"{count(one.n)} {what}")


def _percents(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{100 * low:.0f} – {share(high, 0)}"


def _difference(one: Attention | None) -> Figure:
    if one is None or one.difference is None:
        return Figure(MISSING)
    low, high = one.difference_low, one.difference_high
    text, known = signed(one.difference), interval(low, high)
    if one.measure != "strength":
        text = f"{_points(one.difference)} pt"
        known = "" if low is None or high is None else f"{_points(low)} to {_points(high)}"
    against = "the mistakes of the rest" if one.measure == "distance" else "same label, right"
    help = f"Against {against}; the intervals of this column hold together"
    return Figure(text, known, help, is_clear(one))


def _points(share: float) -> str:
    """Write a difference of shares as percentage points: +11, −4, 0."""
    whole = round(100 * share)
    return f"{'+' if whole > 0 else '−' if whole < 0 else ''}{abs(whole)}"
