"""Which tests come first in the matrix, and which runs are its columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import streamlit as st

from aggressors.contracts import TestState
from aggressors.gate import History, RunPoint, TrackedTest
from aggressors_app import state
from aggressors_app.format import count, plain

COLUMNS = 8  # runs at a time
MANY = 12  # tests, beyond which they stand under what they got
PAGE = "runs_page"  # parameter; another run on screen forgets it

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


def turn_columns(history: History, here: str) -> None:
    """Offer older and newer runs, where not all are shown."""
    if (pages := _pages(history)) == 1:
        return
    page, shown = _page(history, here), runs_shown(history, here)
    last = len(history.runs) - (page - 1) * COLUMNS
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="right", gap="small",
        key="matrix_runs",
    ):  # fmt: skip
        st.caption(
            f"Runs {count(last - len(shown) + 1)} to {count(last)} of {count(len(history.runs))}: "
            f"{plain(shown[0].name)} to {plain(shown[-1].name)}",
            width="content",
        )
        for text, icon, to in (
            ("Older", "chevron_left", page + 1),
            ("Newer", "chevron_right", page - 1),
        ):
            st.button(
                text,
                icon=f":material/{icon}:",
                key=f"matrix_{text.lower()}",
                disabled=not 1 <= to <= pages,
                on_click=lambda to=to: state.change(runs_page=str(to)),
            )
