"""What can be wrong around a check: a sentence and its exit code, and the others' verdicts."""

import json
import os
import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aggressors import gate
from aggressors.store.saved_tests import read_samples, write_test
from aggressors.store.workspace import Workspace
from calling import call, document, fails
from versions import publish_version

DUSK, NORTH = "brightness < 0.25", "station = north"


@pytest.fixture(scope="module")
def judged(story, tmp_path_factory):
    """Two tests in three runs: dusk fails under v3, north does not."""
    copy = tmp_path_factory.mktemp("judged") / "workspace"
    shutil.copytree(story.root, copy)
    workspace = Workspace.open(copy)
    gate.save_test(workspace, "v1", where=DUSK, slug="dusk", signal="loss")
    gate.save_test(workspace, "v1", where=NORTH, slug="north", signal="loss")
    return workspace


@pytest.fixture
def workspace(judged, tmp_path):
    copy = tmp_path / "workspace"
    shutil.copytree(judged.root, copy)
    return Workspace.open(copy)


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def others(done):
    """Verdicts of a call with --json by slug; what is broken has none."""
    return {one["slug"]: one["verdict"] for one in json.loads(done.stdout)["verdicts"]}


# --- Test files ---


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"slug": "dusk"}, "'slug' is 'dusk' but the file is called 'north'"),
        ({"margin": -1}, "'margin' must be at least 0"),
        ({"margin": float("nan")}, "'margin' must be at least 0"),
        ({"rule": "station ="}, "'rule' cannot be read"),
        ({"signal": "nonsense of loss", "task": "ranking"}, "'task' must be"),
        ({"samples": 10**30}, "'samples' is 1000000000000000000000000000000 but"),
        ({"schema_version": 3}, "Upgrade with `pip install --upgrade aggressors`"),
        ({"title": "\ud800"}, "'title' holds half of a character"),
    ],
)
def test_an_edited_test_file_exits_3_after_the_others(workspace, changes, says):
    edit(workspace.tests / "north.json", **changes)
    done = fails(3, "check", "v3", "--json", at=workspace.root, says=says)
    assert "north.json" in done.stderr
    assert others(done) == {"dusk": "fail"}


def test_two_files_with_one_slug(workspace):
    for ending in ("json", "parquet"):
        shutil.copy(workspace.tests / f"dusk.{ending}", workspace.tests / f"north.{ending}")
    done = fails(3, "check", "v3", "--json", at=workspace.root, says="'slug' is 'dusk'")
    assert others(done) == {"dusk": "fail"}


def test_a_name_that_differs_by_case_alone_is_told_with_its_file(workspace):
    """Two such files would be one on some machines."""
    for ending in ("json", "parquet"):
        shutil.copy(workspace.tests / f"dusk.{ending}", workspace.tests / f"Dusk.{ending}")
    says = "Dusk.json has no name that can be used: 'Dusk' is no slug"
    done = fails(3, "check", "v3", "--json", at=workspace.root, says=says)
    assert others(done) == {"dusk": "fail", "north": "pass"}


@pytest.mark.parametrize("how", ["gone", "of other samples", "nonsense", "empty"])
def test_samples_that_are_gone_or_others(workspace, how):
    path = workspace.tests / "north.parquet"
    if how == "gone":
        path.unlink()
    elif how == "of other samples":
        table = pq.read_table(path)
        ids = pa.array([f"x{place}" for place in range(len(table))])
        pq.write_table(table.set_column(0, "sample_id", ids), path)
    else:
        path.write_bytes(b"" if how == "empty" else b"nonsense")
    done = fails(3, "check", "v3", "--json", at=workspace.root, says="north.parquet")
    assert others(done) == {"dusk": "fail"}


# --- What a run lacks ---


def test_a_run_without_the_samples_is_missing_and_the_other_test_is_judged(workspace):
    gone = tuple(
        read_samples(workspace, gate.read_test(workspace, "dusk"))["sample_id"].to_pylist()
    )
    publish_version(workspace, "v4", day=4, drop=gone, noise=4)
    found = {one["slug"]: one for one in document("check", "v4", at=workspace.root)["verdicts"]}
    assert found["dusk"]["verdict"] == "missing"
    assert f"Only 0 of its {len(gone)} samples can be compared" in found["dusk"]["reason"]
    assert found["north"]["n"] > 100
    assert call("check", "v4", "--strict", at=workspace.root).exit_code == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"task": "regression"}, "The run's task is classification, the test's is regression"),
        ({"loss_name": "focal"}, "The run's loss is 'cross-entropy', the test's 'focal'"),
    ],
)
def test_a_run_of_another_task_or_loss_is_missing_and_the_other_test_is_judged(
    workspace, changes, says
):
    publish_version(workspace, "v4", day=4, noise=4)
    assert document("check", "v4", at=workspace.root, code=1)["verdicts"][0]["n"] > 100
    edit(workspace.tests / "dusk.json", **changes)  # noticed in what was judged before, too
    found = {one["slug"]: one for one in document("check", "v4", at=workspace.root)["verdicts"]}
    assert found["dusk"]["verdict"] == "missing"
    assert says in found["dusk"]["reason"]
    assert found["north"]["verdict"] in ("pass", "inconclusive")
    document("check", "v4", "--strict", at=workspace.root, code=1)


def test_a_signal_that_the_run_lacks_is_missing_and_the_other_test_is_judged(workspace):
    north = gate.read_test(workspace, "north")
    write_test(
        workspace,
        replace(north, slug="overlap", signal="1 - iou", digest=""),
        read_samples(workspace, north),
    )
    found = {one["slug"]: one for one in document("check", "v2", at=workspace.root)["verdicts"]}
    assert found["overlap"]["reason"] == "The run has no metric 'iou' per sample."
    assert (found["overlap"]["verdict"], found["dusk"]["verdict"]) == ("missing", "pass")


def test_changed_ground_truth_is_reported_and_not_mixed_in(workspace):
    publish_version(workspace, "v4", day=4, solved=("dusk",), relabel=5)
    dusk = document("check", "v4", at=workspace.root)["verdicts"][0]
    assert "10 with another label than under the baseline are left out" in dusk["reason"]
    assert dusk["n"] == gate.read_test(workspace, "dusk").samples - 10
    assert dusk["value"] < 0.1  # those relabeled have a loss of 9


# --- Runs ---


@pytest.mark.parametrize("baseline", ["v3", "v3-0000", "latest", "path", "copy"])
def test_a_baseline_that_is_the_run_itself_is_refused(workspace, baseline, tmp_path):
    if baseline == "path":
        baseline = str(workspace.resolve("v3"))
    elif baseline == "copy":
        baseline = shutil.copy(workspace.resolve("v3"), tmp_path / "sent.duckdb")
    before = {path: path.read_bytes() for path in workspace.verdicts.iterdir()}
    fails(2, "check", "v3", "--baseline", baseline, at=workspace.root, says="is the run itself")
    assert {path: path.read_bytes() for path in workspace.verdicts.iterdir()} == before


def test_a_run_that_is_not_finished_is_told_from_one_that_never_was(workspace):
    (workspace.work / "v4-0000").mkdir(parents=True)
    says = "Run 'v4-0000' is not finished. The command that began it continues it."
    fails(4, "check", "v4-0000", at=workspace.root, says=says)
    fails(4, "check", "v9-0000", at=workspace.root, says="No run 'v9-0000'")
    assert document("check", at=workspace.root, code=1)["run_id"] == "v3-0000"


def test_a_workspace_whose_only_run_is_not_finished_says_so(tmp_path):
    (tmp_path / "work" / "v1-0000").mkdir(parents=True)
    fails(4, "check", at=tmp_path, says="has no published run. 1 run is not finished")


def test_a_run_file_that_is_cut_short_is_not_passed_over(workspace):
    """The latest run would be the one before, and its verdicts those of the new model."""
    whole = publish_version(workspace, "v4", day=4, noise=3)
    whole.write_bytes(whole.read_bytes()[:5_000])
    os.utime(whole, (whole.stat().st_mtime + 60,) * 2)
    done = fails(4, "check", at=workspace.root, says="The latest run cannot be told")
    assert "v4-0000.duckdb" in done.stderr
    fails(4, "check", "v4-0000", at=workspace.root, says="v4-0000.duckdb")
    fails(4, "check", "v4", at=workspace.root, says="1 file there cannot be opened")
    document("check", "v3", at=workspace.root, code=1)  # by its name it is judged all the same


def test_an_old_damaged_file_hinders_nobody(workspace):
    old = workspace.runs / "old.duckdb"
    old.write_bytes(b"nonsense")
    os.utime(old, (1, 1))
    assert document("check", at=workspace.root, code=1)["run_id"] == "v3-0000"


# --- Verdict files ---


@pytest.mark.parametrize(
    ("part", "changes", "says"),
    [
        ("comparison", {"verdict": "pass"}, "'verdict' is 'pass', which its figures"),
        ("comparison", {"chance": 99.0}, "'verdict' is 'fail', which its figures"),
        ("comparison", {"chance": -1.0}, "'chance' is below 0"),
        ("comparison", {"difference": 99.0}, "'difference' lies outside its interval"),
        ("comparison", {"n": "many"}, "Expected `int`, got `str`"),
        ("comparison", {"low": 10**400}, "Number out of range"),
        ("measurement", {"surprise": 1}, "surprise"),
        ("measurement", {"solves": True}, "'solves' is true, which its gap does not"),
        ("measurement", {"gap": 99.0}, "'gap' lies outside its interval"),
        ("measurement", {"absent": -1}, "fewer than none"),
    ],
)
def test_edited_verdicts_are_made_again_from_the_run_or_refused(workspace, part, changes, says):
    document("check", "v3", at=workspace.root, code=1)
    path = workspace.verdicts / "v3-0000.json"
    before = path.read_bytes()

    def edited():
        raw = json.loads(before)
        raw["tests"]["dusk"][part] |= changes
        path.write_text(json.dumps(raw))

    edited()
    assert document("check", "v3", at=workspace.root, code=1)["unreadable"] == []
    assert path.read_bytes() == before
    workspace.resolve("v3").unlink()
    edited()
    done = fails(3, "check", "v2", "--json", at=workspace.root, says="v3-0000.json")
    assert says in done.stderr
    assert others(done) == {"dusk": "pass", "north": "inconclusive"}


@pytest.mark.parametrize("lacking", ["measurement", "comparison"])
def test_verdicts_that_lack_a_part_are_refused(workspace, lacking):
    document("check", "v3", at=workspace.root, code=1)
    path = workspace.verdicts / "v3-0000.json"
    raw = json.loads(path.read_text())
    del raw["tests"]["dusk"][lacking]
    path.write_text(json.dumps(raw))
    workspace.resolve("v3").unlink()
    done = fails(3, "check", "v2", "--json", at=workspace.root, says="v3-0000.json")
    assert f"missing required field `{lacking}`" in " ".join(done.stderr.split())


def test_verdicts_of_an_earlier_version_are_made_again_or_told(workspace):
    document("check", "v3", at=workspace.root, code=1)
    edit(workspace.verdicts / "v2-0000.json", schema_version=1)
    assert document("check", "v3", at=workspace.root, code=1)["unreadable"] == []
    edit(workspace.verdicts / "v2-0000.json", schema_version=1)
    workspace.resolve("v2").unlink()
    done = fails(3, "check", "v3", at=workspace.root, says="v2-0000.json has schema version 1")
    assert "Type `aggressors check` where its run is at hand" in " ".join(done.stderr.split())


def test_a_test_whose_signal_was_edited_is_named(workspace):
    edit(workspace.tests / "dusk.json", signal="error")
    fails(3, "check", "v3", at=workspace.root, says="'signal' is 'error' but dusk.parquet holds")


def test_signals_of_a_verdict_that_are_no_numbers_are_named(workspace):
    document("check", "v3", at=workspace.root, code=1)
    signals = workspace.verdicts / "v2-0000.parquet"
    table = pq.read_table(signals)
    broken = pa.array([float("nan")] * len(table))
    at = table.schema.get_field_index("loss")
    pq.write_table(table.set_column(at, "loss", broken), signals)
    workspace.resolve("v2").unlink()
    (workspace.verdicts / "v3-0000.json").unlink()
    done = fails(
        3, "check", "v3", "--json", at=workspace.root, says="v2-0000.parquet cannot be read"
    )
    assert "'loss' has a value that is not finite" in done.stderr
    assert others(done) == {"dusk": "missing", "north": "pass"}


def test_verdicts_of_a_newer_version_ask_for_an_upgrade(workspace):
    edit(workspace.verdicts / "v2-0000.json", schema_version=9)
    workspace.resolve("v2").unlink()
    done = fails(3, "check", "v3", at=workspace.root, says="v2-0000.json has schema version 9")
    assert "Upgrade" in done.stderr
    assert "Undo the edit" not in done.stderr


@pytest.mark.parametrize("text", ["", "[]", "null", '{"run_id": 1}', "[" * 100_000])
def test_a_verdict_file_that_is_none_is_named(workspace, text):
    (workspace.verdicts / "v2-0000.json").write_text(text)
    workspace.resolve("v2").unlink()
    done = fails(3, "check", "v3", "--json", at=workspace.root, says="v2-0000.json")
    assert set(others(done)) == {"dusk", "north"}


def test_damaged_signals_are_made_again_where_their_run_is_at_hand(workspace):
    before = document("check", "v3", at=workspace.root, code=1)
    path = workspace.verdicts / "v2-0000.parquet"  # of the baseline of dusk
    path.write_bytes(b"nonsense")
    edit(workspace.tests / "dusk.json", margin=0.2)  # so that it is compared again
    again = document("check", "v3", at=workspace.root, code=1)
    assert again["unreadable"] == []
    assert again["verdicts"][0]["difference"] == before["verdicts"][0]["difference"]
    assert pq.read_table(path).num_rows > 100


def test_damaged_signals_without_their_run_are_reported_and_the_other_test_is_judged(workspace):
    workspace.resolve("v2").unlink()
    (workspace.verdicts / "v2-0000.parquet").write_bytes(b"nonsense")
    edit(workspace.tests / "dusk.json", margin=0.2)
    done = fails(3, "check", "v3", "--json", at=workspace.root, says="v2-0000.parquet")
    found = {one["slug"]: one for one in json.loads(done.stdout)["verdicts"]}
    assert found["dusk"]["verdict"] == "missing"
    assert "signals of run 'v2'" in found["dusk"]["reason"]
    assert found["north"]["verdict"] != "missing"


@pytest.mark.parametrize("option", ["--junit", "--markdown"])
def test_a_file_that_cannot_be_written_keeps_no_verdict_back(workspace, option, tmp_path):
    out = tmp_path / "folder.xml"
    out.mkdir()
    done = fails(4, "check", "v3", "--json", option, out, at=workspace.root, says="folder.xml")
    assert others(done) == {"dusk": "fail", "north": "pass"}
