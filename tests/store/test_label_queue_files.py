"""Batches of label queues that are old, broken or foreign, written by many, or cut short."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pyarrow import parquet

from aggressors.errors import WorkspaceError
from aggressors.store import label_events
from aggressors.store.label_queues import UNUSABLE, LabelQueue
from aggressors.store.workspace import Workspace
from queues import chosen, ids, states

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
