"""The actions for an aggressor, the first to take first, and the evidence about one of them."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.queries.handover import Advice
from aggressors.stats.diagnosis import Reason, Win
from aggressors.words import ACTION_NAMES, ADVICE, WINS
from aggressors_app import cached, state
from aggressors_app.components.listing import Cell, Column, Meter, Number, Row, Text, listing
from aggressors_app.format import (
    MISSING,
    interval,
    number,
    plain,
    share,
    titled,
    typeset,
)

DO = "do"
ACTIONS = (
    Column("What to do"),
    Column(
        "Expected win",
        width="38%",
        help="Share of all loss that would vanish if this is the right action, and its interval; "
        "the evidence sets the order, not the win",
    ),
)
EVIDENCE = (
    Column("Evidence", width="56%"),
    Column("Here", right=True, help="The measure for the members, and its 95 % interval"),
    Column("Against", right=True, help="The same for the rest, or from where on it counts"),
)


def chosen_action(one: Aggressor, known: tuple[str, ...]) -> str:
    """Which action, or other part of the page, is looked at; by default the recommended one."""
    return state.read().get(DO, one.action, known)


def recommendation(run_id: str, one: Aggressor, chosen: str) -> None:
    """List the actions, and say why for the one that is chosen."""
    ranked = cached.ranked(run_id, one.concept_id)
    first = ranked[0]
    with st.container(border=True, gap="xsmall", key="advice"):
        st.markdown(f"#### :gray[First] {ACTION_NAMES[first.action]}")
        st.markdown(f"{ADVICE[first.action]} {plain(typeset(titled(first.sentence)))}.")
    top = max([0.01, *(each.win.high or each.win.share or 0.0 for each in ranked if each.win)])
    listing(
        "actions",
        ACTIONS,
        [_row(each, top) for each in ranked],
        label="Actions, the first to take first",
        chosen=chosen,
        on_choose=lambda action: state.change(do=action, page=None),
    )
    shown = next((each for each in ranked if each.action == chosen), first)
    if said := " ".join(filter(None, (_meaning(shown), _order(ranked)))):
        st.caption(said)
    _evidence(shown)
    if derived := cached.derivation(run_id):
        parent = cached.run_file(run_id).info.derived_from_name
        st.caption(
            plain(
                f"{titled(derived)}. What was added was tried as a shortcut, which takes values in "
                f"train; all other evidence, candidates and suspects are those of {parent}."
            )
        )


def _row(each: Advice, top: float) -> Row:
    name = titled(ACTION_NAMES[each.action])
    return Row(
        each.action,
        (Text(f"{each.place}  {name}", strong=each.place == 1), _win(each.win, top)),
    )


def _win(win: Win | None, top: float) -> Cell:
    if win is None or win.share is None:
        return Text("", sub="unknown" if win is None else typeset(win.how))
    return Meter(
        max(win.share, 0.0),
        share(win.share),
        low=None if win.low is None else max(win.low, 0.0),
        high=win.high,
        max=top,
        sub=f"{interval(win.low, win.high, percent=True)}, {typeset(win.how)}",
        color="green",
    )


def _meaning(shown: Advice) -> str:
    """Say what the win of an action is, and how it is known."""
    win = shown.win
    if win is None or win.share is None:
        return ""
    name = titled(ACTION_NAMES[shown.action])
    known = f"{name}, {share(win.share)}: {win.how}. {WINS[shown.action]}"
    return plain(typeset(known))


def _order(ranked: tuple[Advice, ...]) -> str:
    """Say why an action that would win more may come later."""
    first, *others = [each.win.share if each.win else None for each in ranked]
    if first is None or not any(other is not None and other > first for other in others):
        return ""
    return (
        "A later action may promise more: each win holds only where its cause is the true one, and "
        "the evidence, not the win, says which that is."
    )


def _evidence(shown: Advice) -> None:
    name = ACTION_NAMES[shown.action]
    if not shown.reasons:
        st.caption(f"Nothing was measured that speaks for {name}.")
        return
    listing(
        "reasons",
        EVIDENCE,
        [
            Row(
                str(place),
                (
                    Text(typeset(reason.sentence or reason.evidence.replace("_", " "))),
                    Text(_value(reason.value), sub=_interval(reason)),
                    Number(_value(reason.reference)),
                ),
                muted=reason.value is None,
            )
            for place, reason in enumerate(shown.reasons)
        ],
        label=f"Evidence about {name}",
        height=430,
    )


def _interval(reason: Reason) -> str:
    return interval(reason.low, reason.high)


def _value(value: float | None) -> str:
    return MISSING if value is None else number(value)
