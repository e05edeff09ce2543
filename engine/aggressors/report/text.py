"""A run as a short Markdown text for a ticket: bottom line, ranking, what to do, failing tests."""

from __future__ import annotations

from aggressors.contracts import Verdict
from aggressors.export.verdicts import MARKS, escaped, threshold
from aggressors.report import saying
from aggressors.report.cards import Card
from aggressors.report.figures import quantity, share, signed, span
from aggressors.report.gathered import Report
from aggressors.words import ACTION_NAMES, ADVICE, STATES, counted, failing_of, spoken, typeset

ROWS = 6  # aggressors of the table
TASKS = 3  # of these with a box to tick
WORSE = 3  # groups that got worse


def ticket(report: Report) -> str:
    """Write the text; actions are quantified checkboxes."""
    summary = report.summary
    info = summary.info
    first, *others = saying.bottom_lines(report)
    origin = f", {summary.origin}" if summary.origin else ""
    parts = [
        [f"## {escaped(info.name)}: {escaped(typeset(first.text))}"],
        [f"- {escaped(typeset(one.text))}" for one in others],
        [f"Model {escaped(info.model_name)}, {escaped(typeset(summary.performance))}. "
         f"Run `{info.run_id}`{escaped(origin)}."],
        _ranking(report),
        _tasks(report),
        _tests(report),
        _worse(report),
    ]  # fmt: skip
    return "\n".join("\n".join(lines) + "\n" for lines in parts if lines)


def _ranking(report: Report) -> list[str]:
    found = [one.aggressor for one in report.confirmed]
    if not found:
        return _uncounted(report)
    signal = escaped(spoken(report.summary.info.settings.signal))
    lines = [
        f"| # | aggressor | gap in {signal} (95 %) | impact | {failing_of(found).lower()} | next |",
        "| ---: | --- | --- | ---: | ---: | --- |",
    ]
    for one in found[:ROWS]:
        word = report.decided[one.rank].word if one.rank in report.decided else "new"
        team = "" if word == "new" else f" ({STATES[word]})"
        lines.append(
            f"| {one.rank} | {escaped(one.name)}{team} | {quantity(one.gap)} "
            f"({span(one.gap_low, one.gap_high)}) | {share(one.impact)} | "
            f"{one.n_core:,}/{one.n_known:,} | {ACTION_NAMES[one.action]} |"
        )
    return [*lines, *_uncounted(report)]


def _uncounted(report: Report) -> list[str]:
    """Say how many aggressors the table does not have, and why."""
    told = [
        (len(report.confirmed) - ROWS, "more confirmed"),
        (len(report.tentative), "tentative and not counted"),
        (len(report.dismissed), "dismissed"),
    ]
    said = ", ".join(f"{n:,} {what}" for n, what in told if n > 0)
    return ["", f"Not listed: {said}."] if said else []


def _tasks(report: Report) -> list[str]:
    found = report.confirmed[:TASKS]
    if not found:
        return []
    return ["### What to do", "", *(f"- [ ] {_task(card, report)}" for card in found)]


def _task(card: Card, report: Report) -> str:
    signal = spoken(report.summary.info.settings.signal)
    first = card.advice[0]
    parts = [f"**{escaped(card.aggressor.name)}**: {ACTION_NAMES[first.action]}."]
    parts.append(escaped(saying.task(card.todo, first.action) or ADVICE[first.action]))
    if expected := saying.win(first, signal):
        parts.append(f"Expected win {escaped(expected)}.")
    return " ".join(parts)


def _tests(report: Report) -> list[str]:
    """List the tests that do not pass, each with its margin and n; the others are counted."""
    verdicts = report.tests.result.verdicts if report.tests else ()
    failed = [one for one in verdicts if one.verdict == "fail"]
    unsure = [one for one in verdicts if saying.unsure(one)]
    if not failed and not unsure:
        return []
    return ["### Saved tests", "", *map(_verdict, [*failed, *unsure])]


def _verdict(one: Verdict) -> str:
    head = f"- {MARKS[one.verdict]} **{one.verdict}** `{one.slug}` ({one.state})"
    if one.difference is None:
        return f"{head}: {escaped(one.reason)}"
    change = f"{signed(one.difference)} ({span(one.low, one.high)})"
    return f"{head}: {change} in mean {escaped(spoken(one.signal))}; {escaped(threshold(one))}"


def _worse(report: Report) -> list[str]:
    found = report.against.uncovered if report.against else ()
    if not found:
        return []
    lines = ["### Got worse, and no test covers it", ""]
    for one in found[:WORSE]:
        group = one.group
        lines.append(
            f"- **{escaped(group.name)}**: worse by {quantity(group.difference)} "
            f"({span(group.low, group.high)}) on {counted(group.n_confirm, 'sample')}"
        )
    more = len(found) - WORSE
    return [*lines, *([f"- {more:,} more"] if more > 0 else [])]
