"""Hand-made groups: kept as files, and measured by the same figures as aggressors."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aggressors as ag
from aggressors.errors import FilterError, InputError, UsageError, WorkspaceError
from aggressors.queries import overview
from aggressors.queries.grammar import format_filter, parse
from aggressors.queries.handmade import is_local, measured, selection
from aggressors.stats.severity import loss_gap
from aggressors.store.handmade import (
    keep_handmade,
    list_handmade,
    read_handmade,
    remove_handmade,
)
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from gridded import gridded
from queried import queried


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "w", create=True)


def keep(workspace, name="dark", filter="brightness < 0.21", **more):
    return keep_handmade(workspace, name=name, filter=filter, run_id="abc", **more)


# --- Files ---


def test_what_is_kept_is_read_again(workspace):
    made = keep(workspace, author="Ada")
    assert read_handmade(workspace, "dark") == made
    assert json.loads((workspace.handmade / "dark.json").read_text()) == {
        "slug": "dark", "name": "dark", "filter": "brightness < 0.21", "run_id": "abc",
        "author": "Ada", "created_at": made.created_at, "schema_version": 1,
    }  # fmt: skip


def test_the_same_selection_is_kept_once_and_another_of_its_name_beside_it(workspace):
    made = keep(workspace)
    assert keep(workspace, name="other words") == made
    assert keep(workspace, filter="hour > 3").slug == "dark-2"
    assert len(list_handmade(workspace)[0]) == 2


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Dunkle Küche!", "dunkle-k-che"), ("", "brightness-0-21"), ("../../etc", "etc"),
     ("7 of 9", "group-7-of-9"), ("con", "con-2"), ("…", "group")],
)  # fmt: skip
def test_any_name_makes_a_file_of_its_own_folder(workspace, name, slug):
    assert keep(workspace, name=name).slug == slug
    assert [path.name for path in workspace.handmade.iterdir()] == [f"{slug}.json"]


def test_removing_twice_is_no_error(workspace):
    keep(workspace)
    remove_handmade(workspace, "dark")
    remove_handmade(workspace, "dark")
    assert list_handmade(workspace) == ([], [])
    with pytest.raises(UsageError):
        remove_handmade(workspace, "../x")


@pytest.mark.parametrize("filter", ["", "all", "  ", "All"])
def test_every_sample_is_no_selection(workspace, filter):
    with pytest.raises(UsageError, match="set a filter first"):
        keep(workspace, filter=filter)


def test_files_edited_to_nonsense_are_told_and_the_others_listed(workspace):
    keep(workspace)
    good = json.loads((workspace.handmade / "dark.json").read_text())
    for name, change in {"a": {"slug": "b"}, "c": {"filter": "(("}, "d": {"extra": 1}}.items():
        text = json.dumps(good | {"slug": name} | change)
        (workspace.handmade / f"{name}.json").write_text(text)
    found, wrong = list_handmade(workspace)
    assert [one.slug for one in found] == ["dark"]
    assert {one.slug for one in wrong} == {"a", "c", "d"}
    with pytest.raises(InputError, match="'filter' cannot be read"):
        read_handmade(workspace, "c")


# --- What is a selection ---


def test_populations_are_no_part_of_a_group():
    kept = selection(parse("population = validation and hour > 3 and label = coat"))
    assert format_filter(kept) == "hour > 3 and label = coat"


@pytest.mark.parametrize(
    "filter",
    ["loss > 1", "not correct = yes", "loss_quantile > 0.9 or hour > 3", "confidence < 0.5",
     "label = coat and prediction = shirt", "fold = confirm and hour > 3", "all", "none",
     "population = test"],
)  # fmt: skip
def test_what_is_bad_by_definition_is_no_group(filter):
    with pytest.raises(FilterError):
        selection(parse(filter))


def test_a_region_or_membership_speaks_of_one_run_only():
    assert is_local(parse("map in (0, 0, 1, 0, 1, 1)"))
    assert is_local(parse("not aggressor = 1"))
    assert not is_local(parse("label = coat and hour > 3"))


# --- Figures ---


def test_figures_are_those_of_hand(tmp_path):
    """Four members of six that can be judged, two a half; the rest of the confirm half loses 1."""
    fold = ["confirm", "confirm", "confirm", "confirm", "discover", "discover", "discover"]
    loss = [4.0, 6.0, 1.0, 1.5, 8.0, 2.0, 0.5]
    inside = ["here", "here", "there", "there", "here", "here", "there"]
    with gridded(tmp_path, {"side": inside}, loss=loss, fold=fold) as run:
        found = measured(run, parse("side = here"))
    assert (found.n, found.n_known, found.n_confirm) == (4, 4, 2)
    assert (found.inside, found.rest, found.gap) == (5.0, 1.25, 3.75)
    expected = loss_gap(np.array(loss[:4]), np.array([True, True, False, False]))
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert found.severity == found.low
    assert found.impact == pytest.approx(4 * 3.75 / sum(loss))
    assert found.n_core == 4  # above the 0.9 quantile of 1, 1.5 and 0.5, which is 1.4


def test_an_aggressor_kept_by_hand_has_its_own_figures(planted_run):
    with open_run(planted_run) as run:
        for one in overview.aggressors(run):
            found = measured(run, parse(f"aggressor = {one.rank}"))
            assert (found.n, found.n_known, found.n_core) == (one.n, one.n_known, one.n_core)
            assert found.gap == pytest.approx(one.gap)
            assert (found.low, found.high) == pytest.approx((one.gap_low, one.gap_high))
            assert found.severity == pytest.approx(one.severity)
            assert found.impact == pytest.approx(one.impact)


@pytest.fixture(scope="module")
def planted_run(planted_once):
    return planted_once / "runs" / "v1-0000.duckdb"


@pytest.mark.parametrize("filter", ["none", "all", "hour = 23.5", "population = unlabeled"])
def test_nothing_to_compare_gives_counts_alone(tmp_path, filter):
    with queried(tmp_path).run as run:
        found = measured(run, parse(filter))
    assert found.gap is None
    assert found.impact is None
    assert not found.surely_worse


def test_a_run_without_labels_or_samples_is_measured_too(tmp_path):
    with gridded(tmp_path, {"side": ["a", "b"]}, loss=[None, None]) as run:
        found = measured(run, parse("side = a"))
    assert (found.n, found.gap) == (0, None)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5)), min_size=1, max_size=40))
def test_any_selection_has_figures(tmp_path_factory, samples):
    sides = ["here" if inside else "there" for inside, _ in samples] + ["here", "there"]
    loss = [value for _, value in samples] + [1.0, 1.0]
    with gridded(tmp_path_factory.mktemp("runs"), {"side": sides}, loss=loss) as run:
        found = measured(run, parse("side = here"))
    assert found.n == sides.count("here")
    assert 0 <= found.n_core <= found.n_known <= found.n
    if found.gap is not None:
        assert found.low <= found.gap <= found.high


# --- From Python ---


def test_python_keeps_measures_and_lists(planted_run):
    with ag.open_run("v1", planted_run.parent.parent) as run:
        made = run.keep("population = validation and hour >= 20", "evenings", author="Ada")
        assert made == run.keep("hour >= 20", "again")
        table = run.handmade()
        run.aggressors()
    assert table["name"].to_pylist() == ["evenings"]
    assert table["filter"].to_pylist() == ["hour >= 20"]
    assert table["n"][0].as_py() > 0
    with ag.open_run("v2", planted_run.parent.parent) as other:
        assert other.handmade()["name"].to_pylist() == ["evenings"]
    with ag.open_run(planted_run) as alone, pytest.raises(WorkspaceError):
        alone.keep("hour >= 20", "evenings")


def test_a_selection_that_another_run_cannot_answer_is_not_listed_there(planted_run):
    root = planted_run.parent.parent
    with ag.open_run("v1", root) as run:
        run.keep("aggressor = 1", "first")
        run.keep("map in (0, 0, 1, 0, 1, 1)", "corner")
        assert {"first", "corner"} <= set(run.handmade()["name"].to_pylist())
    with ag.open_run("v2", root) as other:
        assert not {"first", "corner"} & set(other.handmade()["name"].to_pylist())
