"""Saved tests x runs, and one test over all runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from aggressors.contracts import Verdict
from aggressors.gate import History, TrackedTest
from aggressors.words import VERDICT_GLYPHS, spoken, verdict_word
from aggressors_app import charts, placing, state
from aggressors_app.components.chart import chart
from aggressors_app.components.listing import (
    Badge,
    Cell,
    Color,
    Column,
    Mark,
    Number,
    Row,
    Text,
    listing,
)
from aggressors_app.components.matrix import Placed, in_order, runs_shown, tests_shown, turners
from aggressors_app.components.states import nothing
from aggressors_app.format import MISSING, count, interval, number, plain, signed, typeset, when

COLORS: dict[str, Color] = {
    "pass": "green", "fail": "red", "inconclusive": "orange", "missing": "gray", "baseline": "gray",
}  # fmt: skip
STATES: dict[str, Color] = {"open": "gray", "solved": "green", "regressed": "red"}
HEIGHT = 480  # pixels before the matrix scrolls, so that the chosen test stays in sight


def saved_tests(history: History, run_id: str) -> None:
    """Show all tests in all runs, and the chosen one over time."""
    if not history.tests:
        nothing(
            "No saved test yet",
            "Save an aggressor as a test: every later run is then compared on the same samples, "
            "and `aggressors check` fails when one gets worse.",
            icon=":material/checklist:",
        )
        return
    point = history.point(run_id)
    here = point.version if point else run_id
    placed = in_order(history, here)
    slugs = tuple(one.tracked.test.slug for one in placed)
    chosen = state.read().get("test", slugs[0], slugs)
    turners(history, placed, here, chosen)
    verdict_matrix(history, tests_shown(placed, chosen), here, chosen)
    one_test(next(tracked for tracked in history.tests if tracked.test.slug == chosen), history)


def verdict_line(history: History, run_id: str) -> None:
    """Say in one sentence how this run does in all tests."""
    found = [tracked.verdicts.get(run_id) for tracked in history.tests]
    judged = [verdict for verdict in found if verdict is not None]
    if not judged:
        return
    failed = [verdict.slug for verdict in judged if verdict.verdict == "fail"]
    unsure = sum(verdict.verdict in ("inconclusive", "missing") for verdict in judged)
    point = history.point(run_id)
    name = plain(point.name if point else run_id)
    tests = f"{len(judged)} saved test{'' if len(judged) == 1 else 's'}"
    if failed:
        st.subheader(
            f":red[:material/cancel:] {name} fails {len(failed)} of {tests}",
            width="content",
            anchor=False,
        )
    else:
        st.subheader(
            f":green[:material/check_circle:] {name} fails none of {tests}",
            width="content",
            anchor=False,
        )
    if unsure:
        st.caption(f"{unsure} without a clear answer", width="content")


def verdict_matrix(history: History, placed: Sequence[Placed], here: str, chosen: str) -> None:
    """Show a row a test and a column a run; choosing a row shows it over all runs."""
    runs = runs_shown(history, here)
    columns = [
        Column("Test", width="32%"),
        Column("State", width="12%", help="After the newest run"),
    ]
    wide = f"{56 / max(len(runs), 1):.1f}%"
    columns += [
        Column(
            f"{run.name} ◂" if run.run_id == here else run.name,
            help=when(run.created_at),
            width=wide,
        )
        for run in runs
    ]
    rows = []
    for one in placed:
        tracked = one.tracked
        cells: list[Cell] = [
            Text(tracked.test.slug, sub=typeset(tracked.test.title), strong=True),
            Badge(tracked.state, STATES[tracked.state]),
        ]
        cells += [_mark(tracked.verdicts.get(run.run_id), run.run_id) for run in runs]
        rows.append(Row(tracked.test.slug, tuple(cells), group=one.group))
    listing(
        "matrix",
        columns,
        rows,
        label="Saved tests by run",
        chosen=chosen,
        on_choose=lambda slug: state.change(test=slug),
        on_act=lambda run, slug: beside(history, run, slug),
        height=HEIGHT,
    )


def beside(history: History, run_id: str, slug: str) -> None:
    """Put a run beside the one that a test measures it against, on the test's samples."""
    tracked = next((one for one in history.tests if one.test.slug == slug), None)
    verdict = tracked.verdicts.get(run_id) if tracked else None
    if verdict is None or history.point(run_id) is None:  # the browser may send anything
        return
    placing.switch(run_id)
    state.change(
        view="runs",
        against=verdict.baseline,
        on=f"test:{slug}",
        test=slug,
        turn=None,
        page=None,
        sample=None,
    )


def _mark(verdict: Verdict | None, run_id: str) -> Cell:
    if verdict is None:
        return Mark(MISSING, "gray", "Not measured in this run")
    word = verdict_word(verdict, run_id)
    paired = verdict.baseline not in ("", run_id)
    more = f" Click to see it beside {verdict.baseline_name}." if paired else ""
    return Mark(
        f"{VERDICT_GLYPHS[word]} {word}",
        COLORS[word],
        typeset(verdict.reason) + more,
        act=run_id if paired else "",
    )


def one_test(tracked: TrackedTest, history: History) -> None:
    """Show one test in every run, side by side."""
    test = tracked.test
    with st.container(border=True):
        st.markdown(f"#### {plain(typeset(test.title))}")
        st.markdown(
            f"{plain(typeset(test.why))} :gray[{count(test.samples)} samples, margin "
            f"{number(test.margin)} in mean {spoken(test.signal)}: "
            f"{plain(typeset(test.margin_origin))}.]"
        )
        colors = charts.palette(st.context.theme.type)
        names = {run.run_id: run.name for run in history.runs}
        verdicts = {run: one for run, one in tracked.verdicts.items() if run in names}
        values, gaps = st.columns(2, gap="medium")
        with values:
            points = {run: _value(names[run], one, run) for run, one in verdicts.items()}
            signal = f"mean {spoken(test.signal)}"
            _over_runs("test_values", points, signal, f"{signal} of its samples", colors)
        with gaps:
            points = {
                run: None
                if one.gap is None
                else charts.Point(
                    names[run], one.gap, one.gap_low, one.gap_high, verdict_word(one, run)
                )
                for run, one in verdicts.items()
            }
            gap = "gap to the rest"
            _over_runs("test_gaps", points, gap, "Gap to the rest of the same run", colors)
        _table(tracked, history)


def _over_runs(
    key: str,
    points: Mapping[str, charts.Point | None],
    quantity: str,
    title: str,
    colors: charts.Palette,
) -> None:
    """Draw one value a run; a click shows that run."""
    known = {run: point for run, point in points.items() if point is not None}
    runs, shown = list(known), list(known.values())
    if shown:
        chart(
            key,
            charts.over_runs(shown, quantity, colors),
            charts.table_of_runs(shown, quantity),
            title=title[:1].upper() + title[1:],
            on_mark=lambda place: placing.switch(runs[place]) if place < len(runs) else None,
        )


def _value(run: str, one: Verdict, run_id: str) -> charts.Point | None:
    if one.value is None:
        return None
    word = verdict_word(one, run_id)
    if word == "baseline":
        return charts.Point(run, one.value, None, None, word)
    paired = one.reference is not None and one.low is not None and one.high is not None
    low = one.reference + one.low if paired else None  # type: ignore[operator]
    high = one.reference + one.high if paired else None  # type: ignore[operator]
    return charts.Point(run, one.value, low, high, word)


def _table(tracked: TrackedTest, history: History) -> None:
    names = {run.run_id: run.name for run in history.runs}
    verdicts = {run: one for run, one in tracked.verdicts.items() if run in names}
    columns = (
        Column("Run"),
        Column("Verdict"),
        Column("Value", right=True),
        Column("Baseline", right=True),
        Column("Change", right=True),
        Column("Samples", right=True, help="Compared; and the worsening that fails in 80 of 100"),
        Column("Reason", width="38%"),
    )
    rows = [_row(names[run_id], one, run_id) for run_id, one in reversed(verdicts.items())]
    listing(
        "one_test",
        columns,
        rows,
        label="The test in every run",
        on_act=lambda _, run_id: beside(history, run_id, tracked.test.slug),
        height=HEIGHT,
    )


def _row(name: str, one: Verdict, run_id: str) -> Row:
    own = verdict_word(one, run_id) == "baseline"
    return Row(
        run_id,
        (
            Text(name, strong=True),
            _mark(one, run_id),
            Number(number(one.value)),
            Number(MISSING) if own else Text(number(one.reference), sub=one.baseline_name),
            Number(MISSING)
            if own
            else Text(signed(one.difference), sub=interval(one.low, one.high)),
            Text(count(one.n), sub=_noticed(one)),
            Text("", sub=typeset(one.reason)),
        ),
    )


def _noticed(one: Verdict) -> str:
    """Say what so many samples could notice, so that nobody trusts an empty promise."""
    return "" if one.detectable is None else f"notices {number(one.detectable)}"
