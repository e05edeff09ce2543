"""A place under two runs: what is counted is what is listed, in one population or in several."""

import numpy as np
import pyarrow as pa
import pytest

from aggressors import gate
from aggressors.contracts import Condition
from aggressors.errors import InputError
from aggressors.queries import beside, paired
from aggressors.store.read import open_run
from aggressors.store.saved_tests import read_samples, read_test
from aggressors.store.workspace import Workspace
from aggressors.worsening import worsened
from versions import publish_version


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """v2, which does well at dusk, v3, which does not, and a test of validation and test."""
    workspace = Workspace.open(tmp_path_factory.mktemp("beside") / "workspace", create=True)
    run, other = (
        open_run(publish_version(workspace, name, day=day, **more))
        for day, (name, more) in enumerate(
            {"v3": {"noise": 2}, "v2": {"solved": ("dusk",), "noise": 1}}.items(), start=1
        )
    )
    gate.save_test(workspace, other.path, where="brightness < 0.3", slug="dim")
    yield workspace, run, other
    run.close()
    other.close()


def test_a_test_is_counted_in_all_populations_it_lies_in(world):
    workspace, run, other = world
    ids = read_samples(workspace, read_test(workspace, "dim"))["sample_id"].to_pylist()
    place = beside.of_test(workspace, "dim")
    found = beside.change(run, other, place)
    assert found.n == len(ids)
    alone = beside.change(run, other, beside.Place(place.filter))
    assert 0 < alone.n < found.n  # validation alone has not all of them
    parts = [beside.turned(run, other, place, turn, limit=5_000) for turn in ("worse", "better")]
    assert [part.num_rows for part in parts] == [found.worse, found.better]
    assert set(parts[0]["population"].to_pylist()) == {"validation", "test"}
    listed = {name for part in parts for name in part["sample_id"].to_pylist()}
    assert listed <= set(ids)


def test_pages_of_several_populations_are_the_list_in_its_order(world):
    workspace, run, other = world
    place = beside.of_test(workspace, "dim")
    whole = beside.turned(run, other, place, "worse", limit=5_000)
    far = np.abs(whole["change"].to_numpy())
    assert (np.diff(far) <= 0).all()
    pages = [
        beside.turned(run, other, place, "worse", offset=start, limit=7)
        for start in range(0, whole.num_rows, 7)
    ]
    assert pa.concat_tables(pages)["sample_id"].to_pylist() == whole["sample_id"].to_pylist()


def test_confusion_of_several_populations_is_their_sum(world):
    workspace, run, other = world
    place = beside.of_test(workspace, "dim")
    found = beside.confusion_change(run, other, place)
    assert sum(found["n"].to_pylist()) == sum(found["other_n"].to_pylist())
    assert sum(found["n"].to_pylist()) == beside.change(run, other, place).n
    rows = {(row["label"], row["prediction"]): row for row in found.to_pylist()}
    assert len(rows) == found.num_rows  # each pair once
    for name in ("validation", "test"):
        for row in paired.confusion_change(run, other, place.filter, population=name).to_pylist():
            assert rows[row["label"], row["prediction"]]["n"] >= row["n"]


def test_what_got_worse_is_looked_at_where_it_was_judged(world):
    workspace, run, other = world
    assert beside.of_worse(workspace, "v3-0000", "v2-0000", 1) is None  # not sought yet
    groups = worsened(workspace, run, other)[0].groups
    assert groups
    place = beside.of_worse(workspace, "v3-0000", "v2-0000", 1)
    found = beside.change(run, other, place)
    assert (found.n, found.broke, found.fixed) == (
        groups[0].n_confirm, groups[0].broke, groups[0].fixed,
    )  # fmt: skip
    assert found.difference == pytest.approx(groups[0].difference)
    assert beside.of_worse(workspace, "v3-0000", "v2-0000", 999) is None


def test_one_population_is_that_of_paired(world):
    _, run, other = world
    dim = Condition("brightness", "<", (0.3,))
    place = beside.Place(dim, populations=("test",))
    assert beside.change(run, other, place) == paired.change(run, other, dim, population="test")
    assert beside.of_aggressor(1, "other") == beside.Place(
        Condition("aggressor", "=", (1,)), "other"
    )


def test_a_test_that_is_not_there_is_told(tmp_path):
    workspace = Workspace.open(tmp_path / "w", create=True)
    with pytest.raises(InputError):
        beside.of_test(workspace, "dim")
