"""Label queues: kept in order, written by many at once, and never lost to a damaged file."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from aggressors.errors import UsageError
from aggressors.store import label_events
from aggressors.store.label_queues import NOT_OF_GROUP, STATES, UNUSABLE, LabelQueue, Quota
from aggressors.store.label_states import fold
from aggressors.store.workspace import Workspace
from queues import chosen, ids, states

# --- Adding ---


def test_a_sample_is_kept_with_why_it_was_chosen_by_whom_and_when(
    place: Workspace, queue: LabelQueue
) -> None:
    assert place.queues() == []
    assert place.label_queues() == []
    assert queue.rows().num_rows == 0
    added = queue.add(
        chosen("c", "a", reason="near the core", similarity=2.5, priority=0.75, expected=0.5),
        by="Ann",
    )
    assert (added.added, added.already, added.elsewhere) == (("c", "a"), {}, {})
    assert added.sentence == "Added 2."
    first, second = queue.rows().to_pylist()
    assert (first["sample_id"], second["sample_id"]) == ("c", "a")
    told = {
        "state": "queued", "run_id": "r1", "aggressor": 1, "group": "dusk", "similarity": 2.5,
        "reason": "near the core", "priority": 0.75, "expected": 0.5,
        "queued_by": "Ann", "by": "Ann", "label": None, "batch": None, "labeled_at": None,
    }  # fmt: skip
    assert {key: first[key] for key in told} == told
    assert abs((datetime.now(UTC) - first["queued_at"]).total_seconds()) < 600
    assert place.queues() == ["dusk"]


def test_no_sample_is_queued_twice_unnoticed(place: Workspace, queue: LabelQueue) -> None:
    place.label_queue("dawn").add(chosen("x", "y", "z", group="dawn"))
    place.label_queue("dawn").mark(["z"], "rejected", why=NOT_OF_GROUP)
    queue.add(chosen("a"))
    queue.mark(["a"], "labeled", labels="coat")
    added = queue.add(chosen("a", "x", "b", "b", "z"))
    assert added.added == ("b", "z")  # what is of no group there is free for another
    assert added.already == {"a": "labeled"}
    assert added.elsewhere == {"x": ("dawn",)}
    assert added.sentence == (
        "Added 2; 1 in this queue already, 1 left out that another queue holds (dawn)."
    )
    again = queue.add(chosen("a", "x"), again=True)
    assert (again.added, again.elsewhere) == (("x",), {"x": ("dawn",)})
    assert states(queue) == {"a": "labeled", "b": "queued", "z": "queued", "x": "queued"}
    assert {one.name: one.shared for one in place.label_queues()} == {"dawn": 2, "dusk": 2}


def test_nothing_new_writes_nothing(queue: LabelQueue) -> None:
    queue.add(chosen("a"))
    assert queue.add(chosen("a")).added == ()
    assert queue.add(chosen()).added == ()
    assert len(list(queue.folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("picks", "says"),
    [
        (pa.table({"id": ["a"]}), "need a column sample_id"),
        (pa.table({"sample_id": pa.array(["a", None])}), "need a column sample_id"),
    ],
)
def test_what_has_no_ids_is_refused(queue: LabelQueue, picks: pa.Table, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        queue.add(picks)
    assert not queue.folder.exists()


def test_a_queue_cannot_leave_its_folder(place: Workspace) -> None:
    with pytest.raises(UsageError, match="no slug"):
        place.label_queue("../tests")


def test_who_does_it_is_told_by_name_variable_or_system(
    queue: LabelQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(label_events.USER, raising=False)
    monkeypatch.setattr(label_events.getpass, "getuser", lambda: "root")
    queue.add(chosen("a"))
    monkeypatch.setenv(label_events.USER, "Ann B.")
    queue.add(chosen("b"))
    queue.add(chosen("c"), by="  Eve  ")
    assert queue.rows()["by"].to_pylist() == ["root", "Ann B.", "Eve"]
    assert queue.summary().by == ("root", "Ann B.", "Eve")
    for bad in ("x" * 201, "bell \a"):
        with pytest.raises(UsageError, match="who does it"):
            queue.add(chosen("d"), by=bad)

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4242")

    monkeypatch.delenv(label_events.USER)
    monkeypatch.setattr(label_events.getpass, "getuser", nobody)
    queue.add(chosen("d"))
    assert queue.rows()["by"].to_pylist()[-1] == "unknown"


# --- Undoing ---


def test_what_was_just_added_is_taken_back_whole_and_alone(queue: LabelQueue) -> None:
    queue.add(chosen("a", "b"))
    added = queue.add(chosen("b", "c", "d", "e")).added
    queue.remove(["e"])  # by somebody else, meanwhile
    assert queue.take_back(added, by="Ann") == ("c", "d")
    assert ids(queue) == ["a", "b"]
    assert queue.take_back(added) == ()  # a second time takes nothing
    assert queue.add(chosen("c")).added == ("c",)


@pytest.mark.parametrize("went", ["exported", "labeled", "rejected"])
def test_nothing_is_taken_back_where_some_of_it_went_out(queue: LabelQueue, went: str) -> None:
    added = queue.add(chosen("a", "b", "c")).added
    if went == "exported":
        queue.exported(["b"], "csv")
    else:
        queue.mark(["b"], went, labels="coat" if went == "labeled" else None)
    with pytest.raises(UsageError, match="Of these 3 samples in 'dusk' 1 went out or came back"):
        queue.take_back(added)
    assert ids(queue) == ["a", "b", "c"]


def test_what_an_addition_passes_over_is_known_before(place: Workspace, queue: LabelQueue) -> None:
    other = place.label_queue("dawn")
    other.add(chosen("a", "b", "c"))
    other.mark(["a"], "rejected", why=NOT_OF_GROUP)  # free again, but not in its own queue
    other.mark(["b"], "rejected", why=UNUSABLE)
    queue.add(chosen("d"))
    assert queue.passed_over() == {"b", "c", "d"}
    assert queue.passed_over(again=True) == {"d"}
    assert other.passed_over() == {"a", "b", "c", "d"}
    for one in "abcd":
        assert bool(queue.add(chosen(one)).added) == (one == "a")


# --- States ---


def test_the_last_word_about_a_sample_holds_and_the_order_stays(queue: LabelQueue) -> None:
    queue.add(chosen("a", "b", "c", "d"), by="Ann")
    queue.exported(["a", "b", "c"], "csv", by="Ben")
    queue.mark(["b", "c"], "labeled", labels=["coat", "boot"], of_group=[True, None], by="Cy")
    queue.mark(["c"], "rejected", why=UNUSABLE, by=["Di"])
    assert states(queue) == {"a": "exported", "b": "labeled", "c": "rejected", "d": "queued"}
    rows = {row["sample_id"]: row for row in queue.rows().to_pylist()}
    assert (rows["b"]["label"], rows["b"]["of_group"], rows["b"]["by"]) == ("coat", True, "Cy")
    assert (rows["c"]["label"], rows["c"]["why"], rows["c"]["by"]) == (None, UNUSABLE, "Di")
    assert (rows["a"]["by"], rows["a"]["batch"], rows["a"]["format"]) == ("Ben", 1, "csv")
    assert rows["d"]["by"] == "Ann"
    queue.mark(["b"], "labeled", labels="shirt")
    queue.mark(["c"], "labeled", labels="hat")
    assert queue.rows("labeled")["label"].to_pylist() == ["shirt", "hat"]
    queue.mark(["b"], "queued")
    assert states(queue)["b"] == "queued"
    assert queue.rows("queued")["label"].to_pylist() == [None, None]
    assert ids(queue) == ["a", "b", "c", "d"]


def test_an_export_or_a_second_queueing_takes_no_label_away(queue: LabelQueue) -> None:
    queue.add(chosen("a", "b"))
    queue.mark(["a"], "labeled", labels="coat")
    queue.exported(["a", "b"], "parquet")
    label_events.write(queue.folder, "queued", ["a"], {"group": "later"}, by="another window")
    assert states(queue) == {"a": "labeled", "b": "exported"}
    assert queue.rows()["group"].to_pylist() == ["dusk", "dusk"]
    queue.mark(["a"], "queued")
    assert states(queue)["a"] == "queued"  # the export was of the time before
    queue.exported(["a"], "csv")
    assert states(queue)["a"] == "exported"


def test_what_is_removed_is_gone_and_comes_back_at_the_end(queue: LabelQueue) -> None:
    queue.add(chosen("a", "b"))
    queue.mark(["a"], "labeled", labels="coat")
    queue.exported(["a", "b"], "csv")
    queue.remove(["a"], by="Ann")
    assert ids(queue) == ["b"]
    queue.add(chosen("a"))
    assert states(queue) == {"b": "exported", "a": "queued"}
    assert queue.rows("queued").to_pylist()[0]["batch"] is None


def test_a_label_that_comes_for_a_sample_removed_meanwhile_brings_it_back(
    queue: LabelQueue,
) -> None:
    queue.add(chosen("a", "b"))
    queue.remove(["a"])
    label_events.write(queue.folder, "labeled", ["a"], {"label": "coat"}, by="another window")
    assert states(queue) == {"b": "queued", "a": "labeled"}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda one: one.mark(["x", "y", "z", "w"], "labeled", labels="c"), "'z' and 1 more"),
        (lambda one: one.mark(["a"], "labeled"), "with 0 labels"),
        (lambda one: one.mark(["a"], "labeled", labels=["c", "d"]), "with 2 labels"),
        (lambda one: one.mark(["a"], "rejected", labels="c"), "'rejected' of 1"),
        (lambda one: one.mark(["a"], "exported"), "recorded by `exported`"),
        (lambda one: one.mark(["a"], "rejected", why="x" * 300), "reason has at most 200"),
        (lambda one: one.mark([], "queued"), "at least one sample"),
        (lambda one: one.remove(["x"]), "has no sample 'x'"),
        (lambda one: one.exported(["x"], "csv"), "has no sample 'x'"),
        (lambda one: one.waiting(2), "no export 2; it was never exported"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    queue: LabelQueue, call: object, says: str
) -> None:
    queue.add(chosen("a"))
    with pytest.raises(UsageError, match=says):
        call(queue)
    assert len(list(queue.folder.iterdir())) == 1


EVENT = st.tuples(st.sampled_from(label_events.EVENTS), st.sampled_from("abc"))


@given(st.lists(EVENT, max_size=12))
def test_folding_does_what_a_plain_reading_of_the_events_does(said: list[tuple[str, str]]) -> None:
    schema = label_events.SCHEMA.append(pa.field("batch", pa.int32()))
    rows = [
        {"event": event, "sample_id": sample, "label": "l" * (event == "labeled"), "batch": place}
        for place, (event, sample) in enumerate(said)
    ]
    found = fold(pa.Table.from_pylist(rows, schema=schema), {}).to_pylist()
    state: dict[str, str] = {}
    place: dict[str, tuple[int, int]] = {}
    for at, (event, sample) in enumerate(said):
        if event == "removed":
            state.pop(sample, None)
            place.pop(sample, None)
            continue
        state.setdefault(sample, "queued")
        place.setdefault(sample, (at, 0))
        if event == "queued" and not place[sample][1]:
            place[sample] = (at, 1)  # where it was queued, else where it first came up
        if event in ("labeled", "rejected"):
            state[sample] = event
        elif event == "returned":
            state[sample] = "queued"
        elif event == "exported" and state[sample] == "queued":
            state[sample] = "exported"
    in_order = sorted(state, key=lambda sample: place[sample][0])
    assert [(row["sample_id"], row["state"]) for row in found] == [
        (sample, state[sample]) for sample in in_order
    ]
    assert all((row["label"] == "l") == (row["state"] == "labeled") for row in found)


# --- Exports ---


def test_an_export_has_a_number_and_can_be_made_again(queue: LabelQueue) -> None:
    queue.add(chosen("a", "b", "c"))
    assert queue.waiting() == queue.waiting(new=True) == ["a", "b", "c"]
    first = queue.exported(["b", "a"], "label-studio", by="Ann")
    assert (first.number, first.format, first.samples, first.by) == (1, "label-studio", 2, "Ann")
    assert queue.exported(["c"], "csv").number == 2
    queue.mark(["a"], "labeled", labels="coat")
    queue.remove(["c"])
    assert [one.number for one in queue.batches()] == [1, 2]
    assert queue.waiting() == ["b"]
    assert queue.waiting(new=True) == queue.waiting(2) == []
    assert queue.waiting(1) == ["b", "a"]
    with pytest.raises(UsageError, match="no export 3; there are 1 to 2"):
        queue.waiting(3)


def test_a_damaged_export_keeps_its_number(queue: LabelQueue) -> None:
    queue.add(chosen("a", "b"))
    queue.exported(["a"], "csv")
    path = next(queue.folder.glob("*-exported.parquet"))
    queue.exported(["b"], "csv")
    path.write_bytes(b"PAR1")
    assert [(one.number, one.samples) for one in queue.batches()] == [(1, None), (2, 1)]
    assert queue.waiting(2) == ["b"]
    assert queue.waiting(1) == []
    assert states(queue) == {"a": "queued", "b": "exported"}


# --- Figures ---


def test_a_queue_in_figures(place: Workspace, queue: LabelQueue) -> None:
    queue.add(chosen("a", "b", "c"), by="Ann")
    queue.add(chosen("d", group="dawn", rank=2), by="Ben")
    queue.mark(["a"], "labeled", labels="coat", by="Cy")
    queue.mark(["d"], "rejected", why=NOT_OF_GROUP, by="Cy")
    (found,) = place.label_queues()
    assert (found.name, found.total, found.done) == ("dusk", 4, 2)
    assert found.states == {"queued": 2, "exported": 0, "labeled": 1, "rejected": 1}
    assert [(one.group, one.aggressor, one.run_id, one.total) for one in found.groups] == [
        ("dusk", 1, "r1", 3),
        ("dawn", 2, "r1", 1),
    ]
    assert found.groups[0].states["labeled"] == 1
    assert found.by == ("Ann", "Ben", "Cy")
    assert "2026" <= found.created <= found.changed
    assert found == place.label_queues()[0]
    place.label_queue("empty").set_quota(Quota(total=5))
    empty = place.label_queues()[1]
    assert (empty.name, empty.total, empty.created, empty.groups) == ("empty", 0, "", ())
    assert set(empty.states) == set(STATES)


def test_a_changed_file_is_read_anew(queue: LabelQueue) -> None:
    queue.add(chosen("a"))
    assert ids(queue) == ["a"]
    (path,) = queue.folder.iterdir()
    parquet.write_table(pa.table({"sample_id": ["b", "c"]}), path)
    os.utime(path, ns=(1, 1))
    assert ids(queue) == ["b", "c"]
