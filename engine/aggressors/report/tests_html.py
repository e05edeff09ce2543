"""Saved tests on the page: one test over the runs, and all tests by run."""

from __future__ import annotations

from collections.abc import Sequence

from aggressors.contracts import Verdict
from aggressors.export.verdicts import threshold
from aggressors.gate import RunPoint, TrackedTest
from aggressors.report.charts import Point, over_runs
from aggressors.report.figures import quantity, signed, span
from aggressors.report.markup import Html, el, html
from aggressors.report.tested import Tests
from aggressors.words import VERDICT_GLYPHS, counted, spoken, typeset, verdict_word

MOST_RUNS = 10  # of a chart and of the matrix, the newest
NO_TESTS = (
    "No test is saved yet. ",
    "aggressors save-test RUN --aggressor 1",
    " freezes the samples of an aggressor, and every later run is compared on them.",
)


def pill(word: str, text: str = "") -> Html:
    """Show a verdict as its sign and its word, or another text."""
    return el("span", f"{VERDICT_GLYPHS.get(word, '·')} {text or word}", class_=f"pill {word}")


def anchor(slug: str) -> str:
    """Name the place of a test on the page."""
    return f"t-{slug}"


# --- One test ---


def one_test(tracked: TrackedTest, tests: Tests, run_id: str, note: str = "") -> Html:
    """Show one test over all runs, with what it was judged by.

    Parameters
    ----------
    note : what it has to do with the aggressor above it.
    """
    test, verdict = tracked.test, tests.verdict(tracked.test.slug)
    head = el(
        "h4", "Test ", el("span", test.slug, class_="slug"), " ",
        el("span", tracked.state, class_=f"state {tracked.state}"),
        el("small", typeset(note)) if note else None,
    )  # fmt: skip
    parts: list[Html | None] = [head, el("p", typeset(test.title), class_="quiet")]
    if verdict is not None:
        parts.append(el("p", pill(verdict_word(verdict, run_id)), " ", typeset(verdict.reason)))
        parts.append(el("p", typeset(threshold(verdict, " · ")), class_="quiet"))
    promise = tests.promises.get(test.slug)
    if promise is not None and (verdict is None or verdict.detectable is None):
        parts.append(el("p", typeset(promise.sentence), class_="quiet"))
    runs = [run for run in tests.history.runs if run.run_id in tracked.verdicts][-MOST_RUNS:]
    if len(runs) > 1:
        parts.append(el("div", _drawn(tracked, runs, run_id), _history(tracked, runs, run_id),
                        class_="history"))  # fmt: skip
    return el("section", *parts, id=anchor(test.slug), class_="test")


def _drawn(tracked: TrackedTest, runs: Sequence[RunPoint], run_id: str) -> Html:
    points = [_point(run, tracked.verdicts[run.run_id], run_id) for run in runs]
    signal = spoken(tracked.test.signal)
    told = "; ".join(f"{one.run} {one.word}, {quantity(one.value)}" for one in points)
    legend = f"Mean {signal} with 95 % interval; the dashed line is the baseline plus the margin"
    return el(
        "figure",
        over_runs(points, f"Mean {signal} of {tracked.test.slug} by run: {told}"),
        el("figcaption", typeset(legend), class_="quiet"),
    )


def _point(run: RunPoint, one: Verdict, run_id: str) -> Point:
    word = verdict_word(one, run.run_id)
    paired = word != "baseline" and one.reference is not None
    low, high, limit = None, None, None
    if paired and one.reference is not None:
        low = None if one.low is None else one.reference + one.low
        high = None if one.high is None else one.reference + one.high
        limit = None if one.margin is None else one.reference + one.margin
    return Point(run.name, one.value, low, high, limit, word, run.run_id == run_id)


def _history(tracked: TrackedTest, runs: Sequence[RunPoint], run_id: str) -> Html:
    names = ("Run", "Verdict", "State after it")
    numbers = ("Mean", "Change (95 %)", "n")
    head = el("tr", *(el("th", name, scope="col") for name in names),
              *(el("th", typeset(name), class_="n", scope="col") for name in numbers))  # fmt: skip
    rows = []
    for run in reversed(runs):
        one = tracked.verdicts[run.run_id]
        own = verdict_word(one, run.run_id) == "baseline"
        compared = not own and one.difference is not None
        bounds = el("small", span(one.low, one.high))
        rows.append(
            el(
                "tr",
                el("th", run.name, scope="row"),
                el("td", pill(verdict_word(one, run.run_id))),
                el("td", one.state),
                el("td", quantity(one.value), class_="n"),
                el(
                    "td",
                    signed(one.difference) if compared else "–",
                    bounds if compared else None,
                    class_="n",
                ),
                el("td", f"{one.n:,}", class_="n"),
                class_="here" if run.run_id == run_id else None,
            )
        )
    return el("div", el("table", el("thead", head), el("tbody", *rows)), class_="wide")


# --- All tests ---


def section(tests: Tests, run_id: str) -> Html:
    """Show the matrix of tests by run, then the tests that belong to no aggressor."""
    title = el("h2", "Saved tests", id="tests")
    if not tests.history.tests:
        before, command, after = NO_TESTS
        return el("section", title, el("p", before, el("code", command), after, class_="quiet"))
    others = tests.elsewhere
    parts = [title, _matrix(tests, run_id)]
    if others:
        parts.append(el("h3", "Tests of no aggressor above"))
        parts += [one_test(tracked, tests, run_id) for tracked in others]
    return el("section", *parts)


def _matrix(tests: Tests, run_id: str) -> Html:
    runs = tests.history.runs[-MOST_RUNS:]
    point = tests.history.point(run_id)
    here = point.version if point else run_id
    head = el(
        "tr", el("th", "Test", scope="col"), el("th", "State", scope="col"),
        el("th", "Margin, and where it is from", scope="col"),
        *(el("th", run.name, scope="col", class_="here" if run.run_id == here else None)
          for run in runs),
    )  # fmt: skip
    rows = [_row(tracked, runs, here) for tracked in tests.history.tests]
    left_out = len(tests.history.runs) - len(runs)
    older = el("p", f"{counted(left_out, 'older run')} not shown.", class_="quiet")
    table = el("table", el("thead", head), el("tbody", *rows), class_="matrix")
    return html(el("div", table, class_="wide"), older if left_out else None)


def _row(tracked: TrackedTest, runs: Sequence[RunPoint], here: str) -> Html:
    test = tracked.test
    margin = f"{quantity(test.margin)}, {typeset(test.margin_origin)}"
    cells = []
    for run in runs:
        one = tracked.verdicts.get(run.run_id)
        shown = pill(verdict_word(one, run.run_id)) if one else "–"
        cells.append(el("td", shown, class_="here" if run.run_id == here else None))
    return el(
        "tr",
        el(
            "th", el("a", test.slug, href=f"#{anchor(test.slug)}"),
            el("small", f"{counted(test.samples, 'sample')}"), scope="row",
        ),
        el("td", tracked.state, class_=f"state {tracked.state}"),
        el("td", margin, class_="quiet"),
        *cells,
    )  # fmt: skip
