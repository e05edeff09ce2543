"""What the members share: findings from the strongest on, each with its chart and its claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.errors import AggressorsError
from aggressors.queries.findings import Aside, Finding, Findings, Target
from aggressors.queries.grammar import both, format_filter, parse
from aggressors.words import LEFT_OUT, counted
from aggressors_app import actions, cached, state
from aggressors_app.components.add_metadata import add_metadata_button, added
from aggressors_app.components.choice import choice
from aggressors_app.components.listing import (
    Button,
    Buttons,
    Column,
    Histogram,
    Meter,
    Row,
    Text,
    listing,
)
from aggressors_app.format import interval, number, plain, typeset

MOST = 12
HEIGHT = 344  # pixels before the list scrolls
TARGETS = {"membership": "What they share", "loss": "What makes some worse"}
EFFECT = (
    "Within labels, so that a class does not pose as a cause; −1 to 1, with its interval. This "
    "list as a whole holds with 95 % confidence"
)


def findings(run_id: str, one: Aggressor) -> None:
    """Show what goes with membership, or with loss among members; each can be claimed or kept."""
    with st.container(horizontal=True, vertical_alignment="center", key="findings_bar"):
        target = cast("Target", choice("Findings", "of", TARGETS, key="findings_of"))
        st.space("stretch")
        add_metadata_button(run_id)
    added(run_id, one.concept_id)
    known = cached.findings(run_id, one.concept_id, target)
    shown = {f"{each.kind} {each.title}": each for each in known.found[:MOST]}
    if shown:
        _listing(run_id, one, shown, target)
    st.caption(plain(typeset(_summary(known, len(shown)))))


def _listing(run_id: str, one: Aggressor, shown: dict[str, Finding], target: Target) -> None:
    widest = max(max(abs(each.low), abs(each.high), 0.2) for each in shown.values())
    low = -widest if any(each.effect < 0 for each in shown.values()) else 0.0
    origin = cached.catalogue().origin
    claimed = {
        each.filter
        for each in cached.hypotheses()[0]
        if (origin(each.run_id), each.aggressor) == (origin(run_id), one.rank)
    }

    def act(name: str, row: str) -> None:
        found = shown.get(row)
        if found is None or not found.filter:
            return
        if name == "explore":
            state.change(filter=_with(found.filter), aggressor=one.rank)
            state.go("explore")
        else:
            save(run_id, one.rank, found.head, found.filter)

    listing(
        "findings",
        _columns(target),
        [
            Row(
                key,
                (_words(each), _chart(each), _meter(each, low, widest), _buttons(each, claimed)),
            )
            for key, each in shown.items()
        ],
        label="What the members share" if target == "membership" else "What makes members worse",
        on_act=act,
        height=HEIGHT,
        spare=True,
    )


def _columns(target: Target) -> tuple[Column, ...]:
    if target == "membership":
        spread, help = (
            "Members, rest",
            "How members (colour) and the rest (grey) are spread over the field",
        )
    else:
        spread, help = (
            "Mean by value",
            "Mean over groups of members, from the lowest values of the field to the highest",
        )
    cut = (
        "Each is cut where it parts members from the rest best; the rule in the name may cut "
        "elsewhere"
    )
    return (
        Column("Finding", width="58%", help=cut),
        Column(spread, help=help),
        Column("Effect", help=EFFECT),
        Column(""),
    )


def _with(claim: str) -> str:
    """Filter of the view, and the claim."""
    return format_filter(both(parse(state.read().filter), parse(claim)))


def save(
    run_id: str,
    rank: int | None,
    title: str,
    filter: str,
    author: str = "",
    confounders: Sequence[str] = (),
) -> None:
    """Keep a claim as a hypothesis, and say so; for callbacks."""
    try:
        made = actions.save_hypothesis(run_id, rank, title, filter, author, confounders)
    except AggressorsError as error:
        st.toast(plain(str(error)), icon=":material/error:")
    else:
        st.toast(plain(f"Kept as the hypothesis {made.slug}."), icon=":material/bookmark:")


def _words(found: Finding) -> Text:
    also = f". Also {', '.join(found.also)}" if found.also else ""
    return Text(typeset(found.head), sub=typeset(found.rest) + also, strong=True)


def _chart(found: Finding) -> Histogram | None:
    if found.bars is None or not found.bars.inside:
        return None
    bars = found.bars
    text = ", ".join(
        f"{name}: {100 * ours:.0f} % against {100 * theirs:.0f} %"
        for name, ours, theirs in zip(bars.labels, bars.inside, bars.outside, strict=False)
    )
    return Histogram(
        bars.inside, bars.outside, typeset(text or found.sentence), apart=bool(bars.labels)
    )


def _meter(found: Finding, low: float, high: float) -> Meter:
    return Meter(
        found.effect,
        number(found.effect),
        low=found.low,
        high=found.high,
        min=low,
        max=high,
        sub=interval(found.low, found.high),
    )


def _buttons(found: Finding, claimed: set[str]) -> Buttons:
    kept, alone = found.filter in claimed, cached.workspace() is None
    help = "Kept as a hypothesis" if kept else "Keep as a hypothesis"
    return Buttons(
        (
            Button("explore", "explore", "Open Explore with this claim", not found.filter),
            Button(
                "save",
                "saved" if kept else "save",
                "A single run file has no hypotheses" if alone else help,
                kept or alone or not found.filter,
            ),
        )
    )


def _summary(known: Findings, shown: int) -> str:
    """Say how much was tested, and which fields were left out for what reason."""
    if not known.tested and not known.found and not known.aside:
        return "This run has no metadata to compare. Add fields to the integration file."
    more = len(known.found) - shown
    told = f"{counted(known.tested, 'field')} tested"
    told += f", {counted(more, 'weaker finding')} not shown. " if more > 0 else ". "
    if not known.found:
        told = f"None of {counted(known.tested, 'field')} tells them apart beyond chance. "
    return told + left_out(known.aside)


def left_out(aside: tuple[Aside, ...]) -> str:
    """Name the fields that are not related to anything, with the reason; '' where there is none."""
    parts = []
    for reason, words in LEFT_OUT.items():
        names = [
            f"{one.field} ({one.distinct:,} values)" if reason == "many values" else one.field
            for one in aside
            if one.reason == reason
        ]
        if names:
            shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if names[4:] else "")
            parts.append(shown if reason == "many values" else f"{shown} ({words})")
    return f"Left out: {'; '.join(parts)}." if parts else ""
