"""A run beside the accepted one: what is said, what is saved as a test, and every exit code."""

import json
import shutil

import pytest

import aggressors as ag
from aggressors import gate
from aggressors.cli import cli
from aggressors.comparing import compare
from aggressors.errors import UsageError
from aggressors.queries.paired import Change
from aggressors.queries.worsened import Covering, Told, hidden, known
from aggressors.store.baselines import baseline_of
from aggressors.store.saved_tests import read_samples, read_test
from aggressors.store.workspace import Workspace
from aggressors.store.worsened import WorseGroup, read_worsened
from calling import call, document, fails
from versions import analysed, publish_version

DUSK = "brightness < 0.25"


@pytest.fixture(scope="module")
def compared(story, tmp_path_factory):
    """The story, in which v3 was compared with v2 before."""
    copy = tmp_path_factory.mktemp("compared") / "workspace"
    shutil.copytree(story.root, copy)
    compare(Workspace.open(copy), "v3")
    return copy


@pytest.fixture
def workspace(compared, tmp_path):
    copy = tmp_path / "workspace"
    shutil.copytree(compared, copy)
    return Workspace.open(copy)


def test_a_better_mean_that_hides_a_group_is_called_out(workspace):
    publish_version(
        workspace, "v4", day=4, solved=("blurred-shirt", "swapped-label"), noise=2
    )  # dark samples fail again, all else is better than in v2
    text = call("compare", "v4", "--baseline", "v2", at=workspace.root).stdout
    found = document("compare", "v4", "--baseline", "v2", at=workspace.root)
    assert found["worse"]
    assert found["whole"]["low"] <= 0
    assert found["hidden"] in text.replace("\n", " ")
    assert "the mean hides" in text.replace("\n", " ")


def test_what_the_mean_hides_is_said_as_strongly_as_it_is_known():
    group = WorseGroup(1, "x", "", None, None, "rule", 9, 9, 2, 1, 1, 0.5, 2, 0, 0.01, 3, 0)
    open_ = Told(group)
    covered = Told(group, (Covering("dusk", "dusk", 1.0, 1.0),))
    facts = {"worse": 0, "better": 0, "same": 0, "broke": 0, "fixed": 0}
    facts |= {"errors": 0.1, "other_errors": 0.1}
    better = Change(9, 1.0, 2.0, -1.0, -2.0, -0.5, **facts)
    unclear = Change(9, 1.0, 1.0, 0.0, -0.5, 0.5, **facts)
    worse = Change(9, 2.0, 1.0, 1.0, 0.5, 2.0, **facts)
    assert hidden(better, [open_], "loss") == (
        "Mean loss is better by 1, yet 1 group is surely worse, covered by no test: "
        "the mean hides it."
    )
    assert hidden(unclear, [open_, covered], "error") == (
        "Mean error is not surely worse, yet 2 groups are surely worse, 1 of them covered by no "
        "test: the mean hides them."
    )
    assert hidden(better, [covered], "loss").endswith("surely worse: the mean hides it.")
    assert hidden(worse, [open_], "loss") == hidden(better, [], "loss") == ""


def test_the_mean_that_shows_it_hides_nothing(workspace):
    found = document("compare", "v3", at=workspace.root)
    assert found["whole"]["low"] > 0
    assert found["hidden"] == ""


def test_compare_says_what_changed_and_what_to_type(workspace):
    text = call("compare", "v3", at=workspace.root).stdout
    for part in (
        "v3 against v2", "600 validation samples", "Accuracy", "right before and wrong now",
        "What got worse that no test covers", "brightness <", "aggressor #1",
        f"aggressors save-test v3 --worse 1 --workspace {workspace.root}",
        "Aggressors: 1 persisting",
    ):  # fmt: skip
        assert part in text


def test_the_document_of_json(workspace):
    found = document("compare", "latest", at=workspace.root)
    assert (found["run_name"], found["baseline_name"]) == ("v3", "v2")
    assert set(found) == {
        "run_id", "run_name", "baseline_id", "baseline_name", "signal", "population", "whole",
        "apart", "aggressors", "worse", "tested", "n_discover", "n_confirm", "hidden",
    }  # fmt: skip
    assert {
        "rank", "name", "rule", "n", "n_confirm", "value", "reference", "difference", "low",
        "high", "rest", "q_value", "broke", "fixed", "aggressor", "overlap", "covered_by", "tests",
    } <= set(found["worse"][0])  # fmt: skip
    assert found["worse"][0]["covered_by"] is None
    assert found["aggressors"][0]["fate"] == "persisting"
    assert found["aggressors"][0]["change"]["judges_only"]


def test_every_key_of_the_document_is_in_the_help(workspace):
    found, told = document("compare", at=workspace.root), cli.commands["compare"].help
    for name in (*found, *found["whole"], *found["worse"][0]):
        assert name in told or name in ("judges_only", "precision", "recall", "found_by"), name


def test_what_got_worse_is_frozen_as_the_baseline_had_it_so_that_the_run_fails(workspace):
    done = call("save-test", "v3", "--worse", "1", "--slug", "dusk", at=workspace.root)
    assert done.exit_code == 0, done.stderr
    test = read_test(workspace, "dusk")
    assert test.source_run_name == "v2"
    assert test.rule.startswith("brightness <")
    assert test.why.startswith("Worse in run v3 than in v2")
    _, members = read_worsened(workspace, "v3-0000", "v2-0000")
    rows = members.to_pandas()
    judging = set(rows[(rows["rank"] == 1) & rows.judges].sample_id)
    frozen = read_samples(workspace, test).to_pandas()
    assert set(frozen.sample_id) == judging
    folds = analysed()[0].tables["samples"].to_pandas().set_index("sample_id").fold
    assert (folds[frozen.sample_id] != "discover").all()
    assert call("check", "v3", at=workspace.root).exit_code == 1
    assert call("check", "v2", at=workspace.root).exit_code == 0


def test_a_group_is_covered_once_its_test_is_saved_and_keeps_its_rank(workspace):
    before = document("compare", "v3", at=workspace.root)["worse"]
    gate.save_test(workspace, "v3", worse=1, slug="dusk")
    after = document("compare", "v3", at=workspace.root)["worse"]
    one = next(each for each in after if each["rank"] == 1)
    assert one["covered_by"] == "dusk"
    assert one["tests"][0]["share"] == one["tests"][0]["of_test"] == 1
    assert {each["rank"] for each in after} == {each["rank"] for each in before}
    uncovered = [each["covered_by"] is None for each in after]
    assert uncovered == sorted(uncovered, reverse=True)
    text = call("compare", "v3", at=workspace.root).stdout
    assert "Worse, and covered by a test" in text
    assert "100% in test dusk" in text
    assert "--worse 1" not in text


def test_a_test_among_whose_samples_the_group_drowns_does_not_cover_it(workspace):
    gate.save_test(workspace, "v2", where="brightness < 2", slug="everything")
    _, told = known(workspace, "v3-0000", "v2-0000")
    (test,) = told[0].tests
    assert test.share == 1
    assert test.of_test < 0.2
    assert told[0].covered_by is None


def test_a_test_on_an_aggressor_covers_what_got_worse_there(workspace):
    gate.save_test(workspace, "v1", aggressor=1, slug="dark")
    _, told = known(workspace, "v3-0000", "v2-0000")
    assert next(one for one in told if one.group.rank == 1).covered_by.slug == "dark"


def test_nothing_compared_is_nothing_known(story):
    assert known(story, "v2-0000", "v1-0000") is None
    with pytest.raises(UsageError, match="aggressors compare v2 --baseline v1"):
        gate.save_test(story, "v2", worse=1)


# --- Which baseline ---


def test_the_baseline_is_the_model_before(workspace):
    def name(run):
        return baseline_of(workspace, workspace.run_path(f"{run}-0000")).stem

    assert (name("v3"), name("v2")) == ("v2-0000", "v1-0000")
    with pytest.raises(UsageError, match="no earlier run of another model"):
        name("v1")
    # Neither metadata that was added, nor the same model again, nor another task is a model before.
    publish_version(workspace, "added", day=4, derived_from="v3-0000", derived_from_name="v3")
    publish_version(workspace, "again", day=5, model_digest="v6")
    publish_version(workspace, "v6", day=6)
    assert name("v6") == "v3-0000"
    assert name("added") == "v2-0000"
    (workspace.runs / "broken.duckdb").write_bytes(b"nonsense")
    assert name("v3") == "v2-0000"


def test_python_compares_as_the_command_does(workspace):
    with ag.open_run("v3", workspace.root) as run, ag.open_run("v1", workspace.root) as other:
        assert ag.compare(run).baseline_name == "v2"
        assert ag.compare(run, other).baseline_name == "v1"
    found = ag.compare("v3", "v2", workspace=workspace.root)
    assert found == compare(workspace, "v3", "v2")
    assert found.worse[0].group.rank == 1


# --- What is wrong ---


@pytest.mark.parametrize(
    ("code", "arguments", "says"),
    [
        (2, ("compare", "v1"), "no earlier run"),
        (2, ("compare", "v3", "--baseline", "v3"), "same predictions"),
        (4, ("compare", "v9"), "No run 'v9'"),
        (4, ("compare", "v3", "--baseline", "v9"), "No run 'v9'"),
        (2, ("save-test", "v3", "--worse", "99"), "no group of rank 99"),
        (2, ("save-test", "v3", "--worse", "0"), "no group of rank 0"),
        (2, ("save-test", "v3", "--worse", "1", "--aggressor", "1"), "--worse RANK"),
        (2, ("save-test", "v3", "--aggressor", "1", "--baseline", "v2"), "--baseline goes with"),
        (2, ("save-test", "v1", "--worse", "1"), "no earlier run"),
    ],
)
def test_what_cannot_be_compared_gets_a_sentence(workspace, code, arguments, says):
    fails(code, *arguments, at=workspace.root, says=says)


def test_runs_that_do_not_compare_exit_with_3(workspace):
    publish_version(workspace, "hinge", day=4, loss_name="hinge")
    fails(3, "compare", "hinge", at=workspace.root, says="they do not compare")


def test_an_unfinished_run_is_no_run(workspace):
    (workspace.runs / ".v7-0000.duckdb.12345678.tmp").write_bytes(b"half")
    fails(4, "compare", "v7", at=workspace.root, says="No run 'v7'")
    cut = (workspace.runs / "v3-0000.duckdb").read_bytes()[:100_000]
    (workspace.runs / "v8-0000.duckdb").write_bytes(cut)
    fails(4, "compare", "v8-0000", at=workspace.root, says="truncated")


def test_a_workspace_that_cannot_be_written_still_gets_its_answer(workspace):
    shutil.rmtree(workspace.worsened)
    workspace.worsened.write_text("in the way")
    done = call("compare", "v3", "--json", at=workspace.root)
    assert done.exit_code == 4
    assert json.loads(done.stdout)["worse"]
    assert "worsened" in done.stderr
    fails(4, "save-test", "v3", "--worse", "1", at=workspace.root, says="worsened")


def test_marks_in_a_name_stay_text(workspace):
    done = call("compare", "v3", "--baseline", "[bold]v2", at=workspace.root)
    assert "[bold]v2" in done.stderr
