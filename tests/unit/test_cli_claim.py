"""Claims by the command line: tested, kept, and judged on later runs."""

from __future__ import annotations

import shutil

import pytest

from aggressors.store.hypotheses import list_hypotheses
from aggressors.store.workspace import Workspace
from calling import call, document, fails

CLAIM = ("--aggressor", "1", "--claim", "brightness < 0.25")


@pytest.fixture
def workspace(story, tmp_path):
    return shutil.copytree(story.root, tmp_path / "w")


def test_a_claim_gets_its_verdict_with_the_evidence(workspace):
    said = call("test-hypothesis", "v1", *CLAIM, at=workspace).stdout
    assert said.splitlines()[0] == "Supported"
    assert "The claim holds for" in said
    assert "validation, the half that judges" in said
    assert "Dealt out at random among others alike, 999 times" in said
    assert not list_hypotheses(Workspace(workspace))[0]


def test_as_json_it_is_what_python_says(workspace):
    said = document("test-hypothesis", "v1", *CLAIM, "--hold", "hour", at=workspace)
    assert said["support"] == "supported"
    assert said["adjusted"][1] > 0
    assert "same labels and hour" in said["sentence"]
    assert said["populations"][0]["population"] == "validation"
    assert 0 < said["reshuffled"]["p_value"] <= 0.01


def test_it_is_kept_and_judged_on_every_run(workspace):
    kept = ("--keep", "too dark", "--author", "Ann", "--hold", "hour")
    assert "Kept as 'too-dark'" in call("test-hypothesis", "v1", *CLAIM, *kept, at=workspace).stdout
    found = {
        run: document("hypotheses", run, at=workspace)[0]["support"] for run in ("v1", "v2", "v3")
    }
    assert found["v1"] == found["v3"] == "supported"
    assert found["v2"] != "supported"
    text = call("hypotheses", at=workspace).stdout
    assert "too dark" in text
    assert "Ann" in text
    assert "Supported" in text


def test_a_claim_that_was_kept_keeps_its_title(workspace):
    call("test-hypothesis", "v1", *CLAIM, "--keep", "dark", at=workspace)
    said = call("test-hypothesis", "v1", *CLAIM, "--keep", "dusk", at=workspace).stdout
    assert "kept already, as 'dark'" in said


def test_without_any_it_says_how_to_keep_one(workspace):
    assert "--keep TITLE" in call("hypotheses", at=workspace).stdout
    assert document("hypotheses", at=workspace) == []


def test_a_broken_file_is_named_beside_the_others(workspace):
    call("test-hypothesis", "v1", *CLAIM, "--keep", "dark", at=workspace)
    (workspace / "hypotheses" / "broken.json").write_text("{")
    done = call("hypotheses", at=workspace)
    assert "broken.json is not valid JSON" in done.stderr
    assert "dark" in done.stdout


@pytest.mark.parametrize(
    ("code", "arguments", "says"),
    [
        (2, ("--aggressor", "99", "--claim", "hour > 3"), "no aggressor of rank 99"),
        (2, ("--claim", "hour > 3"), "--aggressor"),
        (2, ("--aggressor", "1", "--claim", ""), "holds for every sample"),
        (3, ("--aggressor", "1", "--claim", "rain > 3"), "no field 'rain'"),
        (3, ("--aggressor", "1", "--claim", "loss > 3"), "says how the model did"),
        (3, (*CLAIM, "--hold", "rain"), "no field 'rain'"),
        (2, ("--aggressor", "1", "--claim", "none"), "holds for no sample"),
        (3, ("--aggressor", "1", "--claim", "station = moon"), "no value 'moon'"),
        (3, ("--aggressor", "1", "--claim", "@dusk"), "no saved filter @dusk"),
        (3, ("--aggressor", "1", "--claim", "sample_id = '\udcff'"), "no valid text"),
        (3, (*CLAIM, "--author", "\udcff"), "no valid text"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_kept(workspace, code, arguments, says):
    fails(code, "test-hypothesis", "v1", *arguments, "--keep", "x", at=workspace, says=says)
    assert not list_hypotheses(Workspace(workspace))[0]


def test_options_that_would_do_nothing_are_refused(workspace):
    asked = ("test-hypothesis", "v1", *CLAIM)
    fails(2, *asked, "--author", "Ann", at=workspace, says="Keep it with --keep TITLE")
    fails(2, *asked, "--keep", " ", at=workspace, says="--keep is empty")
    assert not list_hypotheses(Workspace(workspace))[0]


def test_a_claim_that_no_sample_meets_is_too_few_to_say(workspace):
    asked = ("test-hypothesis", "v1", "--aggressor", "1", "--claim", "brightness < -5")
    said = call(*asked, at=workspace).stdout
    assert said.startswith("Too few samples\nThe half that judges holds 0 such samples")
    assert document(*asked, at=workspace)["support"] == "too few samples"


def test_titles_and_authors_stand_on_one_line(workspace):
    kept = ("--keep", " too\ndark \x1b[31m ", "--author", "Ånn\n Ø 🦊")
    done = call("test-hypothesis", "v1", *CLAIM, *kept, at=workspace)
    assert "Kept as 'too-dark-31m'" in done.stdout  # and not that it was there already
    (found,) = list_hypotheses(Workspace(workspace))[0]
    assert (found.title, found.author) == ("too dark [31m", "Ånn Ø 🦊")
    assert "Ånn Ø 🦊" in call("hypotheses", "v1", at=workspace).stdout


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (("brightness < 0.25", "rain < 0.25"), "There is no field 'rain' in run 'v2'"),
        (("brightness < 0.25", "station = moon"), "has no value 'moon'"),
        (('"aggressor": 1', '"aggressor": 99'), "no aggressor of rank 99"),
    ],
)
def test_a_claim_that_a_later_run_cannot_answer_says_why_beside_the_others(workspace, what, says):
    call("test-hypothesis", "v1", *CLAIM, "--keep", "dark", at=workspace)
    call("test-hypothesis", "v1", *CLAIM, "--hold", "hour", "--keep", "held", at=workspace)
    file = workspace / "hypotheses" / "dark.json"
    file.write_text(file.read_text().replace(*what))
    told = {one["slug"]: one for one in document("hypotheses", "v2", at=workspace)}
    assert told["dark"]["support"] == "not judged"
    assert says in told["dark"]["sentence"]
    assert told["held"]["support"] != "not judged"
    assert says in " ".join(call("hypotheses", "v2", at=workspace).stdout.split())
