"""Solve in a browser: from an aggressor to a file of samples to label, and back."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace

pytestmark = pytest.mark.browser


@pytest.fixture
def queue(workspace: Path):
    """A label queue of one's own, gone afterwards."""
    found = Workspace.open(workspace).label_queue("five-clicks")
    yield found
    for path in found.folder.glob("*"):
        path.unlink()


def _a_class(workspace: Path) -> str:
    with open_run(next((workspace / "runs").glob("*.duckdb"))) as run:
        return run.classes[0]


def test_five_clicks_lead_from_an_aggressor_to_an_exported_queue(visit, queue):
    window = visit()
    page = window.page
    window.open(f"aggressor?a=1&queue={queue.name}")
    page.locator(".st-key-travel_solve").get_by_role("button").click()
    page.get_by_role("button", name="Queue these").wait_for()
    page.get_by_role("button", name="Queue these").click()
    page.get_by_text("Label queue · 100").click()
    window.settle()
    page.locator(".st-key-queue_bar").get_by_text("Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["sample_id"] for row in rows] == queue.rows()["sample_id"].to_pylist()
    assert len(rows) == 100
    assert set(queue.rows()["state"].to_pylist()) == {"exported"}
    assert window.problems == []


def test_labels_come_back_by_upload_and_troubles_are_listed(visit, queue, workspace, tmp_path):
    window = visit()
    page = window.page
    window.open(f"solve?a=1&do=collect&budget=3&queue={queue.name}")
    page.get_by_role("button", name="Queue these 3").click()
    page.get_by_text("Label queue · 3").click()
    window.settle()
    ids = queue.rows()["sample_id"].to_pylist()
    label = _a_class(workspace)
    file = tmp_path / "labels.csv"
    file.write_text(f"sample_id,label,of_group\n{ids[0]},{label},yes\n{ids[1]},nonsense,\n")
    page.get_by_role("button", name="Import labels").click()
    page.locator("input[type=file]").set_input_files(str(file))
    page.get_by_text("unknown class").wait_for()
    assert page.get_by_role("dialog").get_by_role("button", name="Take").count() == 0
    file = tmp_path / "corrected.csv"  # a browser takes a file of the same name for the same
    file.write_text(f"sample_id,label,of_group\n{ids[0]},{label},yes\n{ids[1]},,no\n")
    page.locator("input[type=file]").set_input_files(str(file))
    page.get_by_role("button", name="Take 2 answers").click()
    page.get_by_text("Took 2 answers").wait_for()
    window.settle()
    assert queue.rows()["state"].to_pylist() == ["labeled", "rejected", "queued"]
    assert page.get_by_text("Came back").count() == 1
    assert window.problems == []


def test_keys_reach_the_first_tile_without_a_click_and_a_click_takes_back(visit, queue):
    window = visit()
    page = window.page
    window.open(f"solve?a=1&do=collect&budget=9&queue={queue.name}")
    page.get_by_text("Click a tile, then").wait_for()
    tiles = page.get_by_role("grid", name="Candidates").locator(".tile")
    first = tiles.first.get_attribute("title").split(" · ")[0]
    tiles.first.focus()  # as Tab does: the one tile that takes the focus
    assert tiles.first.get_attribute("tabindex") == "0"
    page.keyboard.press("a")
    page.get_by_role("button", name="Undo 1").wait_for()
    assert queue.rows()["sample_id"].to_pylist() == [first]
    page.get_by_role("button", name="Undo 1").click()
    page.get_by_text("Took 1 sample out of").wait_for()
    window.settle()
    assert queue.rows().num_rows == 0
    assert page.get_by_role("button", name="Undo 1").count() == 0
    assert tiles.first.get_attribute("title").split(" · ")[0] == first
    assert window.problems == []
