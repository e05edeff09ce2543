"""Metadata for a suspected cause: what it finds, from the command line and from Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import mode

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import aggressors as ag
from aggressors.contracts import Settings
from aggressors.queries import solve
from aggressors.stages import correlate, diagnose, discover
from aggressors.stages.protocol import Context
from aggressors.store.schema import BY_NAME
from aggressors.store.workspace import Workspace
from calling import call, document, fails
from planted import planted_run, planted_tables, publish_tables
from versions import publish_version


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    workspace = Workspace.open(tmp_path_factory.mktemp("story") / "workspace", create=True)
    publish_version(workspace, "v1", day=1)
    return workspace


@pytest.fixture
def workspace(story, tmp_path):
    shutil.copytree(story.root, tmp_path / "work space")
    return Workspace.open(tmp_path / "work space")


@pytest.fixture
def ids(story):
    with ag.open_run("v1", story.root) as run:
        return run.samples("all")["sample_id"].to_pylist()


@pytest.fixture(scope="module")
def hidden(tmp_path_factory):
    """A run in which dusk is the cause, and nothing that tells of dusk was measured."""
    planted = planted_tables(n=1_200, slices=("dusk",))
    tables = dict(planted.tables)
    gone = ["brightness", "hour", "station"]
    tables["metadata"] = tables["metadata"].drop_columns(gone)
    fields = tables["metadata_fields"]
    kept = [name not in gone for name in fields["field"].to_pylist()]
    tables["metadata_fields"] = fields.filter(pa.array(kept))
    context = Context(Settings(), planted.classes)
    for stage in (discover.STAGE, correlate.STAGE, diagnose.STAGE):
        read = {*stage.inputs, *stage.optional} & set(tables)
        tables.update(stage.run({name: tables[name] for name in read}, context))
    workspace = Workspace.open(tmp_path_factory.mktemp("hidden"), create=True)
    known = {name: table for name, table in tables.items() if name in BY_NAME}
    publish_tables(workspace, known, planted.source, "hidden00", "v1")
    return workspace, planted.truth["dusk"]


def test_a_cause_that_nobody_had_measured_is_found_first(hidden):
    workspace, dusk = hidden
    with ag.open_run("v1", workspace.root) as run:
        ids = run.samples("all")["sample_id"].to_pylist()
        shares = [
            len(dusk & set(run.members(rank)["sample_id"].to_pylist())) / len(dusk)
            for rank in run.aggressors()["rank"].to_pylist()
        ]
        rank = int(np.argmax(shares)) + 1
        assert max(shares) > 0.5
        before = {row["field"]: row for row in run.correlations(rank).to_pylist()}
    noise = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "sample_id": ids,
            # Seen by somebody who is wrong in one of twenty samples.
            "lamps": [("on" if one in dusk else "off") if noise.random() > 0.05
                      else noise.choice(["on", "off"]) for one in ids],
            "noise": noise.normal(size=len(ids)),
        }
    ).sample(frac=0.9, random_state=1)  # fmt: skip
    with ag.add_metadata("v1", table, workspace=workspace.root) as derived:
        found = derived.correlations(rank).to_pylist()
        everywhere = derived.correlations().to_pylist()
    assert found[0]["field"] == "lamps"
    assert found[0]["q_value"] < 0.001
    assert found[0]["effect"] > 2 * max(abs(row["effect"]) for row in before.values())
    by_field = {row["field"]: row for row in found}
    assert by_field["noise"]["q_value"] > 0.05
    assert {row["field"] for row in everywhere} >= {"lamps", "noise"}
    # The effects of the other fields stay; only their q-values are over more fields now.
    for field, row in before.items():
        assert by_field[field]["effect"] == pytest.approx(row["effect"])
        assert by_field[field]["n"] == row["n"]


def test_an_added_field_that_is_a_shortcut_turns_the_recommendation(hidden):
    workspace, _ = hidden
    with ag.open_run("v1", workspace.root) as run:
        inside = run.members(1)
        members = set(inside["sample_id"].to_pylist())
        label = mode(filter(None, inside["label"].to_pylist()))
        (before,) = run.aggressors().to_pylist()
        backdrop = []
        for row in run.samples().to_pylist():
            # In train the backdrop tells one class from the rest; elsewhere, members break that.
            breaks = row["population"] != "train" and row["sample_id"] in members
            wood = (row["label"] == label) != breaks
            backdrop.append(
                {"sample_id": row["sample_id"], "backdrop": "wood" if wood else "steel"}
            )
        table = pa.Table.from_pylist(backdrop)
        with run.add_metadata(table) as derived:
            (after,) = derived.aggressors().to_pylist()
            reason = solve.action(derived._file, after["concept_id"]).reasons[0]
        noise = table.set_column(1, "noise", [["a", "b"] * (len(backdrop) // 2)])
        with run.add_metadata(noise) as derived:
            assert derived.aggressors().to_pylist() == [before]
    assert before["action"] != "augment"
    assert after == before | {"action": "augment"}
    assert f"backdrop tells {label} from the others" in reason.sentence


def test_rows_are_as_unusual_as_in_a_run_that_had_the_field_from_the_start(tmp_path):
    rng = np.random.default_rng(0)
    n = 300
    first = {
        "sample_id": [f"s{place:03d}" for place in range(n)],
        "loss": rng.gamma(1, 1, n),
        "hour": [None if place % 9 == 0 else float(place % 24) for place in range(n)],
    }
    rain = {"rain": [None if place % 7 == 0 else float(rng.normal()) for place in range(n)]}
    measured = ["missing_values", "outlier_score"]
    with (
        ag.analyze(pa.table(first | rain), workspace=tmp_path, name="whole") as whole,
        ag.analyze(pa.table(first), workspace=tmp_path, name="v1") as run,
        run.add_metadata(pa.table({"sample_id": first["sample_id"], **rain})) as derived,
    ):
        assert not {*measured} & set(run.samples().column_names)
        found = derived.samples().select(["sample_id", "hour", "rain", *measured])
        assert found.equals(whole.samples().select(found.column_names))
        assert list(derived._file.fields) == list(whole._file.fields)


# --- The command ---


def test_the_command_publishes_says_what_is_missing_and_lists_the_run(workspace, ids, tmp_path):
    table = tmp_path / "veg table.csv"
    pd.DataFrame({"sample_id": ids[:100], "vegetation": ["dense", "sparse"] * 50}).to_csv(
        table, index=False
    )
    done = call("add-metadata", "v1", table, at=workspace.root)
    assert done.exit_code == 0, done.stderr
    n = len(ids)
    assert "v1 + vegetation: derived from v1, with vegetation added, in" in done.stdout
    assert f"vegetation: 100 of {n:,} samples have a value" in done.stdout
    assert f"vegetation: {n - 100:,} samples of {n:,} without a value" in done.stderr
    again = document("add-metadata", "v1", table, at=workspace.root)
    assert (again["derived_from"], again["added"]) == ("v1-0000", ["vegetation"])
    assert again["missing"] == {"vegetation": n - 100}
    assert again["aggressors"] == 1
    listed = document("runs", at=workspace.root)
    assert [run["derived_from"] for run in listed] == ["v1-0000", ""]
    assert [run["added"] for run in listed] == [["vegetation"], []]
    assert "derived from v1, with vegetation added" in call("runs", at=workspace.root).stdout
    assert "Derived from v1, with vegetation added." in call(
        "show", "v1 + vegetation", at=workspace.root
    ).stdout  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_table_that_does_not_fit_exits_3_with_everything_and_publishes_nothing(
    workspace, tmp_path, ending
):
    table = tmp_path / f"bad.{ending}"
    frame = pd.DataFrame({"sample_id": ["x", "x", "y"], "label": [1, 2, 3], "Hour": [1, 2, 3]})
    {
        "csv": lambda: frame.to_csv(table, index=False),
        "parquet": lambda: frame.to_parquet(table),
        "jsonl": lambda: frame.to_json(table, orient="records", lines=True),
    }[ending]()
    done = fails(3, "add-metadata", "v1", table, at=workspace.root, says="it has 4 problems:")
    for part in ("'label', which is a column", "as 'hour'", "1 id stands more", "2 ids belong"):
        assert part in done.stderr
    assert [path.name for path in workspace.runs.iterdir()] == ["v1-0000.duckdb"]
    assert not workspace.work.exists()


def test_what_is_no_table_or_no_run_is_refused(workspace, tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("sample_id,rain\n")
    fails(3, "add-metadata", "v1", text, at=workspace.root, says="must end in .parquet, .csv")
    fails(3, "add-metadata", "v1", tmp_path / "no.csv", at=workspace.root, says="There is no file")
    (tmp_path / "empty.csv").write_text("")
    fails(3, "add-metadata", "v1", tmp_path / "empty.csv", at=workspace.root, says="cannot be read")
    mixed = '{"sample_id": "a", "x": 1}\n{"sample_id": "b", "x": "y"}\n'
    (tmp_path / "mixed.jsonl").write_text(mixed)
    fails(3, "add-metadata", "v1", tmp_path / "mixed.jsonl", at=workspace.root, says="cannot be")
    fails(4, "add-metadata", "v9", text, at=workspace.root, says="No run 'v9'")
    fails(2, "add-metadata", "v1", text, "--name", " ", at=workspace.root, says="--name is empty")
    assert [path.name for path in workspace.runs.iterdir()] == ["v1-0000.duckdb"]


def test_a_run_file_that_stands_alone_gets_its_derived_run_in_the_workspace(
    story, ids, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AGGRESSORS_WORKSPACE", raising=False)
    shutil.copy(story.resolve("v1"), "sent.duckdb")
    parquet.write_table(pa.table({"sample_id": ids, "rain": list(range(len(ids)))}), "rain.parquet")
    done = call("add-metadata", "sent.duckdb", "rain.parquet", "--name", "with rain")
    assert done.exit_code == 0, done.stderr
    (found,) = document("runs", at=tmp_path / "aggressors-workspace")
    assert (found["name"], found["derived_from_name"]) == ("with rain", "v1")


def test_it_works_without_torch_sklearn_and_umap(workspace, ids, tmp_path):
    table = tmp_path / "rain.parquet"
    parquet.write_table(pa.table({"sample_id": ids, "rain": list(range(len(ids)))}), table)
    code = f"""
import sys
for name in ("torch", "torchvision", "pytorch_grad_cam", "sklearn", "umap", "streamlit"):
    sys.modules[name] = None
sys.argv = ["aggressors", "add-metadata", "v1", {str(table)!r}]
from aggressors.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"AGGRESSORS_WORKSPACE": str(workspace.root)},
    )
    assert done.returncode == 0, done.stderr
    assert "v1 + rain" in done.stdout


def test_the_guide_does_what_it_says(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "2-hypothesis.md").read_text()
    guide = page.split("## Suspect something nobody measured")[1].split("\n## ")[0]
    workspace = Workspace.open(tmp_path / "workspace", create=True)
    planted_run(workspace, name="v1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(workspace.root))
    with ag.open_run("v1") as run:
        ids = run.samples("all")["sample_id"].to_pylist()
    frame = pd.DataFrame({"sample_id": ids, "vegetation": np.arange(len(ids)) % 5})
    frame.to_csv("vegetation.csv", index=False)
    (command,) = re.findall(r"^aggressors (add-metadata .*)$", guide, re.MULTILINE)
    assert "v1 + vegetation: derived from v1" in call(*command.split()).stdout
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    exec(code, {})
    printed = capsys.readouterr().out
    assert printed.startswith("v1 + greenness\n")
    assert re.search(r"^(low|high) greenness: ", printed, re.MULTILINE), printed


# --- From Python ---


def test_a_table_of_any_library_makes_the_same_run(workspace, ids, tmp_path):
    frame = pd.DataFrame({"sample_id": ids, "rain": np.arange(len(ids)) * 0.5})
    arrow = pa.table({"sample_id": ids, "rain": frame["rain"].to_numpy()})
    frame.to_csv(tmp_path / "rain.csv", index=False)
    with ag.open_run("v1", workspace.root) as parent:
        made = [parent.add_metadata(given) for given in (frame, arrow, tmp_path / "rain.csv")]
        assert len({run.info.run_id for run in made}) == 1
        wet = made[0].samples("rain >= 100")
        assert wet["sample_id"].to_pylist() == sorted(ids[200:], key=ids.index)
        assert parent.info.derived_from == ""
    for run in made:
        assert run.info.derived_from == "v1-0000"
        run.close()


def test_a_run_without_a_workspace_needs_one(workspace, ids, tmp_path):
    given = pa.table({"sample_id": ids, "rain": list(range(len(ids)))})
    with ag.open_run(workspace.resolve("v1")) as alone:
        with pytest.raises(ag.WorkspaceError, match="was opened on its own"):
            alone.add_metadata(given)
        with ag.add_metadata(alone, given, workspace=tmp_path / "new") as derived:
            assert derived.path.parent == tmp_path / "new" / "runs"
