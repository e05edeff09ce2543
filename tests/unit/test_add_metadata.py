"""Metadata for a suspected cause: what it finds, and every table or function that does not fit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image

import aggressors as ag
from aggressors.contracts import Settings
from aggressors.sources.added import Known, read_added
from aggressors.stages import correlate, diagnose, discover
from aggressors.stages.protocol import Context
from aggressors.store.read import open_run
from aggressors.store.schema import BY_NAME
from aggressors.store.workspace import Workspace
from calling import call, document, fails
from planted import planted_run, planted_tables, publish_tables, tiny_run
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


# --- What it is for ---


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


# --- Tables that do not fit ---


def known(ids=("a", "b", "c"), **fields):
    return Known("v1", pa.chunked_array([list(ids)]), fields, ["aggressor", "correct", "loss"])


def refused(table, **fields):
    with pytest.raises(ag.TableError) as found:
        read_added(table, known(**fields))
    head, *problems = str(found.value).split("\n- ")
    counted = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    assert head == f"The table cannot be added to run 'v1', for it has {counted}:"
    return problems


def test_ids_that_the_run_does_not_have_or_that_stand_twice_are_counted_and_shown():
    table = pa.table(
        {
            "sample_id": ["a", "b", "b", "c", "c", None, "", *(f"x{n}" for n in range(5)), "x0"],
            "rain": list(range(13)),
        }
    )
    assert refused(table) == [
        "2 rows have no 'sample_id', the first is row 6. Fill it in.",
        "3 ids stand more than once: 'b', 'c' and 'x0'. Keep one row for each sample.",
        "5 ids belong to no sample of the run: 'x0', 'x1', 'x2' and 2 more; its ids are like 'a'. "
        "Correct them, or leave these rows out.",
    ]


def test_names_that_are_taken_are_refused_whatever_their_case():
    columns = ("label", "Loss", "aggressor", "CORRECT", "brightness", "HOUR", "rain", "Rain", " ")
    table = pa.table({"sample_id": ["a"], **{name: [1.5] for name in columns}})
    assert refused(table, brightness="built-in", hour="table") == [
        "It has a field 'label', which is a column of every run. Rename the field.",
        "It has a field 'Loss', which is a column of every run. Rename the field.",
        "It has the fields 'rain' and 'Rain', which differ in case only. Rename one of them.",
        "It has a field named ' '. Give it a printable name.",
        "A filter reads 'aggressor' in its own way. Rename the column.",
        "A filter reads 'CORRECT' in its own way. Rename the column.",
        "The run has a field 'brightness' already (built-in). Rename the column, or leave it out.",
        "The run has a field 'HOUR' already, as 'hour' (table). Rename the column, or leave it "
        "out.",
    ]


def test_columns_that_are_no_field_are_refused():
    table = pa.table(
        {
            "sample_id": ["a", "b"],
            "boxes": [[1.0], [2.0]],
            "both": [{"x": 1}, {"x": 2}],
            "bytes": [b"\xff", b"\xfe"],
            "nothing": pa.nulls(2),
            "never": [float("nan"), float("inf")],
        }
    )
    end = "which is no metadata field (a number, text, truth value or time). Convert it, or leave"
    assert refused(table) == [
        f"Column 'boxes' holds list<item: double>, {end} it out.",
        f"Column 'both' holds struct<x: int64>, {end} it out.",
        f"Column 'bytes' holds binary, {end} it out.",
        "Column 'nothing' has no value in any row. Fill it in, or leave it out.",
        "Column 'never' has no value in any row. Fill it in, or leave it out.",
    ]


@pytest.mark.parametrize(
    ("table", "problems"),
    [
        (pa.table({"sample_id": ["a"]}), ["It has no column beside 'sample_id'. Add one"]),
        (
            pa.table({"sample_id": pa.array([], pa.string()), "rain": pa.array([], pa.int64())}),
            ["It has no rows. Give it one"],
        ),
        (
            pa.table({"sampel_id": ["a"], "rain": [1]}),
            ["It has no column 'sample_id'; the nearest is 'sampel_id'. Name"],
        ),
        (pa.table({"q": ["a"]}), ["It has no column 'sample_id'; it has 'q'. Name the column"]),
        (
            pa.table([["a"], [1], [2]], names=["sample_id", "rain", "rain"]),
            ["It has 2 columns 'rain'. Rename or drop all but one."],
        ),
        (
            pa.table([["a"], ["a"], [2]], names=["sample_id", "sample_id", "rain"]),
            ["It has 2 columns 'sample_id'. Rename or drop all but one."],
        ),
        (
            pa.table({"sample_id": [["a"]], "rain": [1]}),
            ["Column 'sample_id' holds list<item: string>. Give each sample's id as text."],
        ),
        (
            pa.table({"sample_id": pa.array([], pa.string())}),
            ["It has no rows.", "It has no column beside 'sample_id'."],
        ),
        (
            pa.table({"sample_id": ["q"], **{f"c{place}": [1] for place in range(1_001)}}),
            ["It has 1,001 new columns, and at most 1,000 can be added at once. Choose those"],
        ),
        (pa.table({}), ["It has no rows.", "It has no column beside", "It has no column 'sample"]),
    ],
)  # fmt: skip
def test_tables_without_what_is_needed_are_refused(table, problems):
    found = refused(table)
    assert len(found) == len(problems)
    for one, start in zip(found, problems, strict=True):
        assert one.startswith(start)


def test_kinds_are_settled_as_those_of_any_field():
    n = 200
    ids = [f"s{place}" for place in range(n)]
    table = pd.DataFrame(
        {
            "sample_id": ids,
            "count": [None if place % 2 else place for place in range(n)],
            "yes": [place % 3 == 0 for place in range(n)],
            "when": pd.date_range("2026-01-01", periods=n).where(np.arange(n) % 4 != 0),
            "remark": [f"the note of person {place}" for place in range(n)],
            "plate": [f"B-{place}" for place in range(n)],
            "zone": pd.Categorical(["north", "south"] * (n // 2)),
            "same": 1,
        }
    )
    found = read_added(table, known(ids)).described.to_pylist()
    assert {row["field"]: (row["kind"], row["missing"]) for row in found} == {
        "count": ("number", 100),
        "yes": ("category", 0),
        "when": ("identifier", 50),
        "remark": ("text", 0),
        "plate": ("identifier", 0),
        "zone": ("category", 0),
        "same": ("number", 0),
    }
    assert {row["source"] for row in found} == {"added"}


def test_numeric_ids_match_those_of_a_run_by_their_text():
    table = pa.table({"sample_id": [3, 1], "rain": [0.5, 0.25]})
    found = read_added(table, known(["1", "2", "3"])).metadata
    assert found["rain"].to_pylist() == [0.25, None, 0.5]


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


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """12 images; the originals lie in a folder, twice as large."""
    root = tmp_path_factory.mktemp("pictures")
    tiny_run(root / "workspace")
    with open_run(root / "workspace" / "runs" / "tiny0000.duckdb") as run:
        rows = run.cursor().execute("SELECT uri FROM media ORDER BY row_id").fetchall()
    (root / "originals").mkdir()
    for place, (uri,) in enumerate(rows):
        Image.new("RGB", (48, 40), (20 * place, 0, 0)).save(root / "originals" / uri)
    return root


def redness(image):
    assert image.mode == "RGB"
    return float(np.asarray(image)[:, :, 0].mean())


def size(image):
    return {"wide": image.width, "shape": "flat" if image.width > image.height else "square"}


@pytest.fixture
def tiny(pictures, tmp_path):
    shutil.copytree(pictures / "workspace", tmp_path / "workspace")
    with ag.open_run("tiny", tmp_path / "workspace") as run:
        yield run


def test_a_function_sees_the_thumbnails_or_the_originals(tiny, pictures):
    with tiny.add_metadata(redness) as derived:
        rows = derived.samples("all").to_pylist()
        assert derived.info.name == "tiny + redness"
    brightness = {row["sample_id"]: row["brightness"] for row in rows}
    order = sorted(rows, key=lambda row: row["redness"])
    ranks = [sorted(brightness.values()).index(brightness[row["sample_id"]]) for row in order]
    assert np.corrcoef(ranks, range(12))[0, 1] > 0.9
    with tiny.add_metadata(size) as derived:
        rows = derived.samples("all").to_pylist()
        assert {(row["wide"], row["shape"]) for row in rows} == {(24.0, "square")}
    with tiny.add_metadata(size, media_root=pictures / "originals") as derived:
        rows = derived.samples("all").to_pylist()
        assert {(row["wide"], row["shape"]) for row in rows} == {(48.0, "flat")}
    with ag.add_metadata(
        "tiny", redness, media_root=pictures / "originals", name="red",
        workspace=tiny.path.parents[1],
    ) as derived:  # fmt: skip
        assert derived.info.name == "red"
        found = derived.samples("all")["redness"].to_pylist()
        assert found == pytest.approx([20 * place for place in range(12)], abs=1.5)  # as a JPEG


def test_a_function_of_a_text(tmp_path):
    n = 60
    table = pa.table(
        {
            "sample_id": [f"s{place:02d}" for place in range(n)],
            "loss": np.random.default_rng(0).exponential(size=n),
            "text": [None if place == 7 else "Is it? " * (place % 4) for place in range(n)],
        }
    )
    with ag.analyze(table, workspace=tmp_path / "workspace", name="v1") as run:

        def asks(text):
            return text.count("?")

        with run.add_metadata(asks) as derived:
            rows = derived.samples("all").to_pylist()
            assert [row["asks"] for row in rows] == [
                None if place == 7 else place % 4 for place in range(n)
            ]


def broken(image):
    return 1 / (image.width - 24)


def texts_and_numbers(image, seen=[]):  # noqa: B006
    seen.append(image)
    return "red" if len(seen) == 5 else 1.0


FIRST = "validation-000000"


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (
            broken,
            f"The function 'broken' raised ZeroDivisionError on sample '{FIRST}': division "
            "by zero. Return None where it has no value.",
        ),
        (
            texts_and_numbers,
            "Metadata field 'texts_and_numbers' holds a number in one sample and 'red' in sample "
            "'validation-000004'.",
        ),
        (lambda image: image, "A value needs a name, and the function has none."),
        (lambda image: {"seen": image}, f"Metadata field 'seen' of sample '{FIRST}' must be a num"),
        (lambda image: {3: 1}, "The function must name its fields by text; got 3 for sample"),
        (lambda image: {"label": 1}, "it has a problem:\n- It has a field 'label', which is a col"),
        (lambda image: {"x": None}, "Column 'x' has no value in any row."),
        (lambda image: {}, "It has no column beside 'sample_id'."),
    ],
)
def test_a_function_that_fails_is_named_with_the_sample(tiny, function, says):
    with pytest.raises(ag.InputError) as found:
        tiny.add_metadata(function)
    assert says in str(found.value)
    assert len(list(tiny.path.parent.glob("*.duckdb"))) == 1


def test_an_original_that_is_missing_or_no_image_is_named(tiny, pictures, tmp_path):
    partly = tmp_path / "partly"
    shutil.copytree(pictures / "originals", partly)
    gone = sorted(partly.iterdir())[3]
    gone.unlink()
    with pytest.raises(ag.InputError, match=f"The image '{gone.name}' of sample '{gone.stem}' is"):
        tiny.add_metadata(redness, media_root=partly)
    gone.write_bytes(b"\xff\xd8\xff no image")
    with pytest.raises(ag.InputError, match=f"of sample '{gone.stem}' cannot be decoded"):
        tiny.add_metadata(redness, media_root=partly)
    with pytest.raises(ag.InputError, match="is no folder"):
        tiny.add_metadata(redness, media_root=gone)


def test_a_run_that_shows_nothing_has_nothing_to_look_at(tmp_path):
    table = pa.table({"sample_id": ["a", "b", "c"], "loss": [0.1, 0.2, 0.3], "x": [1, 2, 3]})
    with (
        ag.analyze(table, workspace=tmp_path / "workspace") as run,
        pytest.raises(ag.InputError, match="has an image or a text for the function 'redness'"),
    ):
        run.add_metadata(redness)
