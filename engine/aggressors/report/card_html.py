"""The card of one aggressor on the page: what it is, what shows it, why, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aggressors.hypothesis import OnRun
from aggressors.queries.findings import Finding
from aggressors.queries.handover import Advice
from aggressors.queries.telling import Telling
from aggressors.queries.triage import Triaged
from aggressors.report import saying
from aggressors.report.cards import Card, MeanMap, Place
from aggressors.report.charts import bars, place_scale, spread_chart, whisker
from aggressors.report.figures import quantity, share, signed, span
from aggressors.report.markup import Html, Part, el
from aggressors.report.sample_html import picture, samples
from aggressors.stats.diagnosis import Reason
from aggressors.words import (
    ACTION_NAMES,
    ADVICE,
    STATES,
    WINS,
    counted,
    how_found,
    listed,
    percent,
    significance,
    times,
    titled,
    typeset,
    without_value,
)

WORDS = 8  # telling words a card
EVIDENCE = 4  # pieces of it for the first action


def card(
    one: Card,
    signal: str,
    decided: Triaged | None,
    claims: Sequence[OnRun],
    tests: Sequence[Html],
) -> Html:
    """Show one aggressor.

    Parameters
    ----------
    claims : hypotheses about it. tests : saved tests that hold its samples, as they are shown.
    """
    found = one.aggressor
    return el(
        "article",
        el("h3", el("span", found.rank, class_="rank"), " ", typeset(found.name)),
        _state(decided),
        _figures(one, signal),
        _about(one),
        _where(one, signal),
        samples(one.samples, one.telling),
        _maps(one),
        _shared(one),
        _action(one, signal),
        claims_table(claims) if claims else None,
        *tests,
        id=f"a{found.rank}",
        class_=found.status,
    )


def triage_pill(decided: Triaged | None) -> Html | None:
    """Show what the team decided in a word; nothing while it is new."""
    if decided is None or decided.word == "new":
        return None
    return el("span", STATES[decided.word], class_=f"pill triage {decided.word}")


def _state(decided: Triaged | None) -> Html | None:
    pill = triage_pill(decided)
    if decided is None or pill is None:
        return None
    return el("p", pill, " ", saying.decision_of(decided), class_="quiet")


# --- Figures ---


def _figures(one: Card, signal: str) -> Html:
    found, judged = one.aggressor, one.judged
    means = ""
    if judged is not None:
        means = f"{quantity(judged.inside)} inside, {quantity(judged.rest)} in the rest"
    unseen = one.found.n_confirm or (judged.n if judged else None)
    shown = [
        (f"Gap in mean {signal}", signed(found.gap), f"{span(found.gap_low, found.gap_high)}, 95 %",
         means),
        (f"Of all {signal}", share(found.impact), "would vanish if it did like the rest", ""),
        ("Members that fail", f"{found.n_core:,} of {found.n_known:,}",
         share(found.n_core / found.n_known, 0) if found.n_known else "",
         without_value(found, signal)),
    ]  # fmt: skip
    if unseen is not None:
        shown.append(
            ("Judged by", f"{unseen:,}", "members that the search had not seen",
             significance(found.q_value))
        )  # fmt: skip
    return el(
        "dl",
        *(
            el("div", el("dt", typeset(name)), el("dd", el("b", value)),
               *(el("dd", typeset(note), class_="quiet") for note in notes if note))
            for name, value, *notes in shown
        ),
        class_="figures",
    )  # fmt: skip


def _about(one: Card) -> Html | None:
    """Say how it was found, how well its name describes it, and what it is a part of."""
    parts: list[Part] = []
    if one.rule.precision is not None and one.rule.recall is not None:
        parts.append(
            f"Its name is a rule: {percent(one.rule.precision)} of the samples that it describes "
            f"are members, and it covers {percent(one.rule.recall)} of them. "
        )
    told_above = replace(one.found, n_confirm=None)
    parts.append(how_found(told_above, one.aggressor.q_value))
    if one.aggressor.part_of is not None:
        link = el("a", f"aggressor {one.aggressor.part_of}", href=f"#a{one.aggressor.part_of}")
        parts += [" It is a part of ", link, "."]
    told = [typeset(part) if type(part) is str else part for part in parts]
    return el("p", *told, class_="quiet") if any(told) else None


def _where(one: Card, signal: str) -> Html | None:
    """Show the gap in each population, and how the signal of members is spread."""
    spread = None
    if one.spread is not None:
        spread = el(
            "figure",
            el("figcaption", el("b", f"How {signal} is spread"), " ",
               el("span", "members", class_="key ours"), " ",
               el("span", "the rest", class_="key rest")),
            spread_chart(one.spread, signal),
            el("small", "Height goes by the square root of the share, so that rare ones show."),
        )  # fmt: skip
    if not one.places and spread is None:
        return None
    return el("div", _places(one.places), spread, class_="beside where")


def _places(found: Sequence[Place]) -> Html | None:
    if not found:
        return None
    ends = place_scale(found)
    rows = [
        el(
            "tr",
            el("th", place.population, el("small", "the unseen half") if place.judges else None,
               scope="row"),
            el("td", whisker(place.gap, place.low, place.high, ends, width=120)),
            el("td", signed(place.gap), el("small", span(place.low, place.high)), class_="n"),
            el("td", f"{place.n:,}", class_="n"),
        )
        for place in found
    ]  # fmt: skip
    head = el(
        "tr", el("th", "Gap by population", scope="col"), el("th", "", scope="col"),
        el("th", "Gap (95 %)", class_="n", scope="col"),
        el("th", "Members", class_="n", scope="col"),
    )  # fmt: skip
    return el("div", el("table", el("thead", head), el("tbody", *rows)), class_="wide")


# --- Evidence ---


def _maps(one: Card) -> Html | None:
    if not one.maps and not one.looks:
        return None
    return el(
        "section",
        el("h4", "Where the model looks, on average"),
        el("p", typeset(one.looks)) if one.looks else None,
        el("div", *(_map(each) for each in one.maps if each.picture), class_="tiles"),
        class_="together",
    )


def _map(one: MeanMap) -> Html | None:
    if one.picture is None:
        return None
    label = f"Mean heatmap of {one.title}, {one.n:,} samples"
    caption = el("figcaption", titled(one.title), el("br"), el("small", f"n {one.n:,}"))
    return el("figure", picture(one.picture, label), caption)


def _shared(one: Card) -> Html | None:
    """Show what the members share, the strongest effect within labels first."""
    words = _words(one.telling)
    if not one.findings:
        nothing = f"None of {counted(one.tested, 'field')} tells them apart beyond chance."
        told = el("p", nothing, class_="quiet") if one.tested else None
        if told is None and words is None:
            return None
        return el("section", el("h4", "What they share"), told, words)
    scale = min(0.0, *(each.low for each in one.findings)), 1.0
    ends = (-1.0 if scale[0] < 0 else 0.0, scale[1])
    head = el(
        "tr", el("th", "What they share", scope="col"),
        el("th", el("span", "members", class_="key ours"), " ",
           el("span", "the rest", class_="key rest"), scope="col"),
        el("th", "Effect (95 %)", class_="n", scope="col", colspan=2),
    )  # fmt: skip
    rows = [_finding(each, ends) for each in one.findings]
    more = f", {counted(one.weaker, 'weaker finding')} not shown" if one.weaker else ""
    foot = (
        f"Effects lie between −1 and 1, and are within labels, so that a class does not pose as a "
        f"cause. {counted(one.tested, 'field')} tested{more}."
    )
    return el(
        "section",
        el("div", el("table", el("thead", head), el("tbody", *rows), class_="finds"),
           class_="wide"),
        words,
        el("p", typeset(foot), class_="quiet"),
    )  # fmt: skip


def _finding(one: Finding, ends: tuple[float, float]) -> Html:
    also = f". Also {listed(one.also)}" if one.also else ""
    chart = None
    if one.bars is not None and one.bars.inside:
        chart = bars(one.bars.inside, one.bars.outside, typeset(one.sentence or one.title))
    effect = whisker(one.effect, one.low, one.high, ends, tone="ours", width=90)
    return el(
        "tr",
        el("th", typeset(one.head), el("small", typeset(one.rest), typeset(also)),
           scope="row"),
        el("td", chart),
        el("td", effect),
        el("td", signed(one.effect), el("small", span(one.low, one.high)), class_="n"),
    )  # fmt: skip


def _words(telling: Telling) -> Html | None:
    if not telling.words:
        return None
    others = "others of the same labels" if telling.within_label else "the rest"
    shown = ", ".join(f"{one.word} ({times(one.times)})" for one in telling.words[:WORDS])
    return el("p", f"Words that tell these texts from {others}: {shown}.")


# --- What to do ---


def _action(one: Card, signal: str) -> Html:
    taken = saying.to_take(one)
    others = [each for each in one.advice if each not in taken]
    boxes = [_box(one, each, signal) for each in taken]
    parts: list[Html | None] = [
        el("h4", "What to do"),
        el("ul", *boxes, class_="todo"),
        _evidence(taken[0]),
    ]
    if others:
        names = listed([ACTION_NAMES[each.action] for each in others], most=len(others))
        parts.append(
            el(
                "details",
                el("summary", f"Less speaks for {names}"),
                el("ul", *(el("li", el("b", titled(ACTION_NAMES[each.action])), ": ",
                              typeset(each.sentence)) for each in others)),
            )
        )  # fmt: skip
    return el("section", *parts, class_="do")


def _box(one: Card, advice: Advice, signal: str) -> Html:
    """One action to tick: what, how many, why, and what it may win."""
    expected = saying.win(advice, signal)
    won = None
    if expected and advice.win is not None:
        won = el(
            "p", "Expected win: ", el("b", expected), ". ",
            typeset(f"{titled(advice.win.how)}. {WINS[advice.action]}"), class_="win",
        )  # fmt: skip
    elif advice.win is not None:
        won = el("p", f"Expected win: {typeset(advice.win.how)}.", class_="win")
    task = saying.task(one.todo, advice.action)
    return el(
        "li",
        el("b", titled(ACTION_NAMES[advice.action]), ". "),
        ADVICE[advice.action] + " ",
        typeset(task),
        el("p", "Why: ", typeset(advice.sentence), ".", class_="quiet"),
        won,
    )


def _evidence(first: Advice) -> Html | None:
    shown = [each for each in first.reasons if each.value is not None and each.weight][:EVIDENCE]
    if not shown:
        return None
    head = el(
        "tr", el("th", f"Evidence about {ACTION_NAMES[first.action]}", scope="col"),
        el("th", "Here (95 %)", class_="n", scope="col"),
        el("th", "Against", class_="n", scope="col"),
    )  # fmt: skip
    table = el("table", el("thead", head), el("tbody", *map(_reason, shown)))
    return el("div", table, class_="wide evidence")


def _reason(one: Reason) -> Html:
    bounds = span(one.low, one.high) if one.low != one.high else ""
    return el(
        "tr",
        el("td", typeset(titled(one.sentence or one.evidence.replace("_", " ")))),
        el("td", quantity(one.value), el("small", bounds) if bounds else None, class_="n"),
        el("td", quantity(one.reference), class_="n"),
    )


def claims_table(found: Sequence[OnRun]) -> Html:
    """List hypotheses with what the data say."""
    rows = []
    for one in found:
        made = one.hypothesis
        held = f"{listed(made.confounders)} held still" if made.confounders else ""
        notes = " · ".join(part for part in (made.filter, held, made.author) if part)
        rows.append(
            el(
                "tr",
                el("th", typeset(made.title), el("small", typeset(notes)), scope="row"),
                el("td", el("span", one.support, class_=f"pill {_tone(one.support)}")),
                el("td", typeset(one.sentence)),
            )
        )
    names = ("Hypothesis tested", "Answer", "What the data say")
    head = el("tr", *(el("th", name, scope="col") for name in names))
    return el("div", el("table", el("thead", head), el("tbody", *rows)), class_="wide claims")


def _tone(support: str) -> str:
    return {"supported": "pass", "partly": "inconclusive", "not supported": "fail"}.get(
        support, "missing"
    )
