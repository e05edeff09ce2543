"""Decisions as files: written by many at once, edited by hand, and never lost to a damaged one."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from aggressors.errors import InputError, UsageError, WorkspaceError
from aggressors.store import triage
from aggressors.store.triage import Decision, list_decisions, read_decision, write_decision
from aggressors.store.workspace import Workspace

PLAIN = Decision(
    slug="", word="accepted", why="", author="ana", created_at="2026-11-01T12:00:00.000+00:00",
    run_id="v1-0000", run_name="v1", model_run="v1-0000",
    model_created_at="2026-10-01T00:00:00+00:00", task="classification", rank=1,
    name="brightness < 0.2", rule="brightness < 0.2", members=0, samples="", follows="",
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def kept(place: Workspace, ids: list[str] | None = None, **values: object) -> Decision:
    return write_decision(place, replace(PLAIN, **values), ids or ["s1", "s2"])  # type: ignore[arg-type]


def edit(place: Workspace, one: Decision, **values: object) -> Path:
    path = place.triage / f"{one.slug}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return path


def test_a_decision_reads_well_in_a_review_and_its_members_stand_beside(place: Workspace) -> None:
    assert list_decisions(place) == ([], [])
    made = kept(place, ["b", "a", "b"], word="dismissed", why="noise")
    assert made.slug.startswith("20261101-120000-dismissed-")
    assert (made.members, made.why) == (2, "noise")
    names = sorted(path.name for path in place.triage.iterdir())
    assert names == sorted([f"{made.slug}.json", f"{made.samples}.parquet"])
    assert parquet.read_table(place.triage / f"{made.samples}.parquet").to_pydict() == {
        "sample_id": ["a", "b"]
    }
    text = (place.triage / f"{made.slug}.json").read_text()
    assert '\n  "why": "noise",\n' in text
    assert json.loads(text)["schema_version"] == 1
    assert list_decisions(place) == ([made], [])


def test_decisions_about_one_group_share_its_members(place: Workspace) -> None:
    first, second = kept(place, ["a", "b"]), kept(place, ["b", "a"], word="fixed")
    other = kept(place, ["a"])
    assert first.samples == second.samples != other.samples
    assert len(list(place.triage.glob("*.parquet"))) == 2


def test_the_oldest_comes_first_whatever_the_zone(place: Workspace) -> None:
    times = ["2026-11-01T12:00:00+02:00", "2026-11-01T10:30:00", "2026-11-01T09:00:00+00:00"]
    for time in times:
        kept(place, created_at=time)
    found = [one.created_at for one in list_decisions(place)[0]]
    assert found == [times[2], times[0], times[1]]


DECIDES = """
import json, sys
from pathlib import Path
from aggressors.store.triage import Decision, write_decision
from aggressors.store.workspace import Workspace
folder, who, plain = sys.argv[1:]
for step in range(15):
    one = Decision(**{**json.loads(plain), "author": f"{who}-{step}"})
    write_decision(Workspace(Path(folder)), one, ["a", "b"])
"""


def test_two_processes_that_decide_at_once_lose_nothing(place: Workspace) -> None:
    plain = json.dumps(asdict(PLAIN))
    running = [
        subprocess.Popen([sys.executable, "-c", DECIDES, str(place.root), who, plain])
        for who in ("ann", "ben")
    ]
    assert [one.wait(timeout=120) for one in running] == [0, 0]
    found, wrong = list_decisions(place)
    assert {one.author for one in found} == {
        f"{who}-{step}" for who in ("ann", "ben") for step in range(15)
    }
    assert (len(found), wrong) == (30, [])


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("word", "ignored", "'word' cannot be used: There is no word 'ignored'"),
        ("why", "", "'why' cannot be used: To dismiss an aggressor .* needs a reason"),
        ("why", 3, "'why' must be a text; got 3"),
        ("rank", "1", "'rank' must be a whole number; got '1'"),
        ("created_at", "yesterday", "'created_at' must be a time such as"),
        ("model_created_at", "", "'model_created_at' must be a time such as"),
        ("run_id", "../../etc/passwd", "'run_id' must be the id of a run"),
        ("model_run", "a/b", "'model_run' must be the id of a run"),
        ("samples", "../secret", "'samples' must be the name of a Parquet file beside it"),
        ("samples", "gone", "'samples' is 'gone', but there is no gone.parquet beside it"),
        ("members", 7, "'members' is 7 but .* holds 2"),
        ("slug", "other", "'slug' is 'other' but the file is called"),
        ("schema_version", 2, "'schema_version' is 2, this version of aggressors reads 1"),
        ("schema_version", 0, "'schema_version' must be 1; got 0"),
        ("mood", "good", "there is no field 'mood'"),
    ],
)
def test_a_mistake_of_a_hand_names_file_and_field_and_leaves_the_others(
    place: Workspace, field: str, value: object, says: str
) -> None:
    fine = kept(place)
    path = edit(place, kept(place, word="dismissed", why="noise"), **{field: value})
    found, wrong = list_decisions(place)
    assert found == [fine]
    (one,) = wrong
    assert one.slug == path.stem
    assert path.name in one.reason
    with pytest.raises(InputError, match=says):
        read_decision(place, path.stem)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"word": "fixed"}'])
def test_nonsense_is_named(place: Workspace, content: str) -> None:
    fine = kept(place)
    (place.triage / "odd.json").write_text(content)
    found, wrong = list_decisions(place)
    assert found == [fine]
    assert "odd.json" in wrong[0].reason


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PAR1", "cannot be read"),
        ({"id": ["a", "b"]}, "it has no column sample_id"),
        ({"sample_id": ["a", None]}, "a sample_id is missing"),
        ({"sample_id": ["a", "a"]}, "'members' is 2 but"),
        ({"sample_id": ["a", "b", "c"]}, "'members' is 2 but"),
    ],
)
def test_members_that_are_damaged_are_named(
    place: Workspace, content: bytes | dict[str, list[object]], says: str
) -> None:
    fine, broken = kept(place, ["x"]), kept(place)
    path = place.triage / f"{broken.samples}.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        parquet.write_table(pa.table(content), path)
    found, wrong = list_decisions(place)
    assert found == [fine]
    assert says in wrong[0].reason
    assert broken.slug in wrong[0].reason


def test_to_decide_again_mends_the_members(place: Workspace) -> None:
    broken = kept(place)
    (place.triage / f"{broken.samples}.parquet").write_bytes(b"PAR1")
    again = kept(place)
    assert sorted(list_decisions(place)[0], key=str) == sorted([broken, again], key=str)


def test_ids_that_went_through_pandas_are_read(place: Workspace) -> None:
    made = kept(place, ["1", "2"])
    path = place.triage / f"{made.samples}.parquet"
    parquet.write_table(
        pa.table({"sample_id": pa.array(["1", "2"], pa.large_string()), "more": [0, 0]}), path
    )
    assert list_decisions(place) == ([made], [])


def test_what_a_killed_process_left_is_no_decision(place: Workspace) -> None:
    made = kept(place)
    (place.triage / "0123456789abcdef.parquet").write_bytes(b"PAR1")  # its decision never came
    (place.triage / ".20261101.json.abcd.tmp").write_text("{")
    (place.triage / ".half.json").write_text("{")
    assert list_decisions(place) == ([made], [])


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"word": "back"}, "no word 'back'"),
        ({"word": "dismissed"}, "needs a reason"),
        ({"why": "x" * 501}, "at most 500"),
    ],
)
def test_what_is_refused_is_not_written(
    place: Workspace, values: dict[str, str], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        kept(place, **values)
    assert not place.triage.exists()


def test_a_workspace_that_cannot_be_written_says_so(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("aggressors.store.files.fsync", full)
    with pytest.raises(WorkspaceError, match=r"no space left on device\. Free some space"):
        kept(place)
    assert not list(place.triage.iterdir())


def test_a_crash_between_the_two_files_shows_nothing(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*args: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(triage, "place_new", killed)
        with pytest.raises(KeyboardInterrupt):
            kept(place)
    assert list_decisions(place) == ([], [])
    again = kept(place)
    assert list_decisions(place) == ([again], [])
