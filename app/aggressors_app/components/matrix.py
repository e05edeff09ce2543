"""Which tests are the rows of the matrix, and which runs are its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from aggressors.contracts import TestState
from aggressors.gate import History, RunPoint, TrackedTest
from aggressors_app import state
from aggressors_app.format import count, plain

COLUMNS, ROWS = 8, 50  # runs and tests at a time
MANY = 12  # tests, beyond which they stand under what they got
RUNS_PAGE = "runs_page"  # a parameter; another run on screen forgets it

_WORDS = ("fail", "inconclusive", "missing", "", "pass")
_TITLES = {
    "fail": "Fail", "inconclusive": "Inconclusive", "missing": "Missing",
    "": "Not measured", "pass": "Pass",
}  # fmt: skip
_STATES: tuple[TestState, ...] = ("regressed", "open", "solved")


@dataclass(frozen=True, slots=True)
class Placed:
    """A test in its place; `group` is the heading it stands under, '' where there are few."""

    tracked: TrackedTest
    group: str = ""


def in_order(history: History, run_id: str) -> list[Placed]:
    """Order the tests by what a run got in them, the failed ones first."""
    words = {one.test.slug: _word(one, run_id) for one in history.tests}
    ordered = sorted(
        history.tests,
        key=lambda one: (
            _WORDS.index(words[one.test.slug]), _STATES.index(one.state), one.test.slug
        ),
    )  # fmt: skip
    if len(ordered) <= MANY:
        return [Placed(one) for one in ordered]
    point, sizes = history.point(run_id), Counter(words.values())
    name = point.name if point else run_id
    titles = {word: f"{_TITLES[word]} in {name}: {count(n)}" for word, n in sizes.items()}
    return [Placed(one, titles[words[one.test.slug]]) for one in ordered]


def _word(tracked: TrackedTest, run_id: str) -> str:
    verdict = tracked.verdicts.get(run_id)
    return verdict.verdict if verdict else ""


def runs_shown(history: History, here: str) -> tuple[RunPoint, ...]:
    """Return the runs that are shown, oldest first: those about the run on screen, or as turned."""
    end = len(history.runs) - (_runs_page(history, here) - 1) * COLUMNS
    return history.runs[max(end - COLUMNS, 0) : end]


def _runs_page(history: History, here: str) -> int:
    """Return the page of runs that is shown; the first has the newest."""
    ids = [run.run_id for run in history.runs]
    first = (len(ids) - 1 - ids.index(here)) // COLUMNS + 1 if here in ids else 1
    return state.read().number(RUNS_PAGE, first, 1, _pages(ids, COLUMNS))


def tests_shown(placed: Sequence[Placed], chosen: str) -> Sequence[Placed]:
    """Return the tests that are shown: those about the chosen one."""
    page = _tests_page(placed, chosen)
    return placed[(page - 1) * ROWS : page * ROWS]


def _tests_page(placed: Sequence[Placed], chosen: str) -> int:
    slugs = [one.tracked.test.slug for one in placed]
    return slugs.index(chosen) // ROWS + 1 if chosen in slugs else 1


def _pages(shown: Sequence[object], size: int) -> int:
    return -(-len(shown) // size) or 1


@dataclass(frozen=True, slots=True)
class _Step:
    """A button that changes the view; None where there is nothing to turn to."""

    text: str
    icon: str
    change: dict[str, str] | None


def turners(history: History, placed: Sequence[Placed], here: str, chosen: str) -> None:
    """Offer other tests and other runs, where not all are shown."""
    many_tests, many_runs = len(placed) > ROWS, len(history.runs) > COLUMNS
    if not (many_tests or many_runs):
        return
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute" if many_tests and many_runs else "right",
        key="matrix_turners",
    ):
        if many_tests:
            _turn_tests(placed, chosen)
        if many_runs:
            _turn_runs(history, here)


def _turn_tests(placed: Sequence[Placed], chosen: str) -> None:
    """Turn to other tests by choosing the first of them, so that what is chosen is in sight."""
    page, shown = _tests_page(placed, chosen), tests_shown(placed, chosen)
    start = (page - 1) * ROWS

    def to(page: int) -> dict[str, str] | None:
        there = 1 <= page <= _pages(placed, ROWS)
        return {"test": placed[(page - 1) * ROWS].tracked.test.slug} if there else None

    _turner(
        "matrix_tests",
        f"Tests {count(start + 1)} to {count(start + len(shown))} of {count(len(placed))}",
        _Step("Previous", "chevron_left", to(page - 1)),
        _Step("Next", "chevron_right", to(page + 1)),
    )


def _turn_runs(history: History, here: str) -> None:
    page, shown = _runs_page(history, here), runs_shown(history, here)
    last = len(history.runs) - (page - 1) * COLUMNS

    def to(page: int) -> dict[str, str] | None:
        return {RUNS_PAGE: str(page)} if 1 <= page <= _pages(history.runs, COLUMNS) else None

    _turner(
        "matrix_runs",
        f"Runs {count(last - len(shown) + 1)} to {count(last)} of {count(len(history.runs))}: "
        f"{plain(shown[0].name)} to {plain(shown[-1].name)}",
        _Step("Older", "chevron_left", to(page + 1)),
        _Step("Newer", "chevron_right", to(page - 1)),
    )


def _turner(key: str, said: str, *steps: _Step) -> None:
    """Say which are shown, beside a button a step."""
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", width="content", key=key
    ):
        st.caption(said, width="content")
        for step in steps:
            st.button(
                step.text,
                icon=f":material/{step.icon}:",
                key=f"matrix_{step.text.lower()}",
                disabled=step.change is None,
                on_click=state.change,
                kwargs=step.change,
            )
