"""Label queues: kept in order, written by many at once, and never lost to a damaged file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from aggressors.errors import UsageError, WorkspaceError
from aggressors.store import label_events
from aggressors.store.label_queues import NOT_OF_GROUP, STATES, UNUSABLE, LabelQueue, Quota
from aggressors.store.label_states import fold
from aggressors.store.workspace import Workspace


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def queue(place: Workspace) -> LabelQueue:
    return place.label_queue("dusk")


def chosen(*ids: str, rank: int = 1, group: str = "dusk", **more: object) -> pa.Table:
    n = len(ids)
    columns = {"sample_id": list(ids), "run_id": ["r1"] * n, "aggressor": [rank] * n}
    return pa.table(
        columns | {"group": [group] * n} | {key: [one] * n for key, one in more.items()}
    )


def ids(queue: LabelQueue, *states: str) -> list[str]:
    return queue.rows(*states)["sample_id"].to_pylist()


def states(queue: LabelQueue) -> dict[str, str]:
    rows = queue.rows()
    return dict(zip(rows["sample_id"].to_pylist(), rows["state"].to_pylist(), strict=True))


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


# --- Quotas ---


def test_a_quota_takes_the_first_that_fit(queue: LabelQueue) -> None:
    queue.set_quota(Quota(total=6, at_most=3, of={"dawn": 1}), by="Ann")
    assert queue.quota == Quota(6, 3, None, {"dawn": 1})
    first = queue.add(chosen("a", "b", "c", "d"))
    assert (first.added, first.over_quota) == (("a", "b", "c"), ("d",))
    assert first.sentence == "Added 3; 1 left out by the quota."
    assert queue.add(chosen("e", "f", group="dawn", rank=2)).added == ("e",)
    third = queue.add(chosen("g", "h", "i", group="noon", rank=3))
    assert (third.added, third.over_quota) == (("g", "h"), ("i",))  # six in all
    queue.mark(["a"], "rejected", why=NOT_OF_GROUP)
    queue.remove(["g"])
    assert queue.add(chosen("d", "k")).added == ("d",)  # what was rejected takes no place
    queue.set_quota(Quota())
    assert not queue.quota.limits
    assert queue.add(chosen("k", "l")).added == ("k", "l")


def test_a_share_is_of_the_total() -> None:
    assert Quota(total=100, share=0.29).room("g") == 29
    assert Quota(total=100, at_most=10, share=0.29).room("g") == 10
    assert Quota(total=100, share=0.29, of={"g": 50}).room("g") == 50
    for wrong in ({"share": 0.5}, {"total": -1}, {"total": 5, "share": 1.5}, {"of": {"g": -1}}):
        with pytest.raises(UsageError):
            Quota(**wrong)


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"total": "many"}', b'{"share": 0.5}', b"\xff", b'{"total": true}']
)
def test_a_broken_quota_is_named_and_the_one_before_holds(
    queue: LabelQueue, content: bytes
) -> None:
    queue.set_quota(Quota(total=2))
    (queue.folder / "99999999999999999999-00000000.quota.json").write_bytes(content)
    assert queue.quota == Quota(total=2)
    assert "is no quota" in queue.broken[0]
    assert len(queue.add(chosen("a", "b", "c")).added) == 2


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


# --- Old, broken and foreign files ---


def test_batches_of_the_first_version_are_read(queue: LabelQueue) -> None:
    old = pa.table(
        {
            "sample_id": ["a", "b"],
            "run_id": ["r1", "r1"],
            "aggressor": pa.array([3, None], pa.int32()),
        }
    )
    queue.folder.mkdir(parents=True)
    parquet.write_table(old, queue.folder / "01767225600000000000-0123abcd.parquet")
    first, second = queue.rows().to_pylist()
    assert (first["state"], first["aggressor"], second["aggressor"]) == ("queued", 3, None)
    assert first["queued_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert [(one.group, one.aggressor, one.total) for one in queue.summary().groups] == [
        ("", 3, 1),
        ("", None, 1),
    ]
    assert queue.add(chosen("a", "c")).added == ("c",)
    assert queue.broken == ()


def test_a_batch_that_pandas_wrote_is_read(queue: LabelQueue) -> None:
    queue.folder.mkdir(parents=True)
    odd = pa.table({"sample_id": [1, 2], "aggressor": [1.0, float("nan")]})
    parquet.write_table(odd, queue.folder / "1.parquet")
    assert ids(queue) == ["1", "2"]
    assert queue.rows()["aggressor"].to_pylist() == [1, None]


@pytest.mark.parametrize(
    "content",
    [
        b"PAR1",
        b"",
        {"id": ["a"]},
        {"sample_id": [["a"]]},
        {"sample_id": ["a", None]},
        {"sample_id": ["a"], "event": ["evil"]},
        {"sample_id": ["a"], "event": pa.array([None], pa.string())},
        {"sample_id": ["a"], "aggressor": ["one"]},
        {"sample_id": ["a"], "aggressor": [1.5]},
    ],
)
def test_a_broken_batch_is_named_and_the_others_stay(
    place: Workspace, queue: LabelQueue, content: object
) -> None:
    queue.add(chosen("a"))
    path = queue.folder / "00000000000000000001-foreign.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        parquet.write_table(pa.table(content), path)
    assert ids(queue) == ["a"]
    (sentence,) = queue.broken
    assert "foreign.parquet is no label batch" in sentence
    assert place.label_queues()[0].broken == (sentence,)
    queue.mark(["a"], "labeled", labels="coat")
    assert states(queue) == {"a": "labeled"}


def test_what_is_no_queue_is_no_queue(place: Workspace) -> None:
    place.labels.mkdir()
    (place.labels / "Notes of mine").mkdir()
    (place.labels / "notes.txt").write_text("")
    assert place.queues() == []
    assert place.label_queues() == []


# --- Many at once, and crashes ---


def test_many_windows_at_once_lose_nothing(place: Workspace) -> None:
    def work(start: int) -> None:
        queue = Workspace(place.root).label_queue("dusk")
        for step in range(8):
            one = f"{start}-{step}"
            queue.add(chosen(one, "shared"), by=f"window {start}")
            queue.mark([one], "labeled", labels=f"class {start}")

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue = place.label_queue("dusk")
    rows = queue.rows().to_pylist()
    assert Counter(row["state"] for row in rows) == {"labeled": 32, "queued": 1}
    assert all(
        row["label"] == f"class {row['sample_id'][0]}" for row in rows if row["state"] == "labeled"
    )
    assert queue.broken == ()


ADDS = """
import sys
from pathlib import Path
import pyarrow as pa
from aggressors.store.workspace import Workspace
folder, who = sys.argv[1:]
queue = Workspace(Path(folder)).label_queue("dusk")
for step in range(15):
    added = queue.add(pa.table({"sample_id": [f"{who}-{step}", f"both-{step}"]}), by=who)
    queue.mark([f"{who}-{step}"], "labeled", labels=who, by=who)
"""


def test_two_processes_at_once_lose_nothing_and_queue_nothing_twice(place: Workspace) -> None:
    names = ("ann", "ben")
    running = [
        subprocess.Popen([sys.executable, "-c", ADDS, str(place.root), name]) for name in names
    ]
    assert [one.wait(timeout=120) for one in running] == [0, 0]
    rows = place.label_queue("dusk").rows().to_pylist()
    assert len(rows) == len({row["sample_id"] for row in rows}) == 45
    assert Counter(row["label"] for row in rows) == {"ann": 15, "ben": 15, None: 15}
    assert all(row["by"] == row["label"] for row in rows if row["label"])


DIES = """
import os, signal, sys
from pathlib import Path
from aggressors.store import files, label_events
from aggressors.store.workspace import Workspace
folder, moment = sys.argv[1:]
queue = Workspace(Path(folder)).label_queue("dusk")
die = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
if moment == "writing":
    write = label_events.parquet.write_table
    def half(table, path):
        write(table, path)
        with open(path, "r+b") as file:
            file.truncate(100)
        die()
    label_events.parquet.write_table = half
elif moment == "before the rename":
    files.os.replace = die
else:
    replace = os.replace
    files.os.replace = lambda *given: (replace(*given), die())
queue.mark(["a", "b"], "labeled", labels=["coat", "boot"])
"""


@pytest.mark.skipif(os.name == "nt", reason="no kill -9")
@pytest.mark.parametrize(
    ("moment", "there"), [("writing", 0), ("before the rename", 0), ("after the rename", 2)]
)
def test_a_writer_that_is_killed_leaves_a_whole_batch_or_none(
    place: Workspace, queue: LabelQueue, moment: str, there: int
) -> None:
    queue.add(chosen("a", "b"))
    done = subprocess.run([sys.executable, "-c", DIES, str(place.root), moment])
    assert done.returncode == -signal.SIGKILL
    assert len(ids(queue, "labeled")) == there
    assert queue.broken == ()
    queue.mark(["a"], "rejected", why=UNUSABLE)
    assert states(queue)["a"] == "rejected"


def test_a_full_disk_is_told(queue: LabelQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(label_events.parquet, "write_table", full)
    with pytest.raises(WorkspaceError, match="no space left"):
        queue.add(chosen("a"))
    assert list(queue.folder.iterdir()) == []


def test_a_quota_file_says_who_set_it(queue: LabelQueue) -> None:
    queue.set_quota(Quota(total=9), by="Ann")
    (path,) = queue.folder.glob("*.quota.json")
    told = json.loads(path.read_text())
    assert (told["total"], told["by"]) == (9, "Ann")
