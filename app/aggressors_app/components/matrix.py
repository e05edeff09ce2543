"""Which tests are the rows of the matrix, and which runs are its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from aggressors.contracts import TestState
from aggressors.gate import History, RunPoint, TrackedTest
from aggressors_app import state
from aggressors_app.format import count, plain

COLUMNS, ROWS = 8, 50  # runs and tests at a time
MANY = 12  # tests, beyond which they stand under what they got
PAGE, TESTS_PAGE = "runs_page", "tests_page"  # parameters; another run on screen forgets them

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
    page = _page(history, here)
    end = len(history.runs) - (page - 1) * COLUMNS
    return history.runs[max(end - COLUMNS, 0) : end]


def _page(history: History, here: str) -> int:
    """Return the page of runs that is shown; the first has the newest."""
    ids = [run.run_id for run in history.runs]
    first = (len(ids) - 1 - ids.index(here)) // COLUMNS + 1 if here in ids else 1
    return state.read().number(PAGE, first, 1, _pages(history))


def _pages(history: History) -> int:
    return -(-len(history.runs) // COLUMNS) or 1


def tests_shown(placed: Sequence[Placed], chosen: str) -> Sequence[Placed]:
    """Return the tests that are shown: those about the chosen one, or as turned."""
    page = _tests_page(placed, chosen)
    return placed[(page - 1) * ROWS : page * ROWS]


def _tests_page(placed: Sequence[Placed], chosen: str) -> int:
    slugs = [one.tracked.test.slug for one in placed]
    first = slugs.index(chosen) // ROWS + 1 if chosen in slugs else 1
    return state.read().number(TESTS_PAGE, first, 1, _tests_pages(placed))


def _tests_pages(placed: Sequence[Placed]) -> int:
    return -(-len(placed) // ROWS) or 1


def turners(history: History, placed: Sequence[Placed], here: str, chosen: str) -> None:
    """Offer other tests and other runs, where not all are shown."""
    many = _tests_pages(placed) > 1, _pages(history) > 1
    if not any(many):
        return
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute" if all(many) else "right",
        key="matrix_turners",
    ):
        _turn_rows(placed, chosen)
        _turn_columns(history, here)


def _turn_rows(placed: Sequence[Placed], chosen: str) -> None:
    page, shown = _tests_page(placed, chosen), tests_shown(placed, chosen)
    start = (page - 1) * ROWS
    said = f"Tests {count(start + 1)} to {count(start + len(shown))} of {count(len(placed))}"
    steps = (("Previous", "chevron_left", page - 1), ("Next", "chevron_right", page + 1))
    _turner("matrix_tests", said, steps, _tests_pages(placed), _turn_tests)


def _turn_columns(history: History, here: str) -> None:
    page, shown = _page(history, here), runs_shown(history, here)
    last = len(history.runs) - (page - 1) * COLUMNS
    said = (
        f"Runs {count(last - len(shown) + 1)} to {count(last)} of {count(len(history.runs))}: "
        f"{plain(shown[0].name)} to {plain(shown[-1].name)}"
    )
    steps = (("Older", "chevron_left", page + 1), ("Newer", "chevron_right", page - 1))
    _turner("matrix_runs", said, steps, _pages(history), _turn_runs)


def _turn_tests(page: int) -> None:
    state.change(tests_page=str(page))


def _turn_runs(page: int) -> None:
    state.change(runs_page=str(page))


def _turner(
    key: str,
    said: str,
    steps: Sequence[tuple[str, str, int]],
    pages: int,
    turn: Callable[[int], None],
) -> None:
    """Say which are shown, beside a button a step; nothing where all are."""
    if pages == 1:
        return
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", width="content", key=key
    ):
        st.caption(said, width="content")
        for text, icon, to in steps:
            st.button(
                text,
                icon=f":material/{icon}:",
                key=f"matrix_{text.lower()}",
                disabled=not 1 <= to <= pages,
                on_click=turn,
                args=(to,),
            )
