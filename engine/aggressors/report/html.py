"""A run as one self-contained HTML page: bottom line first, light and dark, and for paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aggressors.queries.cards import data_uri
from aggressors.report import against_html, tests_html
from aggressors.report.card_html import card, claims_table, triage_pill
from aggressors.report.cards import Card
from aggressors.report.charts import scale_of, whisker
from aggressors.report.figures import quantity, share, signed, span
from aggressors.report.gathered import Report
from aggressors.report.markup import EMPTY, Html, el, html
from aggressors.report.method_html import method
from aggressors.report.pictures import Gallery
from aggressors.report.saying import Line, bottom_lines, decision_of
from aggressors.report.style import STYLE
from aggressors.report.tested import Tests
from aggressors.words import (
    ACTION_NAMES,
    counted,
    failing_of,
    nothing_found,
    percent,
    spoken,
    typeset,
    verdict_word,
)

# Nothing may be fetched or run, whatever a run file holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(report: Report) -> str:
    """Write the page; every text from data is escaped, and nothing is fetched."""
    info = report.summary.info
    body = el(
        "body",
        _pictures(report.gallery),
        el("main", _head(report), _tiles(report), _contents(report), _overview(report),
           _against(report), _cards(report), _tests(report), _claims(report), _dismissed(report),
           _troubles(report), method(report)),
    )  # fmt: skip
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        el("title", f"{info.name} · aggressors"),
        el("style", Html(STYLE)),
    )
    return f"<!doctype html>{el('html', head, body, lang='en')}\n"


def _pictures(gallery: Gallery) -> Html:
    """Hold each picture once; it is shown by its key."""
    if not gallery.content:
        return EMPTY
    sizes = {one.key: one for one in gallery.pictures}
    held = [
        el("image", id=key, href=data_uri(content), width=sizes[key].width,
           height=sizes[key].height, preserveAspectRatio="none")
        for key, content in gallery.content.items()
    ]  # fmt: skip
    return el("svg", el("defs", *held), width=0, height=0, class_="held", aria_hidden="true")


# --- Top ---


def _head(report: Report) -> Html:
    summary = report.summary
    info = summary.info
    when = datetime.fromisoformat(info.created_at).strftime("%d %B %Y, %H:%M UTC")
    facts = [f"Model {info.model_name}", f"run {info.run_id}", when, summary.origin]
    lines = [_line(one, first=not place) for place, one in enumerate(bottom_lines(report))]
    return el(
        "header",
        el("p", " · ".join(fact for fact in facts if fact), class_="quiet"),
        el("h1", info.name),
        el("ul", *lines, class_="bottom"),
    )


def _line(one: Line, *, first: bool) -> Html:
    link = el("a", "more", href=f"#{one.section}", class_="more")
    return el("li", typeset(one.text), " ", link, class_=f"{one.tone}{' first' if first else ''}")


def _tiles(report: Report) -> Html:
    summary = report.summary
    analysed, signal = summary.analysed, spoken(summary.info.settings.signal)
    wrong = analysed.error_rate
    tiles = [
        *([] if wrong is None else [("Accuracy", share(1 - wrong))]),
        (f"Mean {summary.info.loss_name}", quantity(analysed.mean_loss)),
        ("Confirmed aggressors", f"{len(summary.confirmed):,}"),
        (f"Of all {signal} explained", share(summary.explained.share, 0)),
        (f"{analysed.population.capitalize()} samples", f"{analysed.n_labeled:,}"),
    ]
    if report.tests is not None and report.tests.result.verdicts:
        verdicts = report.tests.result.verdicts
        failed = sum(one.verdict == "fail" for one in verdicts)
        tiles.append(("Saved tests failed", f"{failed:,} of {len(verdicts):,}"))
    return el(
        "dl",
        *(el("div", el("dt", typeset(name)), el("dd", el("b", value))) for name, value in tiles),
        class_="figures tiles-top",
    )


def _contents(report: Report) -> Html:
    links = [("aggressors", "Aggressors")]
    if report.against is not None:
        links.append(("against", f"Against {report.against.baseline_name}"))
    if report.cards:
        links.append(("cards", "One by one"))
    if report.tests is not None:
        links.append(("tests", "Saved tests"))
    if report.dismissed:
        links.append(("dismissed", "Dismissed"))
    links.append(("method", "Method"))
    return el("nav", *(el("a", name, href=f"#{place}") for place, name in links),
              aria_label="Sections")  # fmt: skip


# --- Overview ---


def _overview(report: Report) -> Html:
    summary = report.summary
    signal = spoken(summary.info.settings.signal)
    title = el("h2", "Aggressors, ranked", id="aggressors")
    if not report.cards:
        name, sentence = nothing_found(summary.facts, summary.info.settings.signal)
        if report.dismissed:
            name, sentence = "All dismissed", "Every aggressor of this run is dismissed."
        return el("section", title, el("p", el("b", f"{name}. "), sentence))
    shown = [one.aggressor for one in report.cards]
    ends = scale_of([each for one in shown for each in (one.gap_low, one.gap_high)])
    team = any(one.word != "new" for one in report.decided.values() if not one.is_hidden)
    tested = bool(report.tests and report.tests.history.tests)
    names = ["#", "Aggressor", typeset(f"Gap in {signal} (95 %)"), "Impact", failing_of(shown)]
    columns = [
        el("th", name, scope="col", class_=None if name in ("Aggressor",) else "n",
           colspan=2 if place == 2 else None)
        for place, name in enumerate(names)
    ]  # fmt: skip
    columns.append(el("th", "Next", scope="col"))
    columns += [el("th", "Team", scope="col")] * team + [el("th", "Tests", scope="col")] * tested
    rows = [
        _row(one, report, ends, team=team, tested=tested) for one in report.confirmed
    ]  # fmt: skip
    if report.tentative:
        said = "Tentative: too few samples to confirm, counted nowhere"
        rows.append(
            el("tr", el("th", said, colspan=7 + team + tested, scope="colgroup"), class_="apart")
        )
        rows += [_row(one, report, ends, team=team, tested=tested) for one in report.tentative]
    table = el("table", el("thead", el("tr", *columns)), el("tbody", *rows), class_="ranking")
    return el("section", title, el("div", table, class_="wide"), _notes(report, signal))


def _row(one: Card, report: Report, ends: tuple[float, float], *, team: bool, tested: bool) -> Html:
    found = one.aggressor
    part = el("small", f"part of {found.part_of}") if found.part_of is not None else None
    bounds = el("small", span(found.gap_low, found.gap_high))
    cells = [
        el("td", found.rank, class_="n"),
        el("th", el("a", typeset(found.name), href=f"#a{found.rank}"), part, scope="row"),
        el("td", whisker(found.gap, found.gap_low, found.gap_high, ends, width=120)),
        el("td", signed(found.gap), bounds, class_="n aside"),
        el("td", share(found.impact), class_="n"),
        el("td", f"{found.n_core:,}/{found.n_known:,}", class_="n"),
        el("td", ACTION_NAMES[found.action], class_="one-line"),
    ]
    if team:
        cells.append(el("td", triage_pill(report.decided.get(found.rank))))
    if tested and report.tests is not None:
        cells.append(el("td", *_pills(report.tests, found.rank, report.summary.info.run_id)))
    return el("tr", *cells)


def _pills(tests: Tests, rank: int, run_id: str) -> list[Html]:
    pills = []
    for one in tests.held.get(rank, ()):
        verdict = tests.verdict(one.slug)
        if verdict is not None:
            word = verdict_word(verdict, run_id)
            pills.append(el("a", tests_html.pill(word, one.slug), title=word,
                            href=f"#{tests_html.anchor(one.slug)}"))  # fmt: skip
    return pills


def _notes(report: Report, signal: str) -> Html:
    quantile = percent(report.summary.info.settings.core_quantile)
    text = (
        f"Bars and lines: the gap to the rest with its interval, on the half of the samples that "
        f"the search had not seen. Impact: share of all {signal} that would vanish if the group "
        f"did like the rest. A member fails where its {signal} exceeds that of {quantile} of the "
        f"rest."
    )
    hidden = len(report.dismissed)
    link = None
    if hidden:
        verb = "is" if hidden == 1 else "are"
        link = html(" ", el("a", f"{hidden:,} dismissed", href="#dismissed"), f" {verb} left out.")
    return el("p", typeset(text), link, class_="quiet")


# --- The rest ---


def _against(report: Report) -> Html:
    if report.against is None:
        return EMPTY
    info = report.summary.info
    return against_html.section(report.against, spoken(info.settings.signal), info.run_id)


def _tests(report: Report) -> Html:
    if report.tests is None:
        return EMPTY
    return tests_html.section(report.tests, report.summary.info.run_id)


def _claims(report: Report) -> Html:
    shown = {one.aggressor.rank for one in report.cards}
    about = [each for rank, found in report.claims.about.items() if rank not in shown
             for each in found]  # fmt: skip
    others = [*report.claims.others, *about]
    if not others:
        return EMPTY
    return el("section", el("h2", "Hypotheses of no aggressor above"), claims_table(others))


def _cards(report: Report) -> Html:
    if not report.cards:
        return EMPTY
    shown: set[str] = set()
    confirmed = [_card(one, report, shown) for one in report.confirmed]
    tentative = [_card(one, report, shown) for one in report.tentative]
    left = report.gallery.left_out
    lacking = f"{counted(left, 'picture')} left out, so that the page stays small to send."
    parts = [
        el("h2", "One by one", id="cards"),
        el("p", lacking, class_="quiet") if left else None,
        *confirmed,
    ]
    if tentative:
        parts += [
            el("h2", "Tentative", class_="second"),
            el("p", "Too few samples to confirm; counted nowhere.", class_="quiet"),
            *tentative,
        ]
    return el("section", *parts, class_="cards")


def _card(one: Card, report: Report, shown: set[str]) -> Html:
    rank = one.aggressor.rank
    return card(
        one,
        spoken(report.summary.info.settings.signal),
        report.decided.get(rank),
        report.claims.about.get(rank, ()),
        _tests_of(report, rank, shown),
    )


def _tests_of(report: Report, rank: int, shown: set[str]) -> Sequence[Html]:
    """Show each test at the first aggressor whose samples it holds, and link to it elsewhere."""
    tests, run_id = report.tests, report.summary.info.run_id
    parts = []
    for one in tests.held.get(rank, ()) if tests else ():
        tracked = tests.tracked(one.slug) if tests else None
        if tests is None or tracked is None:
            continue
        note = f"holds {percent(one.share)} of its samples that a test could freeze"
        if one.slug in shown:
            link = el("a", one.slug, href=f"#{tests_html.anchor(one.slug)}")
            parts.append(el("p", "Test ", link, " ", typeset(note), ", and is shown above."))
            continue
        shown.add(one.slug)
        parts.append(tests_html.one_test(tracked, tests, run_id, note))
    return parts


def _dismissed(report: Report) -> Html:
    if not report.dismissed:
        return EMPTY
    rows = [
        el(
            "li",
            el("b", f"{one.aggressor.rank} ", typeset(one.aggressor.name)),
            f", {share(one.aggressor.impact)} of the whole. ",
            el("span", decision_of(one), class_="quiet"),
            id=f"a{one.aggressor.rank}",
        )
        for one in report.dismissed
    ]
    return el("section", el("h2", "Dismissed by the team", id="dismissed"), el("ul", *rows))


def _troubles(report: Report) -> Html:
    if not report.troubles:
        return EMPTY
    items = [el("li", one) for one in report.troubles]
    return el("section", el("h2", "Files that could not be used"), el("ul", *items))
