"""Saved filters and hand-made groups by the command line: made in a script, used, and forgotten."""

from __future__ import annotations

import shutil

import pytest

import aggressors as ag
from aggressors.store.kept_filters import list_filters
from aggressors.store.workspace import Workspace
from calling import call, document, fails


@pytest.fixture
def workspace(story, tmp_path):
    return shutil.copytree(story.root, tmp_path / "w")


def save(workspace, name, where, *more):
    return call("save-filter", name, "--where", where, *more, at=workspace)


def test_a_saved_filter_stands_wherever_a_filter_is_taken(workspace, tmp_path):
    said = save(workspace, "Dusk", "brightness < 0.25", "--run", "v1").stdout
    assert said == "Saved as @dusk: brightness < 0.25\n"
    out = tmp_path / "dusk.csv"
    asked = ("--what", "samples", "--where", "@dusk", "--format", "csv", "--out", str(out))
    call("export", "v1", *asked, at=workspace)
    with ag.open_run("v1", workspace=workspace) as run:
        n = run.samples("brightness < 0.25").num_rows
    assert len(out.read_text().splitlines()) == n + 1 > 1
    claim = ("test-hypothesis", "v1", "--aggressor", "1", "--claim", "@dusk")
    assert call(*claim, at=workspace).stdout.startswith("Supported")


def test_one_is_shown_as_it_is_written_and_all_are_listed(workspace):
    save(workspace, "dusk", "brightness<0.25", "--author", "Ånn\n🦊")
    save(workspace, "dusk or late", "@dusk or hour >= 20")
    for name in ("dusk-or-late", "@dusk-or-late"):
        shown = call("filters", name, at=workspace).stdout
        assert shown == "brightness < 0.25 or hour >= 20\n"
    text = call("filters", at=workspace).stdout
    assert "@dusk-or-late" in text
    assert "Ånn 🦊" in text
    first, second = document("filters", at=workspace)
    assert (first["slug"], first["author"], first["filter"]) == (
        "dusk", "Ånn 🦊", "brightness < 0.25",
    )  # fmt: skip
    assert document("filters", "dusk-or-late", at=workspace) == second
    assert set(second) == {"slug", "title", "filter", "author", "created_at", "run_id"}


def test_what_was_saved_is_said_as_json(workspace):
    made = ("save-filter", "dusk", "--where", "hour >= 20")
    assert document(*made, at=workspace)["slug"] == "dusk"
    assert document("filters", "dusk", at=workspace)["filter"] == "hour >= 20"


def test_one_that_speaks_of_a_run_is_kept_with_it(workspace):
    save(workspace, "first", "aggressor = 1 and hour >= 8", "--run", "v1")
    save(workspace, "late", "hour >= 20", "--run", "v1")
    said = {one["slug"]: one["run_id"] for one in document("filters", at=workspace)}
    with ag.open_run("v1", workspace=workspace) as run:
        assert said == {"first": run.info.run_id, "late": ""}


def test_a_removed_filter_is_gone_and_its_name_free(workspace):
    save(workspace, "dusk", "hour >= 20")
    said = call("remove-filter", "@dusk", at=workspace).stdout
    assert said == "Removed @dusk, which was: hour >= 20\n"
    fails(3, "remove-filter", "dusk", at=workspace, says="no saved filter @dusk")
    save(workspace, "dusk", "hour >= 21")
    assert document("filters", "dusk", at=workspace)["filter"] == "hour >= 21"


def test_without_any_it_says_how_to_save_one(workspace):
    assert "save-filter NAME" in call("filters", at=workspace).stdout
    assert document("filters", at=workspace) == []
    assert "Keep as group" in call("groups", at=workspace).stdout
    assert document("groups", at=workspace) == []


@pytest.mark.parametrize(
    ("code", "arguments", "says"),
    [
        (2, ("dusk", "--where", "hour >= 21"), "saved as @dusk already: hour >= 20"),
        (2, ("  ", "--where", "hour >= 21"), "needs a name"),
        (2, ("x" * 81, "--where", "hour >= 21"), "at most 80 characters; got 81"),
        (2, ("late",), "--where"),
        (2, ("late", "--where", " "), "--where is empty"),
        (3, ("late", "--where", "aggressor = 1"), "--run RUN"),
        (3, ("late", "--where", "hour >="), "Filter, position"),
        (3, ("late", "--where", "@duskk"), "the nearest is @dusk"),
        (3, ("late", "--where", "rain > 3", "--run", "v1"), "no field 'rain'"),
        (3, ("late", "--where", "station = moon", "--run", "v1"), "no value 'moon'"),
        (3, ("late", "--where", "hour >= 21", "--author", "\udcff"), "no valid text"),
        (4, ("late", "--where", "hour >= 21", "--run", "v9"), "No run 'v9'"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_saved(workspace, code, arguments, says):
    save(workspace, "dusk", "hour >= 20")
    fails(code, "save-filter", *arguments, at=workspace, says=says)
    assert [one.slug for one in list_filters(Workspace(workspace))[0]] == ["dusk"]


@pytest.mark.parametrize("name", ["dust", "../run", "@", "a" * 300, "0123456789abcdef"])
def test_an_unknown_name_is_one_sentence(workspace, name):
    save(workspace, "dusk", "hour >= 20")
    for verb in ("filters", "remove-filter"):
        fails(3, verb, name, at=workspace, says="filter")


def test_a_broken_file_is_named_beside_the_others(workspace):
    save(workspace, "dusk", "hour >= 20")
    (workspace / "filters" / "broken.json").write_text("{")
    done = call("filters", at=workspace)
    assert "broken.json is not valid JSON" in done.stderr
    assert "@dusk" in done.stdout
    fails(3, "filters", "broken", at=workspace, says="not valid JSON")


def test_groups_have_the_figures_they_have_in_python(workspace):
    with ag.open_run("v1", workspace=workspace) as run:
        run.keep("brightness < 0.25", "dark\nones", author="Ada")
        run.keep("map in (0, 0, 5, 0, 5, 5)", "corner")
        wanted = {row["slug"]: row for row in run.handmade().to_pylist()}
    told = {row["slug"]: row for row in document("groups", "v1", at=workspace)}
    assert told["dark-ones"]["name"] == "dark ones"
    assert wanted.keys() == told.keys()
    for slug, row in wanted.items():
        assert {name: told[slug][name] for name in row} == row
    text = call("groups", "v1", at=workspace).stdout
    assert "dark ones" in text
    assert "brightness < 0.25 · Ada" in text
    assert f"{wanted['dark-ones']['n']:,}" in text


def test_a_group_that_a_run_cannot_answer_has_no_figures(workspace):
    with ag.open_run("v1", workspace=workspace) as run:
        run.keep("map in (0, 0, 5, 0, 5, 5)", "corner")
    (row,) = document("groups", "v2", at=workspace)
    assert row["n"] is None
    assert row["gap"] is None
    assert "not of this run" in call("groups", "v2", at=workspace).stdout
    fails(4, "groups", "v9", at=workspace, says="No run 'v9'")
