"""Pieces of work that appear whole or not at all."""

import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from aggressors import runner
from aggressors.errors import WorkspaceError
from aggressors.store.shards import Facts, Pieces
from aggressors.store.workspace import Workspace
from planted import PlantedSource
from store import crashing

FACTS = Facts("digest", {"infer": 1.5})


def _tables(n: int = 3) -> dict[str, pa.Table]:
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(2.0 * n), pa.float32()), 2)
    return {
        "samples": pa.table({"sample_id": [f"{row}" for row in range(n)], "label": pa.nulls(n)}),
        "embeddings": pa.table({"vector": vectors}),
    }


def test_a_piece_comes_back_as_it_was_with_its_facts(tmp_path: Path) -> None:
    pieces = Pieces(tmp_path)
    assert pieces.facts("shards/a") is None
    pieces.write("shards/a", _tables(), FACTS)
    assert pieces.facts("shards/a") == FACTS
    assert pieces.is_finished("shards/a", "digest")
    assert not pieces.is_finished("shards/a", "another digest")
    read = pieces.read("shards/a")
    assert read == _tables()
    assert read["embeddings"]["vector"].type == pa.list_(pa.float32(), 2)
    assert pieces.read("shards/a", ["samples", "media"]).keys() == {"samples"}


def test_a_piece_made_from_another_input_is_replaced(tmp_path: Path) -> None:
    pieces = Pieces(tmp_path)
    pieces.write("a", _tables(3), FACTS)
    pieces.write("a", {"samples": _tables(5)["samples"]}, Facts("new", {}))
    assert pieces.facts("a") == Facts("new", {})
    assert {name: table.num_rows for name, table in pieces.read("a").items()} == {"samples": 5}


def test_leftovers_are_swept_and_never_read(tmp_path: Path) -> None:
    pieces = Pieces(tmp_path)
    pieces.write("shards/a", _tables(), FACTS)
    (tmp_path / "shards" / "b.0123abcd.tmp").mkdir()
    (tmp_path / "shards" / "b.0123abcd.tmp" / "samples.parquet").write_bytes(b"PAR1")
    (tmp_path / "shards" / "a" / "notes.txt").write_text("left by somebody")
    pieces.sweep()
    assert (tmp_path / "shards" / "b.0123abcd.tmp").is_dir()  # it may be being written
    pieces.sweep(older_than=0)
    assert [path.name for path in (tmp_path / "shards").iterdir()] == ["a"]
    assert pieces.read("shards/a").keys() == {"samples", "embeddings"}


def test_a_piece_that_another_process_swept_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="is gone"):
        Pieces(tmp_path).read("shards/a")


def test_a_piece_whose_facts_are_torn_counts_as_not_there(tmp_path: Path) -> None:
    pieces = Pieces(tmp_path)
    pieces.write("a", _tables(), FACTS)
    (tmp_path / "a" / "facts.json").write_text('{"input_dig')
    assert not pieces.is_finished("a", "digest")
    pieces.write("a", _tables(), FACTS)
    assert pieces.is_finished("a", "digest")


def test_writers_of_the_same_piece_do_not_disturb_each_other(tmp_path: Path) -> None:
    pieces = Pieces(tmp_path)
    failures: list[Exception] = []

    def write() -> None:
        try:
            for number in range(12):
                pieces.write(f"shards/{number}", _tables(), FACTS)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert all(pieces.read(f"shards/{number}") == _tables() for number in range(12))
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_full_disk_is_named_and_the_run_goes_on_once_there_is_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "load_stages", lambda: crashing.STAGES)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 1_020_000)
    workspace = Workspace.open(small_disk / "workspace", create=True)
    source = PlantedSource(n=100, with_populations=("validation",), with_embedding=True)
    with pytest.raises(WorkspaceError, match="no space left on device") as caught:
        runner.run(source, workspace)
    assert caught.value.exit_code == 4
    assert str(workspace.work) in str(caught.value)
    assert not list(workspace.work.rglob("*.tmp"))
    filler.unlink()
    with pytest.raises(WorkspaceError, match=r"runs.*no space left on device"):
        runner.run(source, workspace)
    assert not list(workspace.runs.iterdir())
    assert list(workspace.work.glob("*/group/facts.json"))
