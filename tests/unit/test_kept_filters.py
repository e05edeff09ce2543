"""Saved filters as files: whole, checked, never overwritten, and nowhere but in their folder."""

import errno
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from aggressors.errors import FilterError, InputError, UsageError, WorkspaceError
from aggressors.queries.grammar import MAX_VALUES, expand, parse
from aggressors.store import files
from aggressors.store.kept_filters import (
    digest,
    find,
    finder,
    keep,
    list_filters,
    read_filter,
    remove_filter,
    save_filter,
)
from aggressors.store.workspace import Workspace

DUSK = "hour >= 17"
LISTED = f"sample_id in ({', '.join(f'validation-{n:05d}' for n in range(MAX_VALUES))})"


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "w", create=True)


def test_what_is_saved_is_found_by_its_name(workspace):
    made = save_filter(workspace, "Dusk,  at the river", "hour>=17 and label in ( coat )", "Ana")
    assert (made.slug, made.title) == ("dusk-at-the-river", "Dusk, at the river")
    assert find(workspace, made.slug) == "hour >= 17 and label in (coat)"
    assert list_filters(workspace) == ([made], [])
    raw = json.loads((workspace.root / "filters" / "dusk-at-the-river.json").read_text())
    assert raw == {
        "slug": made.slug, "title": made.title, "filter": made.filter, "author": "Ana",
        "created_at": made.created_at, "run_id": "", "schema_version": 2,
    }  # fmt: skip


def test_a_name_stands_for_its_filter_within_others(workspace):
    save_filter(workspace, "dusk", "hour >= 17 or hour < 6")
    there = finder(workspace)
    assert expand("@dusk", there) == "hour >= 17 or hour < 6"
    assert expand("label = coat and @dusk", there) == "label = coat and (hour >= 17 or hour < 6)"
    assert expand("not @dusk", there) == "not (hour >= 17 or hour < 6)"
    assert expand("(@dusk) or label = coat", there) == "hour >= 17 or hour < 6 or label = coat"
    nested = save_filter(workspace, "dusk coats", "@dusk and label = coat")
    assert "@" not in nested.filter  # so that a file means the same whatever becomes of others


def test_what_only_looks_like_a_name_is_left(workspace):
    for text in ("@dusk = 1", '"@dusk" < 2', 'note = "@dusk"', "note = @dusk", "note in (@a, @b)"):
        assert parse(expand(text, finder(workspace))) == parse(text)


def test_a_list_of_samples_is_kept_by_its_digest(workspace):
    made = keep(workspace, LISTED)
    assert made.slug == digest(made.filter)
    assert len(made.slug) == 16
    assert keep(workspace, LISTED) == made
    assert expand(f"@{made.slug}", finder(workspace)) == LISTED
    assert list_filters(workspace) == ([], [])  # nobody gave it a name


def test_a_name_is_never_given_to_another_filter(workspace):
    made = save_filter(workspace, "Dusk", DUSK)
    assert save_filter(workspace, "dusk", "hour>=17") == made
    with pytest.raises(UsageError, match=r"saved as @dusk already: hour >= 17\. Take another name"):
        save_filter(workspace, "dusk!", "hour >= 18")
    assert find(workspace, "dusk") == DUSK


@pytest.mark.parametrize("links", [True, False])
def test_of_many_windows_at_once_one_gets_the_name(workspace, monkeypatch, links):
    def no_links(*args, **options):
        raise OSError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr(files.os, "link", no_links)

    def save(hour):
        try:
            return save_filter(workspace, "dusk", f"hour >= {hour}").filter
        except UsageError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(save, range(8)))
    kept = find(workspace, "dusk")
    assert said.count(kept) == 1
    assert all("@dusk" in sentence for sentence in said if sentence != kept)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", "", "a/b", "A", "é", "x" * 65, "con", "a\x00b", "a.json"]
)
def test_a_name_from_a_stranger_reads_nothing(workspace, name):
    (workspace.root / "b.json").write_text("{}")
    with pytest.raises(FilterError) as error:
        find(workspace, name)
    assert "names no saved filter" in str(error.value)


def test_an_unknown_name_is_answered_with_the_nearest(workspace):
    with pytest.raises(FilterError, match="it has none"):
        find(workspace, "dusk")
    save_filter(workspace, "dusk", DUSK)
    with pytest.raises(FilterError, match=r"no saved filter @dust .*; the nearest is @dusk"):
        find(workspace, "dust")
    with pytest.raises(FilterError, match="comes from another workspace"):
        find(workspace, "0123456789abcdef")
    with pytest.raises(FilterError, match="a single run file has none"):
        expand("@dusk", finder(None))
    with pytest.raises(FilterError, match="no filter of that name is known here"):
        parse("@dusk and label = coat")


@pytest.mark.parametrize(
    ("title", "slug"),
    [("CON", "filter-con"), ("deadbeefdeadbeef", "filter-deadbeefdeadbeef"), ("9 to 5", "9-to-5")],
)
def test_any_title_makes_a_name(workspace, title, slug):
    made = save_filter(workspace, title, DUSK)
    assert (made.slug, made.title) == (slug, title)
    assert find(workspace, slug) == DUSK


def test_titles_in_another_script_have_a_name_each(workspace):
    first, second = save_filter(workspace, "漢字", DUSK), save_filter(workspace, "夜", "hour < 6")
    assert first.slug != second.slug
    assert {one.title for one in list_filters(workspace)[0]} == {"漢字", "夜"}


def test_what_cannot_be_saved(workspace):
    with pytest.raises(UsageError, match="needs a name"):
        save_filter(workspace, "  ", DUSK)
    with pytest.raises(UsageError, match="at most 80 characters; got 81"):
        save_filter(workspace, "x" * 81, DUSK)
    with pytest.raises(FilterError):
        save_filter(workspace, "dusk", "hour <")
    with pytest.raises(FilterError):
        save_filter(workspace, "dusk", "@other")
    assert list_filters(workspace) == ([], [])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"filter": "hour <"}, "'filter' cannot be read"),
        ({"filter": "@dusk"}, "'filter' cannot be read"),
        ({"title": None}, "'title' must be a text"),
        ({"slug": "other"}, "the file is called"),
        ({"schema_version": 9}, "Upgrade"),
        ({"more": 1}, "there is no field 'more'"),
    ],
)
def test_an_edited_file_is_named_with_its_field(workspace, change, said):
    save_filter(workspace, "dusk", DUSK)
    path = workspace.filters / "dusk.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=said):
        read_filter(workspace, "dusk")
    with pytest.raises(FilterError, match=said):
        find(workspace, "dusk")
    found, wrong = list_filters(workspace)
    assert not found
    assert wrong[0].slug == "dusk"


def test_a_link_never_means_something_else_than_it_did(workspace):
    made = keep(workspace, DUSK)
    path = workspace.filters / f"{made.slug}.json"
    path.write_text(path.read_text().replace("17", "18"))
    with pytest.raises(FilterError, match="'filter' was changed"):
        find(workspace, made.slug)


def test_removed_is_gone_and_removing_again_is_no_error(workspace):
    save_filter(workspace, "dusk", DUSK)
    remove_filter(workspace, "dusk")
    remove_filter(workspace, "dusk")
    assert list_filters(workspace) == ([], [])
    with pytest.raises(UsageError, match="no slug"):
        remove_filter(workspace, "../runs/x")


def test_a_workspace_that_cannot_be_written_says_so(workspace):
    workspace.filters.write_text("a file")
    with pytest.raises(WorkspaceError):
        keep(workspace, DUSK)
