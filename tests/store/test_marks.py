"""Marks: kept, taken back, written by many at once, and never lost to a damaged file."""

from __future__ import annotations

import errno
import os
import threading
from datetime import datetime

import pyarrow as pa
import pytest
from pyarrow import parquet

from aggressors.errors import UsageError, WorkspaceError
from aggressors.store.marks import Marks
from aggressors.store.workspace import Workspace


def said(marks: Marks) -> list[tuple[str, str, str]]:
    return [one.about for one in marks.held]


def test_a_mark_is_kept_with_where_and_when_it_was_made(place: Workspace) -> None:
    assert place.read_marks() == Marks((), ())
    path = place.append_marks(["s1"], "not-of-group", run_id="r1", group="dusk < 0.2", concept_id=3)
    assert path.parent == place.root / "marks"
    (one,) = place.read_marks().held
    assert one.about == ("s1", "not-of-group", "dusk < 0.2")
    assert (one.run_id, one.concept_id) == ("r1", 3)
    assert one.created.startswith("20")
    assert one.created.endswith("+00:00")
    columns = parquet.read_table(path).column_names
    assert columns == ["sample_id", "mark", "undone", "group", "run_id", "concept_id", "created"]


def test_the_last_word_about_a_sample_holds(place: Workspace) -> None:
    place.append_marks(["s1", "s2"], "label-wrong", run_id="r1")
    place.append_marks(["s1"], "not-of-group", run_id="r1", group="a", concept_id=1)
    place.append_marks(["s1"], "not-of-group", run_id="r1", group="b", concept_id=2)
    place.append_marks(["s1"], "label-wrong", run_id="r2", undone=True)
    place.append_marks(["s1"], "not-of-group", run_id="r1", group="a", concept_id=1, undone=True)
    assert said(place.read_marks()) == [
        ("s2", "label-wrong", ""),
        ("s1", "not-of-group", "b"),
    ]
    place.append_marks(["s1"], "label-wrong", run_id="r3")
    assert said(place.read_marks())[-1] == ("s1", "label-wrong", "")


def test_an_undo_of_what_was_never_said_changes_nothing(place: Workspace) -> None:
    place.append_marks(["s1"], "label-wrong", run_id="r1", undone=True)
    assert place.read_marks().held == ()


def test_many_dashboards_at_once_lose_no_mark(place: Workspace) -> None:
    def mark(start: int) -> None:
        for step in range(10):
            Workspace(place.root).append_marks([f"{start}-{step}"], "label-wrong", run_id="r")

    threads = [threading.Thread(target=mark, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(place.read_marks().held) == 40


@pytest.mark.parametrize(
    "content",
    [
        b"PAR1",
        b"",
        {"sample_id": ["a"]},
        {"sample_id": ["a"], "mark": ["evil"], "undone": [False], "group": [""], "run_id": [""],
         "concept_id": [None], "created": [None]},
        {"sample_id": ["s1"], "mark": ["not-of-group"], "undone": [False], "group": [None],
         "run_id": ["r1"], "concept_id": [1], "created": [datetime(2026, 1, 1)]},
        {"sample_id": ["s2"], "mark": ["label-wrong"], "undone": [False], "group": ["dusk"],
         "run_id": ["r1"], "concept_id": [1], "created": [datetime(2026, 1, 1)]},
        {"sample_id": [[1]], "mark": ["label-wrong"], "undone": [False], "group": [""],
         "run_id": [""], "concept_id": [1], "created": ["yesterday"]},
    ],
)  # fmt: skip
def test_a_damaged_file_is_named_and_the_others_hold(
    place: Workspace, content: bytes | dict[str, list[object]]
) -> None:
    place.append_marks(["s1"], "label-wrong", run_id="r1")
    foreign = place.marks / "00000000000000000000-foreign.parquet"
    if isinstance(content, bytes):
        foreign.write_bytes(content)
    else:
        parquet.write_table(pa.table(content), foreign)
    found = place.read_marks()
    assert said(found) == [("s1", "label-wrong", "")]
    (reason,) = found.broken
    assert foreign.name in reason
    assert "Move it away" in reason
    foreign.unlink()
    assert place.read_marks().broken == ()


def test_a_column_that_is_missing_is_named(place: Workspace) -> None:
    path = place.append_marks(["s1"], "label-wrong", run_id="r1")
    parquet.write_table(parquet.read_table(path).drop_columns(["group"]), path)
    assert "it has no column group" in place.read_marks().broken[0]


def test_a_batch_that_went_through_pandas_is_read(place: Workspace) -> None:
    path = place.append_marks(["s1", "s2"], "not-of-group", run_id="r", group="a", concept_id=3)
    frame = parquet.read_table(path).to_pandas()
    frame["concept_id"] = [3.0, None]
    parquet.write_table(pa.Table.from_pandas(frame), path)
    assert [one.concept_id for one in place.read_marks().held] == [3, None]


@pytest.mark.parametrize("odd", [1.5, float("inf")])
def test_a_concept_that_is_no_whole_number_is_told(place: Workspace, odd: float) -> None:
    path = place.append_marks(["s1", "s2"], "not-of-group", run_id="r", group="a", concept_id=3)
    table = parquet.read_table(path)
    for second, broken in ((0.0, False), (float("nan"), False), (odd, True)):
        ids = pa.array([3.0, second], from_pandas=False)
        parquet.write_table(table.set_column(5, "concept_id", ids), path)
        os.utime(path, ns=(1, path.stat().st_mtime_ns + 1_000_000))
        found = place.read_marks()
        if broken:
            assert found.held == ()
            assert f"concept_id {odd}" in found.broken[0]
        else:
            assert [one.concept_id for one in found.held] == [3, None if second else 0]


def test_what_a_killed_process_left_is_no_mark(place: Workspace) -> None:
    place.append_marks(["s1"], "label-wrong", run_id="r1")
    (place.marks / ".half.parquet").write_bytes(b"PAR1")
    (place.marks / ".0001.parquet.abcd.tmp").write_bytes(b"PA")
    assert place.read_marks().broken == ()


@pytest.mark.parametrize(
    ("ids", "mark", "group", "says"),
    [
        (["a"], "ugly", "", "no mark 'ugly'"),
        ([], "label-wrong", "", "at least one sample"),
        (["a"], "label-wrong", "dusk", "has no group"),
        (["a"], "not-of-group", "", "needs a group"),
    ],
)
def test_what_is_refused(place: Workspace, ids, mark, group, says) -> None:
    with pytest.raises(UsageError, match=says):
        place.append_marks(ids, mark, run_id="r1", group=group)
    assert not place.marks.exists()


def test_a_disk_that_is_full_is_said_in_a_few_words(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        error = OSError("Error writing bytes to file. Detail: [errno 28] No space left on device")
        error.errno = errno.ENOSPC
        raise error

    monkeypatch.setattr(parquet, "write_table", full)
    with pytest.raises(WorkspaceError, match=r"marks/\S+\.parquet: no space left on device\. Free"):
        place.append_marks(["a"], "label-wrong", run_id="r1")
    assert not list(place.marks.iterdir())


def test_a_workspace_that_cannot_be_written_says_so(place: Workspace) -> None:
    place.marks.write_text("a file where the folder should be")
    with pytest.raises(WorkspaceError, match="Cannot write"):
        place.append_marks(["a"], "label-wrong", run_id="r1")


def test_tags_stand_beside_each_other_and_are_taken_back_one_by_one(place: Workspace) -> None:
    for tag in ("dark", "odd", "dark"):
        place.append_marks(["s1"], "tag", run_id="r1", group=tag)
    assert said(place.read_marks()) == [("s1", "tag", "odd"), ("s1", "tag", "dark")]
    place.append_marks(["s1"], "tag", run_id="r2", group="odd", undone=True)
    assert said(place.read_marks()) == [("s1", "tag", "dark")]
    for tag, why in (("", "needs a name"), ("x" * 41, "1 to 40"), ("a\x07", "printable")):
        with pytest.raises(UsageError, match=why):
            place.append_marks(["s1"], "tag", run_id="r1", group=tag)
