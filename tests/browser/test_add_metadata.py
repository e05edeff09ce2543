"""A suspected cause: uploaded on the page of an aggressor, and answered there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.looking import query

from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace

pytestmark = pytest.mark.browser


@pytest.fixture
def first(workspace: Path) -> Iterator[str]:
    """Id of v1; what the test derives from it is removed, for other tests share the workspace."""
    yield Workspace.open(workspace).resolve("v1").stem
    for run in Workspace.open(workspace).catalogue()[0]:
        if run.derived_from:
            Path(run.path).unlink()
            for record in (workspace / "verdicts").glob(f"{run.run_id}.*"):
                record.unlink()


def test_an_upload_is_refused_with_its_problems_then_becomes_a_derived_run(
    visit, workspace: Path, tmp_path: Path, first: str
):
    with open_run(workspace / "runs" / f"{first}.duckdb") as run:
        rows = run.cursor().execute("SELECT sample_id FROM samples").fetchall()
    lines = [f"{sample_id},{place % 3}" for place, (sample_id,) in enumerate(rows)]
    fine, wrong = tmp_path / "wind.csv", tmp_path / "wrong.csv"
    fine.write_text("\n".join(["sample_id,wind", *lines]))
    wrong.write_text("\n".join(["sample_id,label,wind", "<i>nobody</i>,coat,1", "x,coat,2"]))

    window = visit(height=1200)
    page = window.page
    window.open(f"aggressor?run={first}&f=population+%3D+validation&a=2")
    focus = page.locator(".st-key-focus")
    focus.get_by_text("Save as test").first.wait_for()
    name = focus.inner_text()
    page.get_by_role("button", name="Add metadata").click()
    dialog = page.get_by_role("dialog")
    send = dialog.get_by_role("button", name="Add", exact=True)
    assert send.is_disabled()

    dialog.locator("input[type=file]").set_input_files(wrong)
    window.settle()
    send.click()
    problems = dialog.locator("[data-testid=stAlert]")
    problems.wait_for(timeout=60_000)
    window.settle()
    assert problems.locator("li").count() == 2
    assert "<i>nobody</i>" in problems.inner_text()
    assert query(page.url)["run"] == first

    dialog.locator("input[type=file]").set_input_files(fine)
    window.settle()
    send.click()
    page.wait_for_url(lambda address: query(address).get("run") != first, timeout=60_000)
    window.settle()
    assert dialog.count() == 0
    (derived,) = [r for r in Workspace.open(workspace).catalogue()[0] if r.derived_from]
    asked = query(page.url)
    assert asked["run"] == derived.run_id
    assert (asked["a"], asked["f"]) == ("2", "population = validation")
    focus.get_by_text("Save as test").first.wait_for()
    assert focus.inner_text() == name
    answer = page.get_by_text("Derived from v1, with wind added.").inner_text()
    assert "; effect " in answer
    window.check()
