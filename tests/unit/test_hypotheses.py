"""Hypotheses as files: whole, checked, never rewritten, and nowhere but in their folder."""

import errno
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aggressors.errors import FilterError, InputError, UsageError, WorkspaceError
from aggressors.store import files, hypotheses
from aggressors.store.hypotheses import (
    list_hypotheses,
    read_hypothesis,
    remove_hypothesis,
    save_hypothesis,
)
from aggressors.store.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "w", create=True)


def save(workspace, title="low brightness", filter="brightness < 0.21", aggressor=1):
    return save_hypothesis(workspace, title=title, filter=filter, run_id="abc", aggressor=aggressor)


def test_what_is_saved_is_read_again(workspace):
    made = save(workspace)
    assert made.slug == "low-brightness"
    assert read_hypothesis(workspace, made.slug) == made
    raw = json.loads((workspace.hypotheses / "low-brightness.json").read_text())
    assert raw == {
        "slug": "low-brightness", "title": "low brightness", "filter": "brightness < 0.21",
        "run_id": "abc", "aggressor": 1, "created_at": made.created_at, "schema_version": 2,
        "author": "", "confounders": [],
    }  # fmt: skip
    assert not list(workspace.hypotheses.glob(".*"))


def test_who_holds_it_and_what_is_held_still_are_kept(workspace):
    known = {"title": "dark", "filter": "brightness < 0.2", "run_id": "abc", "aggressor": 1}
    made = save_hypothesis(workspace, **known, author=" Ann ", confounders=["station"])
    assert (made.author, made.confounders) == ("Ann", ("station",))
    assert read_hypothesis(workspace, made.slug) == made
    assert save_hypothesis(workspace, **known, confounders=["hour"]) != made


def test_a_file_of_the_first_version_is_read(workspace):
    made = save(workspace)
    path = workspace.hypotheses / f"{made.slug}.json"
    old = json.loads(path.read_text()) | {"schema_version": 1}
    del old["author"], old["confounders"]
    path.write_text(json.dumps(old))
    assert read_hypothesis(workspace, made.slug) == made
    path.write_text(json.dumps(old | {"schema_version": 2}))
    with pytest.raises(InputError, match="'author' is missing"):
        read_hypothesis(workspace, made.slug)


def test_the_same_claim_is_kept_once_and_another_of_its_name_beside_it(workspace):
    made = save(workspace)
    assert save(workspace) == made
    other = save(workspace, aggressor=2)
    assert other.slug == "low-brightness-2"
    assert {one.slug for one in list_hypotheses(workspace)[0]} == {made.slug, other.slug}


@pytest.mark.parametrize("aggressors", [(1, 1, 1, 1), (1, 2, 3, 4)])
def test_of_many_windows_at_once_none_overwrites_another(workspace, aggressors, monkeypatch):
    """Each looks which names are free before any has written."""
    looked = threading.Barrier(len(aggressors))
    listing = hypotheses.list_hypotheses

    def slowly(place):
        found = listing(place)
        looked.wait(10)
        return found

    monkeypatch.setattr(hypotheses, "list_hypotheses", slowly)
    with ThreadPoolExecutor(len(aggressors)) as pool:
        made = list(pool.map(lambda one: save(workspace, aggressor=one), aggressors))
    found, wrong = listing(workspace)
    assert not wrong
    assert sorted(one.aggressor for one in found) == sorted(set(aggressors))
    assert {one.slug for one in made} == {one.slug for one in found}
    assert not list(workspace.hypotheses.glob(".*"))


def test_a_name_is_taken_once_also_without_hard_links(workspace, monkeypatch):
    def no_links(*args, **options):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(files.os, "link", no_links)
    made = [save(workspace, aggressor=one) for one in (1, 2)]
    assert [one.slug for one in made] == ["low-brightness", "low-brightness-2"]
    assert {one.aggressor for one in list_hypotheses(workspace)[0]} == {1, 2}


def test_an_unreadable_file_keeps_its_name(workspace):
    workspace.hypotheses.mkdir()
    (workspace.hypotheses / "low-brightness.json").write_text("{")
    assert save(workspace).slug == "low-brightness-2"
    assert (workspace.hypotheses / "low-brightness.json").read_text() == "{"


@pytest.mark.parametrize("title", ["../../etc/passwd", "CON", "", "  ", "ünïcode 漢字", "9" * 500])
def test_any_title_makes_a_file_in_the_folder(workspace, title):
    made = save(workspace, title=title)
    assert [path.stem for path in workspace.hypotheses.iterdir()] == [made.slug]
    assert read_hypothesis(workspace, made.slug).filter == "brightness < 0.21"


def test_a_claim_must_say_something_that_can_be_read(workspace):
    for nothing in ("", " ", "all", "ALL "):
        with pytest.raises(UsageError, match="needs a claim"):
            save(workspace, filter=nothing)
    with pytest.raises(FilterError):
        save(workspace, filter="brightness <")
    assert list_hypotheses(workspace) == ([], [])


def test_removed_is_gone_and_removing_again_is_no_error(workspace):
    made = save(workspace)
    remove_hypothesis(workspace, made.slug)
    remove_hypothesis(workspace, made.slug)
    assert list_hypotheses(workspace) == ([], [])
    with pytest.raises(UsageError, match="no slug"):
        remove_hypothesis(workspace, "../runs/x")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"filter": "brightness <"}, "'filter' cannot be read"),
        ({"aggressor": "1"}, "'aggressor' must be a whole number"),
        ({"aggressor": True}, "'aggressor' must be a whole number"),
        ({"title": None}, "'title' must be a text"),
        ({"slug": "other"}, "the file is called"),
        ({"schema_version": 9}, "Upgrade"),
        ({"confounders": "station"}, "'confounders' must be a list of texts"),
        ({"confounders": [1]}, "'confounders' must be a list of texts"),
        ({"more": 1}, "there is no field 'more'"),
    ],
)
def test_an_edited_file_is_named_with_its_field(workspace, change, said):
    made = save(workspace)
    path = workspace.hypotheses / f"{made.slug}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=said):
        read_hypothesis(workspace, made.slug)
    found, wrong = list_hypotheses(workspace)
    assert not found
    assert wrong[0].slug == made.slug


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"slug": "broken"}'])
def test_a_damaged_file_is_listed_and_the_others_stay(workspace, text):
    made = save(workspace)
    (workspace.hypotheses / "broken.json").write_text(text)
    found, wrong = list_hypotheses(workspace)
    assert found == [made]
    assert [one.slug for one in wrong] == ["broken"]


def test_a_workspace_that_cannot_be_written_says_so(workspace):
    workspace.hypotheses.write_text("a file")
    with pytest.raises(WorkspaceError):
        save(workspace)
