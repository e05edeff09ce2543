"""The verbs that read: what they print, and every exit code."""

import csv
import io
import json
import shlex
import shutil
import subprocess
import sys

import pyarrow as pa
import pytest

from aggressors.cli import cli
from aggressors.export import FORMATS
from aggressors.queries.samples import samples_page
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from calling import call, document, fails
from queried import queried
from versions import analysed, publish_tables

DUSK = "brightness < 0.25"


# --- Reading ---


def test_runs_newest_first(workspace):
    found = document("runs", at=workspace)
    assert [run["name"] for run in found] == ["v3", "v2", "v1"]
    assert set(found[0]) == {
        "run_id", "name", "path", "created_at", "model_name", "task", "samples", "aggressors",
        "derived_from", "derived_from_name", "added",
        "loss_name", "has_classes",
    }  # fmt: skip
    assert [line.split()[0] for line in call("runs", at=workspace).stdout.splitlines()] == [
        "Run", "v3", "v2", "v1",
    ]  # fmt: skip


def test_runs_of_a_workspace_that_is_empty_or_has_a_broken_file(tmp_path):
    Workspace.open(tmp_path / "empty", create=True)
    assert document("runs", at=tmp_path / "empty") == []
    assert "aggressors run" in call("runs", at=tmp_path / "empty").stdout
    (tmp_path / "empty" / "runs").mkdir()
    (tmp_path / "empty" / "runs" / "x.duckdb").write_bytes(b"nonsense")
    done = call("runs", "--json", at=tmp_path / "empty")
    assert json.loads(done.stdout) == []
    assert "x.duckdb" in done.stderr


def test_show_ranks(workspace):
    (one,) = document("show", "v1", at=workspace)
    assert {
        "rank", "concept_id", "name", "status", "severity", "impact", "n", "gap", "gap_low",
        "gap_high", "q_value", "action", "rule",
    } <= set(one)  # fmt: skip
    assert (one["rank"], one["name"], one["rule"]) == (1, DUSK, DUSK)
    text = call("show", "v1", at=workspace).stdout
    for part in ("v1", "accuracy", DUSK, "44.0%", "collect", "60/80"):
        assert part in text
    where = f"--workspace {shlex.quote(str(workspace))}"
    assert text.splitlines()[-2:] == [
        f"Next: aggressors app v1 {where}",
        f"      aggressors save-test v1 --aggressor 1 {where}",
    ]


def test_a_terminal_of_eighty_columns_is_enough(workspace):
    from rich.console import Console

    from aggressors.cli.render import run_overview
    from aggressors.store.read import open_run
    from aggressors.summary import summarize

    with open_run(next((workspace / "runs").glob("v1*"))) as run:
        console = Console(width=80, file=io.StringIO(), record=True)
        console.print(run_overview(summarize(run), "v1", None, alone=False, width=80))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(DUSK in line and "collect" in line for line in lines)


def test_show_tells_where_the_model_looks(workspace, tmp_path):
    opened = Workspace.open(tmp_path / "w", create=True)
    queried(opened.runs)
    lines = call("show", "v1", at=opened.root).stdout.splitlines()
    place = lines.index("Where the model looks")
    said = " ".join(" ".join(lines[place + 1 : place + 3]).split())
    assert said.startswith("1 Failing members: 37 % of the attention in the border, 18 % for")
    assert "Where the model looks" not in call("show", "v1", at=workspace).stdout


def test_a_run_file_needs_no_workspace(workspace, tmp_path):
    sent = tmp_path / "sent.duckdb"
    shutil.copy(next((workspace / "runs").glob("v1*")), sent)
    text = call("show", sent).stdout
    assert DUSK in text
    assert text.splitlines()[-1] == f"Next: aggressors app {sent}"
    assert json.loads(call("show", str(sent), "--json").stdout)[0]["name"] == DUSK


@pytest.mark.parametrize("name", ["v1", "v1-0000"])
def test_a_run_answers_to_name_and_id(workspace, name):
    assert document("show", name, at=workspace)[0]["name"] == DUSK


def test_a_name_like_a_path_is_a_name(workspace, monkeypatch):
    _, tables = analysed()
    publish_tables(Workspace(workspace), tables, "feature/dusk v4", day=4, run_id="aaaa0000")
    for at in (workspace, None):
        if at is None:
            monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(workspace))
        shown = call("show", "feature/dusk v4", at=at)
        assert shown.exit_code == 0, shown.stderr
        assert "aggressors save-test 'feature/dusk v4' --aggressor 1" in shown.stdout
    fails(4, "show", "feature/dawn", says="no run file feature/dawn")


def test_what_is_no_run_is_told(workspace, tmp_path):
    table = tmp_path / "val.csv"
    table.write_text("sample_id,label\na,cat\n")
    fails(4, "show", table, says="is no run file")
    cut = workspace / "runs" / "cut0000.duckdb"
    cut.write_bytes(next((workspace / "runs").glob("v1*")).read_bytes()[:200_000])
    fails(4, "show", "cut0000", at=workspace, says="it is truncated")
    assert call("show", "v1", at=workspace).exit_code == 0


def test_export_writes_the_list(workspace, tmp_path):
    out = tmp_path / "members.csv"
    done = call(
        *("export", "v1", "--what", "members", "--aggressor", 1, "--where", "population = test"),
        *("--count", 20, "--format", "csv", "--out", out),
        at=workspace,
    )
    assert done.exit_code == 0, done.stderr
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 20
    assert {row["population"] for row in rows} == {"test"}
    assert str(out) in done.stdout


def test_export_tells_populations_and_an_empty_queue(workspace, tmp_path):
    given = ["export", "v1", "--format", "csv", "--out", tmp_path / "x.csv"]
    done = call(*given, "--what", "members", at=workspace)
    assert "(train 4, validation 87, test 31, unlabeled 63)" in done.stdout
    done = call(*given, "--what", "queue", at=workspace)
    assert "Wrote 0 samples" in done.stdout
    assert "The label queue 'to-label' is empty" in done.stderr
    opened = Workspace(workspace)
    opened.label_queue("dusk").add(pa.table({"sample_id": ["of-another-run"]}))
    done = call(*given, "--what", "queue", "--queue", "dusk", at=workspace)
    assert "None of the 1 sample in 'dusk'" in done.stderr


def test_export_writes_marks_and_names_a_file_that_is_none(workspace, tmp_path):
    given = ["export", "v1", "--what", "marks", "--format", "csv", "--out", tmp_path / "x.csv"]
    done = call(*given, at=workspace)
    assert "Nothing is marked" in done.stderr
    opened = Workspace(workspace)
    opened.append_marks(["of-another-run"], "label-wrong", run_id="r")
    assert "None of the 1 mark is about" in call(*given, at=workspace).stderr
    with open_run(opened.resolve("v1")) as run:
        sample = samples_page(run, limit=1)["sample_id"][0].as_py()
    opened.append_marks([sample], "label-wrong", run_id="v1-0000")
    (opened.marks / "foreign.parquet").write_bytes(b"PAR1")
    done = call(*given, at=workspace)
    assert done.exit_code == 0
    assert "foreign.parquet is no batch of marks" in done.stderr
    assert "Wrote 1 sample" in done.stdout
    (row,) = csv.DictReader((tmp_path / "x.csv").read_text(encoding="utf-8").splitlines())
    assert (row["sample_id"], row["mark"]) == (sample, "label-wrong")


def test_export_offers_every_registered_format(monkeypatch):
    monkeypatch.setitem(FORMATS, "tsv", FORMATS["csv"])
    assert f"[{'|'.join(FORMATS)}]" in " ".join(call("export", "--help").stdout.split())


def test_export_refuses_what_is_wrong(workspace, tmp_path):
    given = ["export", "v1", "--format", "csv", "--out", tmp_path / "x.csv"]
    fails(2, *given, "--what", "everything", at=workspace, says="everything")
    fails(2, *given, "--what", "members", "--aggressor", 9, at=workspace)
    fails(3, *given, "--what", "samples", "--where", "x <", at=workspace, says="position")
    fails(2, *given, "--what", "samples", "--where", " ", at=workspace, says="--where is empty")
    for out, says in ((tmp_path, "is a folder"), (tmp_path / "no" / "x.csv", "There is no folder")):
        wrong = [*given[:4], "--out", out, "--what", "samples"]
        fails(2, *wrong, at=workspace, says=says)
    fails(2, "report", "v1", "--out", tmp_path / "no" / "x.md", at=workspace, says="no folder")
    assert not (tmp_path / "no").exists()
    fails(2, *given[:2], "--format", "xls", "--out", "x", "--what", "samples", at=workspace)
    assert not (tmp_path / "x.csv").exists()


def test_debug_shows_the_traceback(tmp_path):
    done = call("show", "v1", "--debug", at=tmp_path / "nothing")
    assert done.exit_code == 4
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("There is no workspace")
    fails(4, "show", "v1", at=tmp_path / "nothing")


# --- As a process ---


def process(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "aggressors", *map(str, arguments)],
        capture_output=True,
        text=True,
        **more,
    )


def test_a_pipe_gets_plain_text_and_may_close_early(workspace):
    done = process("show", "v1", "--workspace", workspace)
    assert "\x1b" not in done.stdout
    assert all(line == line.rstrip() for line in done.stdout.splitlines())
    command = f'"{sys.executable}" -m aggressors runs --workspace "{workspace}" | head -n 1'
    closed = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert closed.stdout.startswith("Run")
    assert closed.stderr == ""


def test_help_is_quick_and_everywhere():
    code = "import sys, time; from aggressors.cli import cli; cli.main(['--help'], standalone_mode"
    code += "=True)"
    timed = f"""
import sys, time, atexit
atexit.register(lambda: print(time.process_time(), file=sys.stderr))
{code}
"""
    seconds = min(
        float(subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True).stderr)
        for _ in range(3)
    )
    assert seconds < 0.4
    for name in cli.commands:
        done = call(name, "--help")
        assert done.exit_code == 0
        assert "Example" in done.stdout


def test_wrong_use_exits_2():
    for wrong in (["nothing"], ["show"], ["runs", "--colour"], ["app", "--port", "0"]):
        fails(2, *wrong, says="--help")
    assert call("--version").stdout.startswith("aggressors")
    done = fails(2, "sho", says="Did you mean 'show'? `")
    assert "?." not in done.stderr
    fails(2, "app", "--port", "abc", says="'abc' is not a valid port number.")
    done = fails(2, says="Usage:")
    assert "shows how it is used" not in done.stderr
