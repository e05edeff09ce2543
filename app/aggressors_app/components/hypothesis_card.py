"""Whether what is claimed in the filter is why the aggressor in focus fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Literal

import streamlit as st

from aggressors.contracts import EVERYTHING, Aggressor, Filter, Group
from aggressors.errors import FilterError
from aggressors.queries.claims import OUTCOMES, InPopulation, Judged
from aggressors.queries.grammar import NOTHING, canonical, fields_of, format_filter, parse
from aggressors.queries.grammar import chips as claims
from aggressors.stats.claims import Tested
from aggressors.stats.intervals import Interval
from aggressors.stats.reshuffle import Reshuffled
from aggressors.words import (
    counted,
    dealt_p_value,
    place_of_gap,
    reshuffled_sentence,
    support_sentence,
)
from aggressors_app import cached, chips, state
from aggressors_app.components.findings import save
from aggressors_app.components.listing import Color, Column, Meter, Row, Text, listing
from aggressors_app.format import count, interval, number, plain, share, typeset

HOLD = "hold"  # in the address: the confounders, joined by commas
COLORS: Mapping[str, Literal["green", "orange", "red"]] = {
    "supported": "green",
    "partly": "orange",
    "not supported": "red",
}
HELP = (
    "Judged by the half of the data on which nothing was sought, against samples with the same "
    "labels and, where you hold fields still, the same values of these. Supported: surely worse "
    "there, at least half as bad as the aggressor, and at least half of its members and of its "
    "gap. Partly: surely worse, but not all of that."
)


def claim_of(run_id: str, filter: str, one: Aggressor | None) -> str:
    """Take what the filter claims of the samples; '' where nothing that could be a cause."""
    claim = canonical(Group("and", chips.others(parse(filter), (chips.POPULATION,))))
    if one is None or claim in (EVERYTHING, NOTHING):
        return ""
    return "" if fields_of(claim) & OUTCOMES else format_filter(claim)


def hypothesis_card(run_id: str, claim: str, one: Aggressor) -> None:
    """Show what the data say of a claim, what is held still, and a way to keep it."""
    held = _held(run_id, parse(claim))
    with st.container(border=True, key="hypothesis"):
        st.markdown(f"**Is it why aggressor {one.rank} fails?** {plain(typeset(one.name))}")
        st.markdown(f":gray[Claimed:] {plain(_words(claim))}", help=HELP)
        try:
            found = cached.judged(run_id, claim, one.concept_id, held)
        except FilterError as error:  # such as a field of another run
            st.caption(plain(str(error)))
            return
        st.badge(found.tested.support.capitalize(), color=_color(found))
        _figures(found)
        signal = cached.signal(run_id)
        _gaps(found, signal)
        said = support_sentence(found.tested, signal, f"aggressor {one.rank}", held)
        if chance := found.reshuffled:
            said += f" {reshuffled_sentence(**asdict(chance))}"
        with st.expander("In words", key="hypothesis_words"):
            st.markdown(plain(typeset(said)))
        _confounders(run_id, parse(claim), held)
        _keep(run_id, claim, one, held)


def _words(claim: str) -> str:
    """Say a claim as the chips of the filter do."""
    return " and ".join(chips.describe(part) for part in claims(parse(claim)))


def _color(found: Judged) -> Literal["green", "orange", "red", "gray"]:
    return COLORS.get(found.tested.support, "gray")


def _figures(found: Judged) -> None:
    """List what a claim covers, explains and leaves."""
    test, chance = found.tested, found.reshuffled
    rows = [
        ("Covers", "of the aggressor's members", _share(test.coverage)),
        ("Fails", f"of the {count(test.n_claim)} it holds for", _share(test.failing)),
        ("Explains", "of the aggressor's gap", Text(_maybe(test.explained))),
        ("Unexplained", "gap of its other members", _left(test)),
        ("p-value", "of as much by chance", Text("–" if chance is None else _p(chance))),
    ]
    listing(
        "hypothesis_figures",
        (Column("Figure"), Column("Value", right=True)),
        [Row(name, (Text(name, sub=what), value)) for name, what, value in rows],
        label="What the claim explains",
        bare=True,
    )


def _gaps(found: Judged, signal: str) -> None:
    """Draw the gap of the claim in each population, on one scale."""
    known = [one.gap for one in found.populations if one.gap is not None]
    low = min([0.0, *(gap.low for gap in known)])
    high = max([0.0, *(gap.high for gap in known)]) or 1.0
    help = f"Mean {signal} where the claim holds, minus that of others alike"
    listing(
        "hypothesis_gaps",
        (Column("Gap where it holds", width="64%", help=help), Column("")),
        [_population(one, low, high) for one in found.populations],
        label="Gap of the claim in each population",
    )


def _population(one: InPopulation, low: float, high: float) -> Row:
    """Draw the gap in one population; its figures stand in words, where there is room for them."""
    name = place_of_gap(one.population, one.fold)
    head = f"{one.population}, {counted(one.n, 'sample')}"
    if one.gap is None:
        return Row(name, (Text(head, sub="too few to say"), None), muted=True)
    gap = one.gap
    sure: Color = "red" if gap.low > 0 else "gray"
    shown = Meter(gap.value, "", gap.low, gap.high, min=low, max=high, color=sure)
    said = f"{number(gap.value)} ({interval(gap.low, gap.high)})"
    return Row(name, (Text(head, sub=f"{said} · judges" if one.fold else said), shown))


def _held(run_id: str, claim: Filter) -> tuple[str, ...]:
    """Read from the address what is held still: fields that can be, and are not claimed."""
    offered = _offered(run_id, claim)
    return tuple(name for name in state.read().get(HOLD, "").split(",") if name in offered)


def _offered(run_id: str, claim: Filter) -> list[str]:
    barred = OUTCOMES | fields_of(claim) | {"label", chips.POPULATION}
    return [name for name in cached.prominent(run_id) if name not in barred and "," not in name]


def _confounders(run_id: str, claim: Filter, held: tuple[str, ...]) -> None:
    key = "hypothesis_hold"
    st.session_state[key] = list(held)
    st.multiselect(
        "Hold still",
        _offered(run_id, claim),
        key=key,
        placeholder="the label; add fields",
        on_change=lambda: state.change(hold=",".join(st.session_state[key])),
        help="Fields that may pose as the cause: compared are only samples alike in these.",
        select_all=False,
    )


def _keep(run_id: str, claim: str, one: Aggressor, held: tuple[str, ...]) -> None:
    """Offer to keep the claim under a title, to be judged on later runs too."""
    if cached.workspace() is None:
        return
    with st.popover("Keep", icon=":material/bookmark_add:", key="hypothesis_keep"):
        st.text_input("Hypothesis", value=_words(claim), key="hypothesis_title", width=320)
        st.text_input("Who holds it", key="hypothesis_author", width=320)

        def keep() -> None:
            title, author = (st.session_state[f"hypothesis_{of}"] for of in ("title", "author"))
            save(run_id, one.rank, title, claim, author, held)

        st.button("Keep it", type="primary", key="hypothesis_save", on_click=keep)


def _share(found: Interval | None) -> Text:
    if found is None:
        return Text("too few")
    return Text(share(found.value, 0), sub=interval(found.low, found.high, percent=True))


def _maybe(value: float | None) -> str:
    return "–" if value is None else share(value, 0)


def _left(test: Tested) -> Text:
    """Say the gap of the members that the claim does not hold for, if there are enough of them."""
    if test.left is not None:
        return Text(number(test.left.value), sub=interval(test.left.low, test.left.high))
    return Text("none left" if test.coverage and test.coverage.value == 1 else "too few to say")


def _p(chance: Reshuffled) -> str:
    return dealt_p_value(chance.p_value, chance.times)
