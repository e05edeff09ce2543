"""Deciding about aggressors on the command line, and what `show` makes of it."""

from __future__ import annotations

import json
import shutil

import pytest

from aggressors.cli.triage import WORDS
from aggressors.store import triage as store
from aggressors.store.workspace import Workspace
from calling import call, document, fails
from triaged import publish_groups, validation_ids

IDS = validation_ids()
DUSK, ROAD, RAIN = IDS[:100], IDS[100:160], IDS[200:300]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """v1 with two aggressors, v2 with the second of them, v3 with both and a third."""
    workspace = Workspace.open(tmp_path_factory.mktemp("triage") / "workspace", create=True)
    publish_groups(workspace, "v1", [DUSK, ROAD], day=1)
    publish_groups(workspace, "v2", [ROAD], day=2)
    publish_groups(workspace, "v3", [ROAD, DUSK, RAIN], day=3)
    return workspace.root


@pytest.fixture
def workspace(published, tmp_path):
    return shutil.copytree(published, tmp_path / "w")


def say(workspace, run, rank, word, *more):
    return call("triage", run, "--aggressor", rank, "--as", word, *more, at=workspace)


def test_the_words_are_those_of_the_store():
    assert WORDS == store.WORDS


def test_what_is_decided_is_said_listed_and_shown_in_the_next_run(workspace):
    said = say(workspace, "v1", 2, "dismissed", "--why", "blurred on purpose", "--by", "ana")
    assert said.stdout == "Aggressor 2 of v1, group 2, is dismissed: blurred on purpose\n"
    lines = call("triage", "v3", at=workspace).stdout.splitlines()
    assert "group 1" in lines[1]
    assert "dismissed  ana on v1, " in lines[1]
    assert lines[1].endswith("blurred on purpose")
    assert lines[-1] == "2 new, 1 dismissed"
    first, second, third = document("triage", "v3", at=workspace)
    assert (first["triage"], first["triage_why"]) == ("dismissed", "blurred on purpose")
    assert (first["triage_by"], first["triage_run"]) == ("ana", "v1")
    assert second["triage"] == third["triage"] == "new"
    assert second["triage_why"] is None


def test_show_hides_and_counts_the_dismissed_and_json_has_them(workspace):
    before = document("show", "v3", at=workspace)
    say(workspace, "v1", 2, "dismissed", "--why", "noise")
    text = call("show", "v3", at=workspace).stdout
    assert "group 1" not in [line[3:10] for line in text.splitlines()]
    assert f"1 dismissed is not shown: aggressors show v3 --all --workspace {workspace}" in text
    everything = call("show", "v3", "--all", at=workspace).stdout
    assert "group 1  dismissed" in everything
    assert "not shown" not in everything
    after = document("show", "v3", at=workspace)
    assert [one["rank"] for one in after] == [1, 2, 3]
    assert [one["triage"] for one in after] == ["dismissed", "new", "new"]
    # the figures of the run are what they were
    assert [{**one, "triage": "", "triage_why": "", "triage_by": "", "triage_at": "",
             "triage_run": ""} for one in before] == [
        {**one, "triage": "", "triage_why": "", "triage_by": "", "triage_at": "",
         "triage_run": ""} for one in after
    ]  # fmt: skip
    line, same = (" ".join(one.split("\n\n")[0].split()) for one in (text, everything))
    assert "first of all group 2." in line  # not the first, which nobody sees
    assert same == line.replace("first of all group 2.", "first of all group 1.")


def test_where_all_are_dismissed_they_are_counted(workspace):
    for rank in (1, 2):
        say(workspace, "v1", rank, "dismissed", "--why", "noise")
    text = call("show", "v1", at=workspace).stdout
    assert "2 dismissed are not shown" in text
    assert "2 groups do worse than the rest, all of them dismissed." in text
    assert "Severity:" not in text


def test_a_fixed_one_that_returns_is_announced(workspace):
    say(workspace, "v1", 1, "fixed", "--by", "ana")
    assert "Back" not in call("show", "v2", at=workspace).stdout
    text = call("show", "v3", at=workspace).stdout
    assert "Back #2 group 2, fixed by ana on v1, " in text
    assert "group 2  back" in text
    assert document("show", "v3", at=workspace)[1]["triage"] == "back"
    say(workspace, "v3", 2, "being-fixed")
    text = call("show", "v3", at=workspace).stdout
    assert "Back" not in text
    assert "group 2  being fixed" in text


def test_a_decision_as_json_is_what_is_kept(workspace):
    made = json.loads(say(workspace, "v1", 1, "accepted", "--json").stdout)
    (path,) = (workspace / "triage").glob("*.json")
    assert made == json.loads(path.read_text())


def test_what_is_missing_or_too_much_is_said(workspace):
    fails(2, "triage", "v1", "--aggressor", 1, at=workspace, says="go together")
    fails(2, "triage", "v1", "--as", "fixed", at=workspace, says="go together")
    fails(2, "triage", "v1", "--why", "so", at=workspace, says="go with a decision")
    fails(2, "triage", "v1", "--aggressor", 9, "--as", "fixed", at=workspace, says="9")
    fails(2, "triage", "v1", "--aggressor", 1, "--as", "gone", at=workspace, says="'gone'")
    fails(
        2, "triage", "v1", "--aggressor", 1, "--as", "dismissed", at=workspace,
        says="say why with --why TEXT",
    )  # fmt: skip
    fails(2, "triage", "v1", "--aggressor", 1, "--as", "new", at=workspace, says="nothing to take")
    assert not (workspace / "triage").exists()


def test_a_run_file_on_its_own_has_no_decisions(workspace, tmp_path):
    sent = tmp_path / "sent.duckdb"
    shutil.copy(workspace / "runs" / "v1-0000.duckdb", sent)
    fails(4, "triage", sent, says="on its own")
    assert json.loads(call("show", sent, "--json").stdout)[0]["triage"] is None
    assert "group 1" in call("show", sent).stdout


def test_a_file_that_cannot_be_read_is_named_and_the_others_hold(workspace):
    say(workspace, "v1", 1, "accepted")
    (workspace / "triage" / "odd.json").write_text('{"word": "accepted"}')
    for verb in (("show", "v1"), ("triage", "v1")):
        done = call(*verb, "--json", at=workspace)
        assert done.exit_code == 0
        assert "odd.json: the field 'slug' is missing" in done.stderr
        assert json.loads(done.stdout)[0]["triage"] == "accepted"


def test_a_run_without_aggressors_says_so(workspace):
    publish_groups(Workspace(workspace), "v9", [], day=9)
    assert "no aggressor" in call("triage", "v9", at=workspace).stdout
    assert document("triage", "v9", at=workspace) == []
