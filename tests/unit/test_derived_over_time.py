"""A derived run is no later model: `latest`, saved tests, their states and baselines."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace

import pyarrow as pa
import pytest

from aggressors import adding, gate
from aggressors.report import write
from aggressors.store.read import open_run
from aggressors.store.verdicts import read_records
from aggressors.store.workspace import Workspace, versions
from versions import publish_version

DUSK = "brightness < 0.25"


@pytest.fixture
def workspace(story, tmp_path):
    shutil.copytree(story.root, tmp_path / "workspace")
    return Workspace.open(tmp_path / "workspace")


def add(workspace, name, field="rain"):
    """Derive a run; it is published today, long after all models."""
    path = workspace.resolve(name)
    with open_run(path) as run:
        n = sum(run.populations.values())
        ids = run.cursor().execute("SELECT sample_id FROM samples").fetchall()
    values = pa.table({"sample_id": [one for (one,) in ids], field: list(range(n))})
    return adding.add_metadata(path, values, workspace)


def told(workspace, slug):
    """Verdict and state of one test by the name of the run."""
    history = gate.history(workspace)
    (tracked,) = (one for one in history.tests if one.test.slug == slug)
    return {
        history.point(run_id).name: (verdict.verdict, verdict.state, verdict.baseline_name)
        for run_id, verdict in tracked.verdicts.items()
    }


# --- Which run stands for a model ---


@dataclass(frozen=True)
class Line:
    run_id: str
    created_at: str
    derived_from: str = ""


def test_the_run_of_the_model_stands_for_all_that_are_derived_from_it():
    lines = [Line("a", "1"), Line("x", "3", "a"), Line("y", "4", "a"), Line("b", "2")]
    assert versions(lines) == {"a": "a", "x": "a", "y": "a", "b": "b"}
    assert versions(reversed(lines)) == versions(lines)


def test_without_it_the_oldest_of_those_derived_from_it_does():
    lines = [Line("y", "4", "a"), Line("x", "3", "a"), Line("z", "1", "z")]
    assert versions(lines) == {"x": "x", "y": "x", "z": "z"}
    assert versions([]) == {}


def test_files_that_claim_to_be_derived_from_each_other_do_no_harm():
    lines = [Line("a", "1", "b"), Line("b", "2", "a")]
    assert versions(lines) == {"a": "a", "b": "b"}


def test_latest_is_the_newest_model(workspace):
    derived = add(workspace, "v1")
    assert workspace.catalogue()[0][0].run_id == derived.run_id
    assert workspace.resolve("latest").stem == "v3-0000"
    assert workspace.resolve("v1 + rain").stem == derived.run_id
    assert gate.check(workspace).run_id == "v3-0000"
    for model in ("v1", "v2", "v3"):
        workspace.run_path(f"{model}-0000").unlink()
    assert workspace.resolve("latest").stem == derived.run_id


# --- Saved tests ---


def test_a_derived_run_is_judged_as_its_model_and_moves_no_state(workspace):
    gate.save_test(workspace, "v1", where=DUSK, slug="dusk")
    before = told(workspace, "dusk")
    assert before == {
        "v1": ("pass", "open", "v1"),
        "v2": ("pass", "solved", "v1"),
        "v3": ("fail", "regressed", "v2"),
    }
    for model in ("v2", "v1", "v3"):
        result = add(workspace, model)
        verdict = {one.slug: one for one in result.verdicts}["dusk"]
        # Of the model itself, not of one that came later or before, and not against itself.
        assert (verdict.verdict, verdict.state, verdict.baseline_name) == before[model]
    assert told(workspace, "dusk") == {
        name: before[name.removesuffix(" + rain")]
        for name in ("v1", "v1 + rain", "v2", "v2 + rain", "v3", "v3 + rain")
    }
    history = gate.history(workspace)
    assert [run.name for run in history.runs] == ["v1", "v2", "v3"]
    assert [run.name for run in history.derived] == ["v1 + rain", "v2 + rain", "v3 + rain"]
    assert [run.version for run in history.derived] == ["v1-0000", "v2-0000", "v3-0000"]
    assert history.tests[0].state == "regressed"
    # The next model is compared with v2, which solved it, not with what was derived since.
    publish_version(workspace, "v4", day=4, solved=("dusk",), noise=3)
    assert told(workspace, "dusk")["v4"] == ("pass", "solved", "v2")


def test_a_derived_run_before_its_models_verdicts_are_known_changes_nothing(workspace):
    """As where it was made before any test was saved."""
    add(workspace, "v2")
    gate.save_test(workspace, "v1", where=DUSK, slug="dusk")
    found = told(workspace, "dusk")
    assert found["v2 + rain"] == found["v2"] == ("pass", "solved", "v1")
    assert found["v3"] == ("fail", "regressed", "v2")


def test_the_verdicts_know_it_where_the_run_files_are_gone(workspace):
    gate.save_test(workspace, "v1", where=DUSK, slug="dusk")
    add(workspace, "v2")
    expected = told(workspace, "dusk")
    raw = {
        path.stem: json.loads(path.read_text())["derived_from"]
        for path in workspace.verdicts.glob("*.json")
    }
    assert sorted(raw.values()) == ["", "", "", "v2-0000"]
    shutil.rmtree(workspace.runs)
    assert told(workspace, "dusk") == expected
    assert [run.name for run in gate.history(workspace).runs] == ["v1", "v2", "v3"]


def test_records_from_before_there_were_derived_runs_are_read(workspace):
    gate.save_test(workspace, "v1", where=DUSK, slug="dusk")
    expected = told(workspace, "dusk")
    for path in workspace.verdicts.glob("*.json"):
        raw = json.loads(path.read_text())
        del raw["derived_from"]
        path.write_text(json.dumps(raw))
    records, wrong = read_records(workspace)
    assert (len(records), wrong) == (3, [])
    assert told(workspace, "dusk") == expected


def test_a_test_on_an_added_field_holds_later_models_to_the_model_itself(workspace):
    derived = add(workspace, "v1", "depth")
    test = gate.save_test(workspace, derived.run_id, where="depth < 1000", slug="shallow")
    assert (test.source_run_id, test.source_run_name) == ("v1-0000", "v1")
    assert test.rule == "depth < 1000"
    found = told(workspace, "shallow")
    assert list(found) == ["v1", "v1 + depth", "v2", "v3"]
    assert {baseline for _, _, baseline in found.values()} == {"v1"}
    assert found["v1"][:2] == found["v1 + depth"][:2]


def test_an_aggressor_saved_on_a_derived_run_is_the_same_test(workspace):
    derived = add(workspace, "v1")
    first = gate.save_test(workspace, "v1", aggressor=1, slug="first")
    second = gate.save_test(workspace, derived.run_id, aggressor=1, slug="second")
    same = {"slug": "", "why": "", "created_at": ""}
    assert replace(first, **same) == replace(second, **same)
    assert told(workspace, "first") == told(workspace, "second")


def test_the_report_of_a_derived_run_has_its_verdicts(workspace, tmp_path):
    gate.save_test(workspace, "v1", where=DUSK, slug="dusk")
    derived = add(workspace, "v2")
    for ending in ("html", "md"):
        out = tmp_path / f"report.{ending}"
        with open_run(derived.path) as run:
            write(run, out, workspace)
        text = out.read_text()
        assert "v2 + rain" in text.replace("\\+", "+")
        assert "erived from v2, with rain added" in text
