"""Whether what is claimed in the filter explains the aggressor in focus."""

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
from aggressors.store.hypotheses import Hypothesis
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
from aggressors_app.format import count, interval, number, of, plain, share, typeset, when

COLORS: Mapping[str, Literal["green", "orange", "red"]] = {
    "supported": "green",
    "partly": "orange",
    "not supported": "red",
}
TITLED = "hypothesis_titled"  # the claim that the title in the box is about
HELP = (
    "Judged by the half of the data on which nothing was sought, against samples with the same "
    "labels and, where you hold fields still, the same values of these. Supported: surely worse "
    "there, at least half as bad as the aggressor, surely half of its members, and at least half "
    "of its gap to others alike. Partly: surely worse, but not all of that."
)


def _claimed(filter: str) -> Filter:
    """Take what a filter claims beside the populations that are shown."""
    return canonical(Group("and", chips.others(parse(filter), (chips.POPULATION,))))


def claim_of(filter: str, one: Aggressor | None) -> str:
    """Take what the filter claims of the samples; '' where nothing that could be a cause."""
    claim = _claimed(filter)
    if one is None or claim in (EVERYTHING, NOTHING):
        return ""
    return "" if fields_of(claim) & OUTCOMES else format_filter(claim)


def no_claim(filter: str, one: Aggressor | None) -> str:
    """Say why what the filter claims is not put to the data; '' where it claims nothing."""
    outcomes = sorted(fields_of(_claimed(filter)) & OUTCOMES)
    if one is None or not outcomes:
        return ""
    return (
        f"Not tested as a cause of aggressor {one.rank}: a filter by {outcomes[0]} says how the "
        "model did, not why. Claim something of the samples."
    )


def hypothesis_card(run_id: str, claim: str, one: Aggressor) -> None:
    """Show what the data say of a claim, what is held still, and a way to keep it."""
    held = _held(run_id, parse(claim))
    with st.container(border=True, key="hypothesis"):
        st.markdown(f"**Does it explain aggressor {one.rank}?** {plain(typeset(one.name))}")
        st.markdown(f":gray[Claimed:] {plain(_words(claim))}", help=_help(run_id))
        try:
            found = cached.judged(run_id, claim, one.concept_id, held)
        except FilterError as error:  # such as a field of another run
            st.caption(plain(str(error)))
            return
        st.badge(found.tested.support.capitalize(), color=_color(found))
        signal = cached.signal(run_id)
        _figures(run_id, found)
        _gaps(found, signal)
        said = support_sentence(found.tested, signal, f"aggressor {one.rank}", held)
        if chance := found.reshuffled:
            said += f" {reshuffled_sentence(**asdict(chance))}"
        with st.expander("In words", key="hypothesis_words"):
            st.markdown(plain(typeset(said)))
        _confounders(run_id, parse(claim), held)
        _keep(run_id, claim, one, held)


def _help(run_id: str) -> str:
    """Say how the verdict comes about, and what a high loss is."""
    quantile = share(cached.run_file(run_id).info.settings.core_quantile, 0)
    what = plain(cached.signal(run_id))
    return f"{HELP} High {what}: above that of {quantile} of the rest."


def _words(claim: str) -> str:
    """Say a claim as the chips of the filter do."""
    return " and ".join(chips.describe(part) for part in claims(parse(claim)))


def _color(found: Judged) -> Literal["green", "orange", "red", "gray"]:
    return COLORS.get(found.tested.support, "gray")


def _figures(run_id: str, found: Judged) -> None:
    """List what a claim covers, explains and leaves; all gaps are to others alike."""
    test, chance = found.tested, found.reshuffled
    own = "" if test.group_gap is None else f", {number(test.group_gap.value)}"
    rows = [
        (
            "Covers",
            f"of {count(test.n_group)} members that judge",
            _share(test.coverage),
        ),
        (
            f"High {cached.signal(run_id)}",
            f"of the {count(test.n_claim)} it holds for",
            _share(test.failing),
        ),
        ("Explains", f"of the aggressor's gap to others alike{own}", Text(_maybe(test.explained))),
        ("Unexplained", "such gap of its other members", _left(test)),
        ("p-value", _by_chance(chance), Text("–" if chance is None else _p(chance))),
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
    help = (
        f"Mean {signal} where the claim holds, minus that of samples with the same labels and the "
        "same values of what is held still. The gap on Insights and in the ranking is another "
        "one: that of the aggressor to all the rest"
    )
    listing(
        "hypothesis_gaps",
        (Column("Gap to others alike", width="64%", help=help), Column("")),
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
    return tuple(name for name in state.read().get(state.HOLD, "").split(",") if name in offered)


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
    if known := _kept(run_id, claim, one, held):
        by = f" by {known.author}" if known.author else ""
        st.caption(
            f":material/bookmark: Kept as **{plain(typeset(known.title))}**{plain(by)}, "
            f"{when(known.created_at)}"
        )
        return
    with st.popover("Keep", icon=":material/bookmark_add:", key="hypothesis_keep"):
        if st.session_state.get(TITLED) != claim:  # a title that was typed for another claim
            st.session_state.update({TITLED: claim, "hypothesis_title": _words(claim)})
        st.text_input("Hypothesis", key="hypothesis_title", width=320)
        st.text_input("Who holds it", key="hypothesis_author", width=320)

        def keep() -> None:
            title, author = (st.session_state[f"hypothesis_{part}"] for part in ("title", "author"))
            save(run_id, one.rank, title, claim, author, held)

        st.button("Keep it", type="primary", key="hypothesis_save", on_click=keep)


def _kept(run_id: str, claim: str, one: Aggressor, held: tuple[str, ...]) -> Hypothesis | None:
    """Find the hypothesis that says the same of the same aggressor with the same held still."""
    origin = cached.catalogue().origin
    return next(
        (
            each
            for each in cached.hypotheses()[0]
            if (each.filter, each.aggressor, set(each.confounders)) == (claim, one.rank, set(held))
            and origin(each.run_id) == origin(run_id)
        ),
        None,
    )


def _share(found: Interval | None) -> Text:
    if found is None:
        return Text("too few")
    bounds = f"{share(found.low, 0)}\u00a0–\u00a0{share(found.high, 0)}"  # on one line
    return Text(share(found.value, 0), sub=bounds)


def _by_chance(chance: Reshuffled | None) -> str:
    """Say what a p-value is of, and of how many samples where not all were dealt out."""
    if chance is None or chance.n == chance.of:
        return "of as much by chance"
    return f"of as much by chance, on {of(chance.n, chance.of)}"


def _maybe(value: float | None) -> str:
    return "–" if value is None else share(value, 0)


def _left(test: Tested) -> Text:
    """Say the gap of the members that the claim does not hold for, if there are enough of them."""
    if test.left is not None:
        return Text(number(test.left.value), sub=interval(test.left.low, test.left.high))
    return Text("none left" if test.coverage and test.coverage.value == 1 else "too few to say")


def _p(chance: Reshuffled) -> str:
    return dealt_p_value(chance.p_value, chance.times)
