"""Marks from a notebook: the same as those of the dashboard, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

import aggressors as ag
from aggressors.queries.marks import by_sample, groups
from aggressors.store.workspace import Workspace
from planted import planted_run
from versions import publish_version


@pytest.fixture
def workspace(tmp_path):
    place = Workspace.open(tmp_path / "w", create=True)
    publish_version(place, "v1", day=1)
    return place


@pytest.fixture
def run(workspace):
    with ag.open_run("v1", workspace.root) as opened:
        yield opened


def said(run, rank=None):
    rows = run.marks(rank).to_pylist()
    return [(row["sample_id"], row["mark"], row["aggressor"]) for row in rows]


def test_what_is_marked_is_listed_and_taken_back(run, workspace):
    first, second, third = run.members(1)["sample_id"].to_pylist()[:3]
    assert said(run) == []
    run.mark(first, "label-wrong")
    run.mark([second, third, second], "not-of-group", rank=1)
    assert said(run) == [
        (first, "label-wrong", None), (second, "not-of-group", 1), (third, "not-of-group", 1),
    ]  # fmt: skip
    assert said(run, 1) == said(run)
    run.mark([second], "not-of-group", rank=1, undo=True)
    assert said(run) == [(first, "label-wrong", None), (third, "not-of-group", 1)]
    (group,) = groups(run._file).values()
    held = by_sample(workspace.read_marks().held, group)  # as the dashboard reads them
    assert held == {first: ("label-wrong",), third: ("not-of-group",)}
    assert {one.run_id for one in workspace.read_marks().held} == {"v1-0000"}


def test_a_column_of_a_table_is_marked_at_once(run, workspace):
    members = run.members(1)
    run.mark(members["sample_id"], "not-of-group", rank=1)
    assert [row[0] for row in said(run)] == members["sample_id"].to_pylist()
    assert len(list(workspace.marks.iterdir())) == 1


def test_marks_of_a_run_with_added_metadata_are_those_of_its_model(run):
    ids = run.samples()["sample_id"].to_pylist()
    table = pa.table({"sample_id": ids, "rain": list(range(len(ids)))})
    with run.add_metadata(table) as derived:
        member = derived.members(1)["sample_id"][0].as_py()
        derived.mark(member, "not-of-group", rank=1)
        assert said(run) == said(derived) == [(member, "not-of-group", 1)]
        assert run.marks()["run_id"].to_pylist() == ["v1-0000"]


@pytest.mark.parametrize(
    ("ids", "mark", "rank", "says"),
    [
        ("no-such", "label-wrong", None, "has no sample 'no-such'. Correct"),
        (list("pqrst"), "label-wrong", None, "has no sample 'p', 'q', 'r' and 2 more"),
        ("x' OR 1=1 --", "label-wrong", None, "has no sample"),
        ([], "label-wrong", None, "at least one sample"),
        (None, "ugly", None, "no mark 'ugly'"),
        (None, "not-of-group", None, "said of an aggressor"),
        (None, "not-of-group", 99, "99"),
        (None, "label-wrong", 99, "99"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_is_kept(run, workspace, ids, mark, rank, says):
    ids = run.members(1)["sample_id"][0].as_py() if ids is None else ids
    with pytest.raises(ag.UsageError, match=re.escape(says)):
        run.mark(ids, mark, rank=rank)
    assert not workspace.marks.exists()


def test_odd_ids_are_marked_as_any_other(tmp_path):
    ids = ["a/b/../c", "日照 ½", "it's", 'q"', " spaced ", "new\nline", "-1", "=1+1"]
    table = pa.table({"sample_id": ids, "loss": [float(n) for n in range(len(ids))]})
    with (
        ag.analyze(table, workspace=tmp_path / "w") as run,
        pytest.raises(ag.UsageError, match="no label that could be wrong of sample 'a/b"),
    ):
        run.mark(ids, "label-wrong")
    for column in ("label", "prediction"):
        table = table.append_column(column, [["x", "y"] * (len(ids) // 2)])
    with ag.analyze(table, workspace=tmp_path / "v") as run:
        run.mark(ids, "label-wrong")
        assert [one for one, *_ in said(run)] == ids
        run.mark(ids[1:], "label-wrong", undo=True)
        assert said(run) == [(ids[0], "label-wrong", None)]


def test_a_run_without_a_workspace_has_no_marks(workspace):
    with ag.open_run(workspace.resolve("v1")) as alone:
        for use in (alone.marks, lambda: alone.mark("a", "label-wrong")):
            with pytest.raises(ag.WorkspaceError, match="on its own, and marks are kept in a work"):
                use()


def test_a_damaged_file_is_warned_of_and_the_others_hold(run, workspace):
    member = run.members(1)["sample_id"][0].as_py()
    run.mark(member, "label-wrong")
    (workspace.marks / "odd.parquet").write_bytes(b"PAR1")
    with pytest.warns(UserWarning, match=r"odd\.parquet is no batch of marks"):
        assert said(run) == [(member, "label-wrong", None)]


def test_the_guide_does_what_it_says(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "2-hypothesis.md").read_text()
    guide = page.split("## What samples show")[1].split("\n## ")[0]
    workspace = Workspace.open(tmp_path / "workspace", create=True)
    planted_run(workspace, name="v1")
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(workspace.root))
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    exec(code, {})
    printed = capsys.readouterr().out
    assert re.search(r"validation-000017 +label-wrong", printed)
    assert re.search(r"validation-000042 +not-of-group +1", printed)
    assert "validation-000231" not in printed
