"""The matrix of tests and runs where both are many."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from tests.app.reading import component

from aggressors.contracts import Verdict
from aggressors.gate import History, RunPoint, SavedTest, TrackedTest
from aggressors_app import state
from aggressors_app.components import matrix

TEST = SavedTest(
    slug="", title="Dusk", why="Dim.", signal="loss", margin=0.05, margin_origin="chosen", rule="",
    samples=100, source_run_id="r00", source_run_name="r00", task="classification",
    loss_name="cross-entropy", created_at="2026-01-01T00:00:00+00:00",
)  # fmt: skip


def verdict(word: str, state: str = "solved") -> Verdict:
    return Verdict(
        "x", state, word, 100, 0.3, 0.2, 0.1, 0.0, 0.2, "So it is.", "Dusk", "loss", 0.05, "chosen"
    )


def tracked(slug: str, word: str = "", state: str = "solved") -> TrackedTest:
    from dataclasses import replace

    verdicts = {"r19": verdict(word, state)} if word else {}
    return TrackedTest(replace(TEST, slug=slug), verdicts)


def history(*tests: TrackedTest, runs: int = 20) -> History:
    points = [
        RunPoint(f"r{at:02d}", f"v{at}", f"2026-01-{at + 1:02d}T00:00:00+00:00", f"r{at:02d}")
        for at in range(runs)
    ]
    return History(tuple(points), tests, ())


def test_what_failed_comes_first_then_what_has_no_answer():
    past = history(
        tracked("a", "pass"), tracked("b", "missing"), tracked("c"), tracked("d", "fail"),
        tracked("e", "inconclusive"), tracked("f", "pass", "regressed"), tracked("g", "fail"),
    )  # fmt: skip
    placed = matrix.in_order(past, "r19")
    assert [one.tracked.test.slug for one in placed] == ["d", "g", "e", "b", "c", "f", "a"]
    assert {one.group for one in placed} == {""}


def test_many_tests_stand_under_what_they_got():
    passed = [tracked(f"p{at:02d}", "pass") for at in range(matrix.MANY)]
    placed = matrix.in_order(history(*passed, tracked("z", "fail")), "r19")
    assert placed[0].group == "Fail in v19: 1"
    assert {one.group for one in placed[1:]} == {f"Pass in v19: {matrix.MANY}"}


@pytest.mark.parametrize(
    ("here", "page", "first", "last"),
    [
        ("r19", None, "r12", "r19"),
        ("r12", None, "r12", "r19"),
        ("r11", None, "r04", "r11"),  # the run on screen is among the columns
        ("r00", None, "r00", "r03"),
        ("gone", None, "r12", "r19"),
        ("r19", "2", "r04", "r11"),
        ("r19", "99", "r00", "r03"),
        ("r19", "x", "r12", "r19"),
    ],
)
def test_the_columns_are_those_about_the_run_on_screen(monkeypatch, here, page, first, last):
    local = {} if page is None else {matrix.RUNS_PAGE: page}
    monkeypatch.setattr(state, "read", lambda: state.View(local=local))
    shown = matrix.runs_shown(history(), here)
    assert (shown[0].run_id, shown[-1].run_id) == (first, last)


def test_no_run_has_no_columns(monkeypatch):
    monkeypatch.setattr(state, "read", state.View)
    assert matrix.runs_shown(history(runs=0), "r00") == ()


def turning() -> None:
    """A page with the controls alone."""
    import streamlit as st
    from tests.app.test_matrix import history, tracked

    from aggressors_app import state
    from aggressors_app.components.matrix import Placed, runs_shown, tests_shown, turners

    if "view" not in st.session_state:
        state.write(state.View("r19", "all", None, {}))
    placed = [Placed(tracked(f"t{at:03d}")) for at in range(st.session_state["tests"])]
    chosen = state.read().get("test", st.session_state["chosen"])
    turners(history(runs=st.session_state["runs"]), placed, "r19", chosen)
    st.markdown(" ".join(run.run_id for run in runs_shown(history(), "r19")))
    st.markdown(" ".join(one.tracked.test.slug for one in tests_shown(placed, chosen)))
    st.markdown(chosen)


def test_older_runs_are_turned_to_and_back():
    app = turned(runs=20)
    assert not app.exception
    assert app.caption[0].value == "Runs 13 to 20 of 20: v12 to v19"
    assert app.button(key="matrix_newer").disabled
    app.button(key="matrix_older").click().run()
    assert app.caption[0].value == "Runs 5 to 12 of 20: v4 to v11"
    app.button(key="matrix_older").click().run()
    assert app.caption[0].value == "Runs 1 to 4 of 20: v0 to v3"
    assert app.button(key="matrix_older").disabled
    app.button(key="matrix_newer").click().run()
    assert app.markdown[0].value.split() == [f"r{at:02d}" for at in range(4, 12)]


def test_few_runs_need_no_control():
    app = turned(runs=matrix.COLUMNS, tests=matrix.ROWS)
    assert not app.exception
    assert not app.button
    assert not app.caption


def test_more_tests_are_turned_to_and_back():
    app = turned(tests=2 * matrix.ROWS + 3)
    assert not app.exception
    assert app.caption[0].value == "Tests 1 to 50 of 103"
    assert app.button(key="matrix_previous").disabled
    app.button(key="matrix_next").click().run()
    app.button(key="matrix_next").click().run()
    assert app.caption[0].value == "Tests 101 to 103 of 103"
    assert app.markdown[1].value.split() == ["t100", "t101", "t102"]
    assert app.markdown[2].value == "t100"  # what is chosen is in sight
    assert app.button(key="matrix_next").disabled
    app.button(key="matrix_previous").click().run()
    app.button(key="matrix_previous").click().run()
    assert app.markdown[1].value.split()[0] == app.markdown[2].value == "t000"


def test_the_tests_that_are_shown_are_those_about_the_chosen_one():
    app = turned(tests=103, chosen="t060")
    assert app.caption[0].value == "Tests 51 to 100 of 103"
    assert "t060" in app.markdown[1].value.split()


def turned(*, runs: int = matrix.COLUMNS, tests: int = 3, chosen: str = "t000") -> AppTest:
    app = AppTest.from_function(turning)
    app.session_state["runs"] = runs
    app.session_state["tests"] = tests
    app.session_state["chosen"] = chosen
    return app.run()


def test_on_the_page_the_failed_test_is_on_top_and_chosen(opened, planted_versions: Path):
    app = opened(planted_versions, "track", run="v3-0000", f="all")
    assert not app.exception
    shown = component(app, "matrix")
    marks = [row["cells"][-1]["text"] for row in shown["rows"]]
    order = ["✕ fail", "? inconclusive", "∅ missing", "✓ pass", "◆ baseline"]
    assert marks == sorted(marks, key=order.index)
    assert shown["chosen"] == shown["rows"][0]["id"]
