"""The short text for a ticket: few lines, boxes with quantities, failing tests, no markup."""

import re
from dataclasses import replace

import pytest

import aggressors as ag
from aggressors import gate
from aggressors.report import text
from aggressors.store.workspace import Workspace
from queried import queried
from reported import EVIL, detailed, written
from versions import publish_story, publish_tables


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    place = Workspace.open(tmp_path_factory.mktemp("ticket") / "workspace", create=True)
    publish_tables(place, detailed(), "odd", day=1, model_name=EVIL)
    return place


def test_it_is_short_and_its_actions_are_quantified(workspace, tmp_path):
    found = written(workspace, "odd", tmp_path / "x.md")
    assert len(found) < 2_000
    assert found.startswith("## odd: 1 group does worse than the rest")
    assert re.search(
        r"- \[ \] \*\*brightness &lt; 0.25\*\*: collect\. Label all 200 .* 61 %", found
    )
    row = "| 1 | brightness &lt; 0.25 | 1.5 (1.2 to 1.8) | 44.0\u202f% | 60/80 | collect |"
    assert row in found
    assert "<script>" not in found
    assert "### Saved tests" not in found


def test_failing_tests_come_with_margin_and_n(tmp_path):
    place = Workspace.open(tmp_path / "workspace", create=True)
    publish_story(place)
    gate.save_test(place, "v1", aggressor=1, slug="dusk", title=EVIL)
    found = written(place, "v3", tmp_path / "x.md")
    assert "- v3 fails 1 of 1 saved test: dusk." in found
    line = next(one for one in found.splitlines() if "**fail**" in one)
    assert line.startswith(
        "- ❌ **fail** `dusk` (regressed): +0.527 (0.41 to 0.643) in mean error; n 74"
    )
    assert (
        "n 74, margin 0.0232 \\(a twentieth of its gap of 0.464 when saved\\), baseline v2" in line
    )
    passed = written(place, "v2", tmp_path / "x.md")
    assert "### Saved tests" not in passed
    assert "v2 passes its 1 saved test." in passed


def test_python_writes_the_same(workspace, tmp_path):
    found = written(workspace, "odd", tmp_path / "x.md")
    with ag.open_run("odd", workspace=workspace.root) as run:
        assert run.report(str(tmp_path / "y.md")) == tmp_path / "y.md"
    assert (tmp_path / "y.md").read_text(encoding="utf-8") == found


def test_long_lists_are_cut_and_counted(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(text, "ROWS", 0)
    found = written(workspace, "odd", tmp_path / "x.md")
    assert "Not listed: 1 more confirmed." in found


def test_a_run_whose_groups_are_only_tentative_has_no_boxes(tmp_path):
    place = Workspace.open(tmp_path, create=True)
    run = queried(place.runs).run
    found = written(place, "v1", tmp_path / "x.md")
    assert replace(run.info).name in found
    tentative = re.search(r"Not listed: .*tentative and not counted", found)
    assert tentative is not None
