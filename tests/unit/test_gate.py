"""Saved tests x runs: verdicts, states and what they rest on."""
# A little over 400 lines: all of it judges the same four runs.

import json
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from aggressors import gate
from aggressors.errors import FilterError, InputError, RunNotFound, UsageError, WorkspaceError
from aggressors.queries.overview import aggressors
from aggressors.store.read import open_run
from aggressors.store.saved_tests import read_samples, write_test
from aggressors.store.verdicts import read_records, read_signals
from aggressors.store.workspace import Workspace
from versions import analysed, publish_story, publish_version

DUSK = "brightness < 0.25"


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """v1 fails at dusk, v2 solves it, v3 brings it back, v4 is v2 from another seed."""
    workspace = Workspace.open(tmp_path_factory.mktemp("story") / "workspace", create=True)
    publish_story(workspace)
    publish_version(workspace, "v4", day=4, solved=("dusk",), noise=3)
    return workspace


@pytest.fixture
def workspace(story, tmp_path):
    copy = tmp_path / "workspace"
    shutil.copytree(story.root, copy)
    return Workspace.open(copy)


@pytest.fixture(scope="module")
def saved(story, tmp_path_factory):
    """The story with dusk saved on v1, judged in every run."""
    copy = tmp_path_factory.mktemp("saved") / "workspace"
    shutil.copytree(story.root, copy)
    gate.save_test(Workspace.open(copy), "v1", where=DUSK, slug="dusk", signal="loss")
    return Workspace.open(copy)


@pytest.fixture
def judged(saved, tmp_path):
    copy = tmp_path / "judged"
    shutil.copytree(saved.root, copy)
    return Workspace.open(copy)


def words(workspace, run, **more):
    return {
        one.slug: (one.verdict, one.state) for one in gate.check(workspace, run, **more).verdicts
    }


def test_saving_judges_every_run_at_once(judged):
    test = gate.read_test(judged, "dusk")
    assert test.rule == DUSK
    assert test.margin == pytest.approx(0.1 * _gap(judged, "v1-0000"), rel=1e-6)
    past = gate.history(judged)
    assert [run.name for run in past.runs] == ["v1", "v2", "v3", "v4"]
    (tracked,) = past.tests
    assert [(one.verdict, one.state) for one in tracked.verdicts.values()] == [
        ("pass", "open"),
        ("pass", "solved"),
        ("fail", "regressed"),
        ("pass", "solved"),
    ]
    assert tracked.state == "solved"


def _gap(workspace, run_id):
    record = json.loads((workspace.verdicts / f"{run_id}.json").read_text())
    return record["tests"]["dusk"]["measurement"]["gap"]


def test_the_check_passes_what_solves_and_fails_what_brings_it_back(judged):
    better = gate.check(judged, "v2")
    assert better.passed
    assert better.verdicts[0].baseline_name == "v1"
    worse = gate.check(judged, "v3")
    assert not worse.passed
    (verdict,) = worse.verdicts
    assert verdict.baseline_name == "v2"
    assert verdict.low > verdict.margin
    assert verdict.difference == pytest.approx(verdict.value - verdict.reference, rel=1e-5)
    for number in ("against", "under 'v2'", f"{verdict.n} samples", "margin"):
        assert number in verdict.reason


def test_an_aggressor_is_frozen_without_the_half_it_was_found_on(workspace):
    with open_run(workspace.resolve("v1")) as run:
        one = aggressors(run)[0]
    test = gate.save_test(workspace, "v1", aggressor=one.rank)
    ids = set(read_samples(workspace, test)["sample_id"].to_pylist())
    _, tables = analysed()
    fold = dict(
        zip(
            tables["samples"]["sample_id"].to_pylist(),
            zip(
                tables["samples"]["population"].to_pylist(),
                tables["samples"]["fold"].to_pylist(),
                strict=True,
            ),
            strict=True,
        )
    )
    assert {fold[sample_id] for sample_id in ids} == {("validation", "confirm"), ("test", None)}
    assert test.title == one.name
    assert test.rule == one.rule
    assert f"Aggressor {one.rank} of run v1" in test.why


def test_an_open_test_does_not_block_but_a_worse_result_on_it_does(workspace):
    gate.save_test(workspace, "v3", where="station = north", slug="north")
    assert words(workspace, "v4")["north"][0] != "fail"
    gate.save_test(workspace, "v1", where=DUSK, slug="dusk")
    assert words(workspace, "v1")["dusk"] == ("pass", "open")
    _worsen(workspace, "v5", day=5, by=3.0)
    assert words(workspace, "v5")["dusk"][0] == "fail"


def _worsen(workspace, name, *, day, by):
    """A version whose dusk samples all lose `by` more than in v1."""
    import versions

    planted, tables = versions.analysed()
    dusk = planted.truth["dusk"]
    samples = tables["samples"]
    place = samples.schema.get_field_index("loss")
    loss = [
        None if value is None else value + by * (sample_id in dusk)
        for value, sample_id in zip(
            samples["loss"].to_pylist(), samples["sample_id"].to_pylist(), strict=True
        )
    ]
    import pyarrow as pa

    changed = tables | {"samples": samples.set_column(place, "loss", pa.array(loss, pa.float64()))}
    return versions.publish_tables(workspace, changed, name, day=day)


def cloned(judged, path):
    """A checkout of the saved tests, with one new run."""
    clone = Workspace.open(path, create=True)
    shutil.copytree(judged.tests, clone.tests)
    clone.runs.mkdir()
    shutil.copy(judged.resolve("v3"), clone.runs)
    return clone


def test_a_clone_with_tests_and_verdicts_alone_judges_a_new_run(judged, tmp_path):
    clone = cloned(judged, tmp_path / "clone")
    shutil.copytree(judged.verdicts, clone.verdicts)
    for path in clone.verdicts.glob("v3-0000.*"):
        path.unlink()
    result = gate.check(clone, "latest")
    assert [(one.verdict, one.state, one.baseline) for one in result.verdicts] == [
        ("fail", "regressed", "v2-0000")
    ]
    assert result.verdicts == gate.check(judged, "v3").verdicts
    assert result.forgotten == ""
    assert words(clone, "v2")["dusk"] == ("pass", "solved")  # from its verdicts alone


def test_a_clone_whose_verdicts_were_lost_says_so(judged, tmp_path):
    clone = cloned(judged, tmp_path / "clone")
    for _ in range(2):  # also when its own verdict is there already
        result = gate.check(clone, "latest")
        assert "has no verdict of another run" in result.forgotten
        assert result.verdicts[0].baseline == "v1-0000"
    assert gate.check(judged, "v3").forgotten == ""


def test_a_run_file_from_elsewhere_is_judged_and_leaves_no_trace(judged, tmp_path):
    sent = tmp_path / "sent.duckdb"
    shutil.move(judged.resolve("v3"), sent)
    for path in judged.verdicts.glob("v3-0000.*"):
        path.unlink()
    assert words(judged, str(sent))["dusk"] == ("fail", "regressed")
    assert not list(judged.verdicts.glob("v3-0000.*"))


def test_a_file_from_elsewhere_with_a_known_id_leaves_the_verdicts_alone(judged, tmp_path):
    path = publish_version(Workspace(tmp_path / "other"), "v2", day=2)  # v2's id, not its losses
    kept = {path: path.read_bytes() for path in judged.verdicts.iterdir()}
    (found,) = gate.check(judged, path).verdicts
    assert found.value > gate.check(judged, "v2").verdicts[0].value
    assert {path: path.read_bytes() for path in judged.verdicts.iterdir()} == kept


@pytest.mark.parametrize("run_id", ["../../../escaped", "v9-0000"])
def test_a_run_file_that_lies_about_its_id_writes_nothing(judged, tmp_path, run_id):
    shutil.copy(judged.resolve("v2"), judged.runs / "liar.duckdb")
    with duckdb.connect(judged.runs / "liar.duckdb") as database:
        database.execute("UPDATE run SET run_id = ?", [run_id])
    before = {path for path in tmp_path.rglob("*")}
    gate.history(judged)
    assert {path for path in tmp_path.rglob("*")} == before
    with pytest.raises(WorkspaceError):
        read_signals(judged, "../../../escaped")


@pytest.mark.parametrize(
    ("part", "name", "value", "says"),
    [
        ("comparison", "verdict", "<img src=x onerror=alert(1)>", "comparison.verdict"),
        ("comparison", "n", "many", "comparison.n"),
        ("comparison", "difference", float("nan"), "malformed"),
        ("measurement", "n", True, "measurement.n"),
        ("measurement", "gap", "1", "measurement.gap"),
    ],
)
def test_an_edited_verdict_file_is_unreadable_not_believed(judged, part, name, value, says):
    path = judged.verdicts / "v2-0000.json"
    raw = json.loads(path.read_text())
    raw["tests"]["dusk"][part][name] = value
    path.write_text(json.dumps(raw))
    judged.resolve("v2").unlink()
    records, wrong = read_records(judged)
    assert "v2-0000" not in {one.run_id for one in records}
    assert says in wrong[0][1]


def test_verdicts_are_the_same_whatever_the_order_in_which_they_are_computed(judged):
    first = {run: gate.check(judged, run) for run in ("v4", "v1", "v3", "v2")}
    shutil.rmtree(judged.verdicts)
    again = {run: gate.check(judged, run) for run in ("v2", "v3", "v1", "v4")}
    assert first == again


def test_a_second_check_writes_nothing(judged):
    gate.check(judged, "v3")
    before = {path: path.stat().st_mtime_ns for path in judged.verdicts.iterdir()}
    gate.check(judged, "v3")
    gate.history(judged)
    assert {path: path.stat().st_mtime_ns for path in judged.verdicts.iterdir()} == before


def test_changed_ground_truth_is_left_out_and_told(judged):
    publish_version(judged, "v5", day=5, solved=("dusk",), relabel=5)
    (verdict,) = gate.check(judged, "v5").verdicts
    assert verdict.verdict == "pass"
    assert "10 with another label than under the baseline are left out" in verdict.reason
    assert verdict.value < 0.1  # the relabeled ones would have added 9.0 each


def test_samples_that_moved_to_training_prove_nothing(judged):
    test = gate.read_test(judged, "dusk")
    publish_version(judged, "v5", day=5, solved=("dusk",), to_train=20)
    (verdict,) = gate.check(judged, "v5").verdicts
    assert verdict.n == test.samples - 20
    assert "20 are in the training population of this run and left out" in verdict.reason


def test_a_run_that_lacks_the_samples_is_missing_and_blocks_only_if_strict(judged):
    test = gate.read_test(judged, "dusk")
    gone = tuple(read_samples(judged, test)["sample_id"].to_pylist()[5:])
    publish_version(judged, "v5", day=5, drop=gone)
    result = gate.check(judged, "v5")
    assert result.passed
    assert result.verdicts[0].verdict == "missing"
    assert f"Only 5 of its {test.samples} samples" in result.verdicts[0].reason
    assert not gate.check(judged, "v5", strict=True).passed


def test_another_loss_or_task_does_not_compare(judged):
    publish_version(judged, "v5", day=5, loss_name="focal")
    (verdict,) = gate.check(judged, "v5").verdicts
    assert (verdict.verdict, verdict.n) == ("missing", 0)
    assert "'focal'" in verdict.reason


def test_a_baseline_of_choice_replaces_all(judged):
    result = gate.check(judged, "v3", baseline="v1")
    assert result.baseline == "v1-0000"
    assert result.verdicts[0].baseline_name == "v1"
    assert result.verdicts[0].verdict != "fail"
    assert result.verdicts[0].state == "regressed"  # states follow the test's own baseline
    assert gate.check(judged, "v3").verdicts[0].baseline_name == "v2"
    with pytest.raises(UsageError, match="is the run itself"):
        gate.check(judged, "v3", baseline="v3-0000")


def test_an_edited_margin_changes_the_verdict_and_needs_no_run(judged):
    path = judged.tests / "dusk.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"margin": 50.0}))
    shutil.rmtree(judged.runs)
    assert words(judged, "v3")["dusk"] == ("pass", "solved")


def test_a_broken_test_file_leaves_the_others_their_verdicts(judged):
    gate.save_test(judged, "v1", where="station = north", slug="north")
    (judged.tests / "north.json").write_text("{")
    result = gate.check(judged, "v3")
    assert [one.slug for one in result.verdicts] == ["dusk"]
    assert [one.slug for one in result.unreadable] == ["north"]


def test_damaged_samples_of_a_test_leave_the_others_their_verdicts(judged):
    gate.save_test(judged, "v1", where="station = north", slug="north")
    path = judged.tests / "north.parquet"
    content = bytearray(path.read_bytes())
    content[4:200] = b"\xa5" * 196  # the pages; what is read first stands at the end
    path.write_bytes(content)
    result = gate.check(judged, "v3")
    assert [one.slug for one in result.verdicts] == ["dusk"]
    assert [one.slug for one in result.unreadable] == ["north"]


def test_a_broken_verdict_file_is_made_again_where_its_run_is_at_hand(judged):
    before = gate.check(judged, "v3")
    for name in ("v2-0000.json", "v2-0000.parquet"):
        (judged.verdicts / name).write_text("nonsense")
    (judged.verdicts / "v2-0000.parquet").unlink()
    assert gate.check(judged, "v3") == before
    judged.resolve("v2").unlink()
    (judged.verdicts / "v2-0000.json").write_text("nonsense")
    assert "v2-0000.json" in gate.check(judged, "v3").unreadable[0].reason


def test_a_broken_run_file_does_not_keep_others_from_their_verdicts(workspace):
    (workspace.runs / "broken.duckdb").write_bytes(b"nonsense")
    gate.save_test(workspace, "v1", where=DUSK, slug="dusk")
    assert words(workspace, "v3")["dusk"] == ("fail", "regressed")


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("loss > 2", InputError),
        ("correct = no", InputError),
        ("label = coat and prediction = shirt", InputError),
        ("not (confidence < 0.5)", InputError),
        ("brightness < -1", InputError),
        ("brightness <", FilterError),
        ("brigthness < 0.2", FilterError),
    ],
)
def test_what_is_no_group_by_its_input_is_refused(workspace, where, error):
    with pytest.raises(error):
        gate.save_test(workspace, "v1", where=where, slug="bad")
    assert not list(workspace.tests.glob("*"))


def test_wrong_use_is_refused(workspace):
    for wrong in (
        {},
        {"aggressor": 1, "where": DUSK},
        {"aggressor": 99},
        {"where": DUSK, "slug": "../x"},
    ):
        with pytest.raises(UsageError):
            gate.save_test(workspace, "v1", **wrong)
    with pytest.raises(RunNotFound):
        gate.save_test(workspace, "v9", where=DUSK)
    gate.save_test(workspace, "v1", where=DUSK, slug="dusk")
    with pytest.raises(UsageError, match="never rewritten"):
        gate.save_test(workspace, "v2", where=DUSK, slug="dusk")


def test_a_name_finds_a_free_slug(workspace):
    first = gate.save_test(workspace, "v1", where="station = north")
    second = gate.save_test(workspace, "v1", where="station = north")
    assert (first.slug, second.slug) == ("station-north", "station-north-2")


def test_evaluate_run_gives_the_verdicts_of_a_new_run(workspace):
    assert gate.evaluate_run(workspace, workspace.resolve("v3")) == []
    gate.save_test(workspace, "v1", where=DUSK, slug="dusk")
    found = gate.evaluate_run(workspace, workspace.resolve("v3"))
    assert tuple(found) == gate.check(workspace, "v3").verdicts


def test_a_workspace_without_tests_passes_unless_asked_strictly(workspace):
    result = gate.check(workspace, "v1")
    assert result.passed
    assert result.verdicts == ()
    assert not list(workspace.verdicts.glob("*"))
    assert not gate.check(workspace, "v1", strict=True).passed


def test_verdicts_that_cannot_be_kept_are_given_all_the_same(judged):
    shutil.rmtree(judged.verdicts)
    judged.verdicts.write_text("in the way")
    result = gate.check(judged, "v1")
    assert [one.slug for one in result.verdicts] == ["dusk"]
    assert "Cannot write" in result.unwritten
    with pytest.raises(WorkspaceError, match="Cannot write"):
        gate.evaluate_run(judged, judged.resolve("v1"))


def test_two_tests_of_one_slug_cannot_be(judged):
    test = gate.read_test(judged, "dusk")
    with pytest.raises(UsageError):
        write_test(judged, replace(test, title="x"), read_samples(judged, test))
    assert Path(judged.tests / "dusk.json").is_file()
