"""What the next model made of the labels: the same samples before and after."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from aggressors.queries.gained import gain, later_runs, trained_on
from aggressors.stats.paired import paired_difference
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from versions import analysed, publish_version


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """v1 fails at dusk; v2 does not, nor is it the same elsewhere; v3 was trained on some of it."""
    workspace = Workspace.open(tmp_path_factory.mktemp("gained"), create=True)
    publish_version(workspace, "v1", day=1)
    publish_version(workspace, "v2", day=2, solved=("dusk",), noise=1)
    publish_version(workspace, "v3", day=3, solved=("dusk",), noise=2, to_train=12)
    publish_version(workspace, "v4", day=4, relabel=3, noise=3)
    return workspace


@pytest.fixture(scope="module")
def dusk():
    """Ids of the planted dusk samples, and the rows of all samples."""
    planted, tables = analysed()
    rows = tables["samples"].to_pylist()
    return planted.truth["dusk"], rows


def queued(place, ids, **more):
    queue = place.label_queue(f"q{len(place.queues())}")
    told = {"run_id": "v1-0000", "aggressor": 1} | more
    n = len(ids)
    queue.add(pa.table({"sample_id": ids} | {key: [one] * n for key, one in told.items()}),
              again=True)  # fmt: skip
    return queue


def losses(path):
    from aggressors.queries.scope import fetch

    with open_run(path) as run:
        found = fetch(run, "SELECT sample_id, loss, population, fold FROM samples").to_pylist()
    return {row["sample_id"]: row for row in found}


def judged(rows, member):
    """Losses by id of the held-out samples that judge, in the order of their ids."""
    return {
        one: row["loss"]
        for one, row in sorted(rows.items())
        if row["population"] in ("validation", "test")
        and row["fold"] != "discover"
        and row["loss"] is not None
        and member(one)
    }


def test_the_gain_is_that_of_the_same_samples_by_hand(place, dusk):
    ids, _ = dusk
    first, second = losses(place.resolve("v1")), losses(place.resolve("v2"))
    unlabeled = sorted(one for one in ids if one.startswith("unlabeled"))[:4]
    queue = queued(place, unlabeled)
    queue.mark(unlabeled[:3], "labeled", labels="coat")
    with open_run(place.resolve("v1")) as before, open_run(place.resolve("v2")) as after:
        found = gain(queue.rows(), before, after, 1)
    assert (found.run_name, found.aggressor, found.signal) == ("v2", 1, "loss")
    assert (found.labeled, found.trained_on, found.relabeled) == (3, 0, 0)
    for told, member in ((found.members, lambda one: one in ids),
                         (found.rest, lambda one: one not in ids)):  # fmt: skip
        was, now = judged(first, member), judged(second, member)
        assert told is not None
        assert told.n == len(was) > 20
        assert told.before == pytest.approx(np.mean(list(was.values())))
        assert told.after == pytest.approx(np.mean(list(now.values())))
        by_hand = paired_difference(
            np.array([now[one] for one in was]), np.array(list(was.values()))
        )
        assert told.difference == by_hand
    assert found.members is not None
    assert found.rest is not None
    assert found.members.difference.high < 0 < found.rest.difference.high
    gap = found.members.before - found.rest.before
    left = found.members.after - found.rest.after
    assert found.share == pytest.approx(1 - left / gap)
    assert found.share > 0.8


def test_what_the_later_run_was_trained_on_judges_nothing(place):
    with open_run(place.resolve("v1")) as before, open_run(place.resolve("v3")) as after:
        rows = queued(place, ["nothing"]).rows()
        found = gain(rows, before, after, 1)
    with open_run(place.resolve("v1")) as before, open_run(place.resolve("v2")) as after:
        all_of_them = gain(rows, before, after, 1)
    assert found.members is not None
    assert all_of_them.members is not None
    assert all_of_them.members.n - found.members.n == 12


def test_samples_with_another_label_are_left_out(place):
    with open_run(place.resolve("v1")) as before, open_run(place.resolve("v4")) as after:
        found = gain(queued(place, ["nothing"]).rows(), before, after, 1)
    assert found.relabeled >= 3
    assert found.members is not None


def test_without_a_gap_no_share_of_it_is_closed(place):
    with open_run(place.resolve("v1")) as run:
        same = gain(queued(place, ["nothing"]).rows(), run, run, 1)
    assert same.share == 0.0
    assert same.members is not None
    assert same.members.difference.low == same.members.difference.high == 0.0


def test_labels_in_the_training_of_a_run_are_counted(place, dusk):
    moved = losses(place.resolve("v3"))
    learned = sorted(one for one, row in moved.items() if row["population"] == "train")
    queue = queued(place, [*learned[:5], "elsewhere"])
    queue.mark([*learned[:3], "elsewhere"], "labeled", labels="coat")
    with open_run(place.resolve("v3")) as run:
        assert trained_on(queue.rows(), run) == 3


def test_a_later_run_is_one_made_after_half_of_the_labels(place):
    queue = queued(place, ["a", "b", "c", "d"])
    runs, _ = place.catalogue()
    assert later_runs(runs, queue.rows(), "v1-0000") == []  # no label yet
    queue.mark(["a", "b", "c"], "labeled", labels="coat")
    assert later_runs(runs, queue.rows(), "v1-0000") == []  # the labels are of today
    # As if a and b had been labeled between v1 and v2, and c long after.
    rows = queue.rows()
    times = pa.array(["2026-01-01T12:00Z", "2026-01-01T13:00Z", "2027-01-01T00:00Z", None])
    place_of = rows.schema.get_field_index("changed_at")
    rows = rows.set_column(place_of, "changed_at", times.cast(pa.timestamp("us", "UTC")))
    found = [one.name for one in later_runs(runs, rows, "v1-0000")]
    assert found == ["v2", "v3", "v4"]
    derived = replace(runs[0], run_id="derived", derived_from=runs[0].run_id)
    assert derived.run_id not in {
        one.run_id for one in later_runs([*runs, derived], rows, "v1-0000")
    }
