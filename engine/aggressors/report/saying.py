"""Sentences that page and ticket share: the bottom line, and actions with their quantities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aggressors.contracts import Verdict
from aggressors.export.verdicts import bottom_line as check_line
from aggressors.gate import CheckResult
from aggressors.queries.handover import COUNTS, Advice
from aggressors.queries.triage import Triaged
from aggressors.queries.worsened import mean_change
from aggressors.report.against import Against
from aggressors.report.cards import Card, ToDo
from aggressors.report.figures import share, share_span
from aggressors.report.gathered import Report
from aggressors.words import counted, decided, percent, spoken, titled, verdict_word

Tone = Literal["bad", "good", "plain"]


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the bottom line; `section` of the page tells more."""

    tone: Tone
    text: str
    section: str


def bottom_lines(report: Report) -> tuple[Line, ...]:
    """Say what to take away, the groups first."""
    tone: Tone = "bad" if report.summary.confirmed else "plain"
    lines = [Line(tone, report.summary.bottom_line, "aggressors")]
    tests = report.tests
    if tests is not None and tests.result.verdicts:
        lines.append(_checked(tests.result))
    if report.back:
        lines.append(Line("bad", _back(report.back), "aggressors"))
    if report.against is not None:
        lines.append(_changed(report.against, spoken(report.summary.info.settings.signal)))
    return tuple(lines)


def _checked(result: CheckResult) -> Line:
    """Say how the run does in the tests; one that all of them are measured against passes none."""
    found = result.verdicts
    if all(verdict_word(one, result.run_id) == "baseline" for one in found):
        tests = "its 1 saved test" if len(found) == 1 else f"all {len(found):,} saved tests"
        return Line("plain", f"{result.run_name} is the baseline of {tests}.", "tests")
    failed = any(one.verdict == "fail" for one in found)
    sure = all(one.verdict == "pass" for one in found)
    return Line("bad" if failed else "good" if sure else "plain", check_line(result), "tests")


def _back(found: tuple[Triaged, ...]) -> str:
    names = [f"aggressor {one.aggressor.rank}, {one.aggressor.name}" for one in found]
    if len(names) == 1:
        return f"Back after it was fixed: {names[0]}."
    return f"Back after they were fixed: {'; '.join(names)}."


def _changed(found: Against, signal: str) -> Line:
    change = found.whole
    text = f"Against {found.baseline_name}: {uncapped(found.hidden)}"
    if not found.hidden:
        text = f"Against {found.baseline_name}: {uncapped(mean_change(change, signal))}."
        if found.worse:
            n = len(found.uncovered)
            text += f" {counted(len(found.worse), 'group')} got surely worse"
            text += f", {n:,} of them covered by no test." if n else ", all covered by a test."
    worse = bool(found.worse) or (change.low is not None and change.low > 0)
    better = change.high is not None and change.high < 0
    return Line("bad" if worse else "good" if better else "plain", text, "against")


def uncapped(text: str) -> str:
    """Write a sentence that another one leads to."""
    return text[:1].lower() + text[1:]


def decision_of(one: Triaged) -> str:
    """Say who decided what about an aggressor, when and why; '' where nothing is decided."""
    said = one.decision
    if said is None:
        return ""
    text = titled(decided(said.word, said.author, said.run_name, said.created_at[:10]))
    return f"{text}: {said.why}" if said.why else text


# --- What to do ---


def to_take(card: Card) -> tuple[Advice, ...]:
    """Choose the actions worth a box to tick: the first, and what evidence speaks for."""
    first, *others = card.advice
    backed = [
        one for one in others if any(each.weight >= COUNTS for each in one.reasons)
    ]  # fmt: skip
    return (first, *backed)


def task(todo: ToDo, action: str) -> str:
    """Say what to do in numbers."""
    if action == "collect":
        return _collect(todo)
    if action == "relabel" and todo.relabel:
        return f"Review {counted(todo.relabel, 'label')} listed, the most doubtful first."
    if action == "remove" and todo.remove:
        return f"Look at {counted(todo.remove, 'sample')} listed as beyond use, the worst first."
    if action == "augment":
        return todo.augment
    return _mistakes(todo) if action == "review_model" else ""


def _collect(todo: ToDo) -> str:
    one = todo.expected
    if one is None:
        return todo.record
    most = max(todo.candidates, one.count)
    which = f"all {most:,}" if most == one.count else f"the first {one.count:,} of {most:,}"
    return (
        f"Label {which} ranked candidates: {percent(one.expected)} of them are expected to be such "
        f"samples ({100 * one.low:.0f} to {percent(one.high)})."
    )


def _mistakes(todo: ToDo) -> str:
    told = [
        f"{one.label} taken for {one.prediction} {one.n:,}× "
        f"({percent(one.share)} of the label, {percent(one.elsewhere)} elsewhere)"
        for one in todo.confused[:2]
    ]
    most = f"Most frequent: {'; '.join(told)}." if told else ""
    return " ".join(part for part in (most, todo.sure) if part)


def win(one: Advice, signal: str) -> str:
    """Say what an action may win; '' where that is unknown."""
    if one.win is None or one.win.share is None:
        return ""
    span = share_span(one.win.low, one.win.high) if one.win.low != one.win.high else ""
    return f"{share(one.win.share)} of all {signal}{f' ({span})' if span else ''}"


def unsure(verdict: Verdict) -> bool:
    """Whether a verdict is no clear answer."""
    return verdict.verdict in ("inconclusive", "missing")
