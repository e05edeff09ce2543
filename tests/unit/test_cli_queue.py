"""The verbs of label queues: what they print, and every exit code."""

import csv
import json
import shutil

import pyarrow as pa
import pytest

from aggressors.queries.grammar import parse
from aggressors.queries.samples import samples_page
from aggressors.store.label_queues import NOT_OF_GROUP
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from calling import call, document, fails
from queried import queried
from versions import publish_version

FIRST = "unlabeled-0299"  # the likeliest candidate of rank 1


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    workspace = Workspace.open(tmp_path_factory.mktemp("made") / "w", create=True)
    queried(workspace.runs).run.close()
    return workspace.root


@pytest.fixture
def workspace(made, tmp_path, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_USER", "Ann")
    return shutil.copytree(made, tmp_path / "work space")


def queue(workspace, name="dusk"):
    return Workspace(workspace).label_queue(name)


def ids(workspace, *states):
    return queue(workspace).rows(*states)["sample_id"].to_pylist()


def add(workspace, name="dusk", *more, count=10):
    return call("queue", "add", name, "v1", "--aggressor", 1, "--count", count, *more, at=workspace)


def test_candidates_are_added_listed_and_removed(workspace):
    assert document("queue", "list", at=workspace) == []
    assert "queue add" in call("queue", "list", at=workspace).stdout
    assert add(workspace).stdout == "Added 10.\n"
    assert len(set(ids(workspace))) == 10
    assert queue(workspace).rows()["by"].to_pylist() == ["Ann"] * 10
    (one,) = document("queue", "list", at=workspace)
    assert (one["name"], one["total"], one["done"], one["by"]) == ("dusk", 10, 0, ["Ann"])
    assert one["states"] == {"queued": 10, "exported": 0, "labeled": 0, "rejected": 0}
    assert "0 of 10" in call("queue", "list", at=workspace).stdout
    first = ids(workspace)[0]
    removed = document("queue", "remove", "dusk", "--sample", first, at=workspace)
    assert removed == {"queue": "dusk", "removed": [first]}
    done = call("queue", "remove", "dusk", "--state", "queued", "--by", "Ben", at=workspace)
    assert done.stdout == "Removed 9 samples from 'dusk'.\n"
    assert ids(workspace) == []


def test_the_next_best_candidates_follow_and_the_likeliest_come_without_variety(workspace):
    add(workspace, "dusk", "--variety", 0, count=5)
    assert ids(workspace)[0] == FIRST
    first = set(ids(workspace))
    add(workspace, "dusk", "--variety", 0, count=5)
    assert len(ids(workspace)) == 10
    document("queue", "add", "dawn", "v1", "--aggressor", 1, "--count", 5, at=workspace)
    other = set(queue(workspace, "dawn").rows()["sample_id"].to_pylist())
    assert not other & set(ids(workspace))
    add(workspace, "noon", "--variety", 0, "--again", count=5)
    assert set(queue(workspace, "noon").rows()["sample_id"].to_pylist()) == first


def test_what_another_queue_rejected_as_not_of_the_group_is_offered_again(workspace):
    add(workspace, "dawn", "--variety", 0, count=3)
    first, second, third = queue(workspace, "dawn").rows()["sample_id"].to_pylist()
    queue(workspace, "dawn").mark([first], "rejected", why=NOT_OF_GROUP)
    queue(workspace, "dawn").mark([second], "rejected", why="unusable")
    add(workspace, "dusk", "--variety", 0, count=3)
    assert first in ids(workspace)
    assert not {second, third} & set(ids(workspace))
    queue(workspace).mark([first], "rejected", why=NOT_OF_GROUP)
    add(workspace, "dusk", "--variety", 0, count=3)  # but never twice in one queue
    assert ids(workspace).count(first) == 1
    assert len(ids(workspace)) == 6


def test_why_nothing_was_added_is_told(workspace):
    everything = add(workspace, "dusk", count=1_000).stdout
    n = len(ids(workspace))
    assert everything == f"Added {n}.\n"
    again = add(workspace, "dawn")
    assert again.exit_code == 0
    assert again.stdout.startswith(f"Added 0. All {n} candidates of aggressor 1 stand in label")
    told = document("queue", "add", "dusk", "v1", "--aggressor", 1, at=workspace)
    assert (told["added"], "All" in told["sentence"]) == ([], True)
    few = add(workspace, "noon", "--where", "brightness > 99").stdout
    assert "Added 0. The filter brightness > 99 lets none of the" in few
    other = add(workspace, "noon", "--again", "--where", "brightness < 0.5", count=2)
    assert other.stdout == "Added 2.\n"


def test_ranks_are_told_with_their_run(workspace):
    add(workspace)
    other = "c" * 16
    more = pa.table({"sample_id": ["x"], "run_id": [other], "aggressor": [4]})
    queue(workspace).add(more)
    text = call("queue", "show", "dusk", "--rows", at=workspace).stdout
    assert "For, in v1" in text
    assert "1 of v1" in text
    assert f"4 of {other}" in text
    assert "1 sample was chosen from other runs than v1" in text
    shown = document("queue", "show", "dusk", at=workspace)["loop"]
    assert (shown["run_name"], shown["run_id"], shown["elsewhere"]) == ("v1", "a" * 16, 1)


def test_named_samples_are_added_and_what_is_left_out_is_told(workspace, tmp_path):
    (tmp_path / "ids.txt").write_text("unlabeled-0240\n\nunlabeled-0241\n")
    given = ["queue", "add", "dusk", "v1", "--sample", FIRST, "--samples", tmp_path / "ids.txt"]
    found = document(*given, at=workspace)
    assert found["added"] == [FIRST, "unlabeled-0240", "unlabeled-0241"]
    again = document(*given, at=workspace)
    assert (again["added"], set(again["already"])) == ([], set(found["added"]))
    other = document("queue", "add", "dawn", "v1", "--sample", FIRST, at=workspace)
    assert other["elsewhere"] == {FIRST: ["dusk"]}
    assert "another queue holds (dusk)" in other["sentence"]


def test_a_filter_and_a_quota_limit_what_is_added(workspace):
    dark = add(workspace, "dusk", "--where", "brightness < 0.5", count=30)
    assert 0 < len(ids(workspace)) < 30
    assert dark.exit_code == 0
    done = call("queue", "quota", "dawn", "--new", "--total", 4, "--share", 0.5, at=workspace)
    assert done.stdout == "At most 4 samples in all, 50 % of the total for each aggressor.\n"
    assert "left out by the quota" in add(workspace, "dawn", count=6).stdout
    assert document("queue", "show", "dawn", at=workspace)["quota"]["share"] == 0.5
    assert call("queue", "quota", "dawn", "--none", at=workspace).stdout == "No limit.\n"
    assert add(workspace, "dawn", count=6).stdout == "Added 6.\n"


def test_an_export_counts_and_can_be_made_again(workspace, tmp_path):
    add(workspace)
    out = tmp_path / "x.csv"

    def export(*more):
        given = ["export", "v1", "--what", "queue", "--queue", "dusk", "--format", "csv"]
        done = call(*given, "--out", out, *more, at=workspace)
        assert done.exit_code == 0, done.stderr
        rows = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
        return done, [row["sample_id"] for row in rows]

    done, first = export("--batch", "new", "--count", 4)
    with out.open(encoding="utf-8") as file:
        told = list(csv.DictReader(file))
    assert {row["aggressor"] for row in told} == {"1"}
    assert {row["reason"] for row in told} == {"near the core"}
    assert "as export 1." in done.stdout
    assert first == ids(workspace)[:4] == ids(workspace, "exported")
    _, rest = export("--batch", "new")
    assert rest == ids(workspace)[4:]
    done, none = export("--batch", "new")
    assert none == []
    assert "Nothing of this kind waits in 'dusk'" in done.stderr
    queue(workspace).mark(first[:1], "labeled", labels="coat")
    assert export("--batch", 1)[1] == first
    assert export("--batch", "all")[1] == export()[1] == ids(workspace)[1:]
    shown = document("queue", "show", "dusk", at=workspace)
    assert [(one["number"], one["format"], one["samples"]) for one in shown["exports"]] == [
        (1, "csv", 4), (2, "csv", 6), (3, "csv", 4), (4, "csv", 9), (5, "csv", 9),
    ]  # fmt: skip
    only = call("export", "v1", "--what", "queue", "--format", "csv", "--out", out, at=workspace)
    assert "The label queue 'to-label' is empty" in only.stderr


def test_labels_come_back_and_are_shown(workspace, tmp_path):
    add(workspace)
    chosen = ids(workspace)
    rows = [{"sample_id": one, "label": "coat", "of_group": "yes"} for one in chosen[:6]]
    rows += [{"sample_id": one, "rejected": "not of the group"} for one in chosen[6:8]]
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    given = ["import-labels", path, "--queue", "dusk"]
    done = call(*given, at=workspace)
    assert done.stdout == "Took JSON lines into 'dusk': 6 labeled, 2 rejected.\n"
    assert call(*given, at=workspace).stdout.endswith("0 labeled, 0 rejected, 8 as before.\n")
    shown = document("queue", "show", "dusk", "--rows", at=workspace)
    assert (shown["total"], shown["done"], len(shown["rows"])) == (10, 8, 10)
    (part,) = shown["loop"]["parts"]
    assert (part["came"]["n"], part["came"]["such"]) == (8, 6)
    assert part["came"]["share"]["value"] == 0.75
    assert 0 <= part["expected"]["low"] <= part["expected"]["high"] <= 1
    text = call("queue", "show", "dusk", "--rows", at=workspace).stdout
    for said in ("8 of 10 done", "75 % (41 % to 93 %) of 8", "8 as the labeler said", chosen[9]):
        assert said in text


def test_labels_that_do_not_fit_are_all_told_and_exit_with_3(workspace, tmp_path):
    add(workspace)
    one, two, *_ = ids(workspace)
    path = tmp_path / "labels.csv"
    path.write_text(f"id,class\n{one},boot\n{two},coat\ngone,coat\n")
    given = ["import-labels", path, "--queue", "dusk"]
    columns = ["--columns", "sample_id=id", "--columns", "label=class"]
    fails(3, *given, at=workspace, says="Column 'sample_id' is not in")
    done = fails(3, *given, *columns, at=workspace, says="unknown class: row 2")
    assert "unknown id: row 4, 'gone'" in done.stderr
    assert done.stdout == ""
    told = document(*given, *columns, at=workspace, code=3)
    assert (told["labeled"], told["rows"]) == (0, 3)
    assert [(each["kind"], each["count"]) for each in told["problems"]] == [
        ("unknown id", 1),
        ("unknown class", 1),
    ]
    assert ids(workspace, "labeled") == []
    told = document(*given, *columns, "--new-classes", "--skip-unknown", at=workspace)
    assert (told["labeled"], told["left_out"], told["new_classes"]) == (2, 1, ["boot"])
    path.write_text(f"id,class\n{two},shirt\n{one},\n")
    fails(3, *given, *columns, at=workspace, says="there coat")
    done = call(*given, *columns, "--replace", "--skip-empty", at=workspace)
    assert done.stdout == "Took CSV into 'dusk': 1 labeled, 0 rejected, 1 row left out.\n"


def test_the_gain_of_a_later_run_is_shown(tmp_path):
    place = Workspace.open(tmp_path / "w", create=True)
    publish_version(place, "v1", day=1)
    publish_version(place, "v2", day=2, solved=("dusk",), noise=1)
    with open_run(place.resolve("v1")) as run:
        found = samples_page(run, parse("population = unlabeled"), limit=1)
    unlabeled = found["sample_id"][0].as_py()
    given = ["queue", "add", "dusk", "v1", "--aggressor", 1, "--sample", unlabeled]
    assert call(*given, at=place.root).stdout == "Added 1.\n"
    assert document("queue", "show", "dusk", at=place.root)["closed"] == []
    place.label_queue("dusk").mark([unlabeled], "labeled", labels="boot")
    (closed,) = document("queue", "show", "dusk", "--after", "v2", at=place.root)["closed"]
    assert (closed["run_name"], closed["aggressor"], closed["labeled"]) == ("v2", 1, 1)
    assert closed["members"]["difference"]["high"] < 0
    text = call("queue", "show", "dusk", "--after", "v2", at=place.root).stdout
    assert "In v2" in text
    assert "of the gap closed" in text


@pytest.mark.parametrize(
    ("code", "given", "says"),
    [
        (2, ["queue", "show", "dawn"], "no label queue 'dawn'; there are: dusk"),
        (2, ["queue", "remove", "dusk"], "Say which"),
        (2, ["queue", "remove", "dusk", "--sample", "x"], "has no sample 'x'"),
        (2, ["queue", "add", "dusk", "v1"], "Nothing to add"),
        (2, ["queue", "add", "Dusk!", "v1", "--aggressor", 1], "no slug"),
        (2, ["queue", "add", "dusk", "v1", "--aggressor", 1, "--count", 0], "takes 1 to"),
        (2, ["queue", "add", "dusk", "v1", "--aggressor", 1, "--variety", 2], "from 0 to 1"),
        (2, ["queue", "add", "dusk", "v1", "--sample", "train-0001"], "has a label"),
        (3, ["queue", "add", "dusk", "v1", "--samples", "gone.txt"], "cannot be read"),
        (3, ["queue", "add", "dusk", "v1", "--aggressor", 1, "--where", "x <"], "position"),
        (4, ["queue", "add", "dusk", "v9", "--aggressor", 1], "No run 'v9'"),
        (2, ["queue", "quota", "dusk"], "lift all limits with --none"),
        (2, ["queue", "quota", "dusc", "--total", 4],
         "no label queue 'dusc'; there are: dusk. The nearest is 'dusk'."),
        (2, ["queue", "add", "dusk", "v1", "--aggressor", 9], "no aggressor of rank 9; the ranks"),
        (2, ["queue", "quota", "dusk", "--share", 0.5], "needs a total"),
        (2, ["import-labels", "x.csv", "--queue", "dawn"], "no label queue"),
        (3, ["import-labels", "gone.csv", "--queue", "dusk"], "no such file"),
        (2, ["import-labels", "x", "--queue", "dusk", "--columns", "label"], "ROLE=COLUMN"),
        (2, ["import-labels", "x", "--queue", "dusk", "--columns", "a=b"], "no role 'a'"),
        (2, ["export", "v1", "--what", "samples", "--queue", "dusk", "--format", "csv",
             "--out", "x"], "go with --what queue"),
        (2, ["export", "v1", "--what", "queue", "--queue", "dawn", "--format", "csv",
             "--out", "x"], "no label queue 'dawn'"),
        (2, ["export", "v1", "--what", "queue", "--queue", "dusk", "--batch", "2",
             "--format", "csv", "--out", "x"], "no export 2"),
        (2, ["export", "v1", "--what", "queue", "--batch", "old", "--format", "csv",
             "--out", "x"], "neither new nor all"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_changes_nothing(workspace, code, given, says, monkeypatch):
    monkeypatch.chdir(workspace)
    add(workspace)
    before = ids(workspace)
    fails(code, *given, at=workspace, says=says)
    assert ids(workspace) == before


def test_a_damaged_batch_is_named_and_the_rest_is_shown(workspace):
    add(workspace)
    (queue(workspace).folder / "0-broken.parquet").write_bytes(b"PAR1")
    for given in (["queue", "show", "dusk"], ["queue", "list"]):
        done = call(*given, at=workspace)
        assert done.exit_code == 0
        assert "0-broken.parquet is no label batch" in done.stderr
        assert "of 10" in done.stdout


def test_a_queue_outlives_its_run(workspace):
    add(workspace)
    shutil.rmtree(workspace / "runs")
    assert document("queue", "show", "dusk", at=workspace)["loop"] is None
    assert "is not here" in call("queue", "show", "dusk", at=workspace).stdout


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["candidates", "--aggressor", 2], "Aggressor 2 of run 'v1' has no candidate"),
        (["suspects", "--aggressor", 1], "Aggressor 1 of run 'v1' has no suspect"),
        (["samples", "--where", "brightness > 99"], "The filter brightness > 99 lets none of"),
        (["members", "--where", "brightness > 99"], "The filter brightness > 99 lets none of"),
    ],
)
def test_an_export_of_nothing_says_why(workspace, tmp_path, given, says):
    out = tmp_path / "x.csv"
    done = call("export", "v1", "--what", *given, "--format", "csv", "--out", out, at=workspace)
    assert done.exit_code == 0
    assert "Wrote 0 samples" in done.stdout
    assert says in done.stderr
