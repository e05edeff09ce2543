"""A derived run: the parent's tables but for what is new, whole or not at all, and nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from aggressors import adding
from aggressors.errors import RunCorrupt, StageError, WorkspaceError
from aggressors.store import derive as copying
from aggressors.store import files
from aggressors.store.read import open_run, read_summary
from aggressors.store.schema import BY_NAME
from aggressors.store.workspace import Workspace
from planted import empty_run, planted_run, tiny_run
from queried import ODD, queried
from versions import publish_version

ANEW = {
    "run", "stages", "metadata", "metadata_fields", "correlations", "fields_aside", "aggressors",
}  # fmt: skip
ROWS = {"missing_values", "outlier_score", "row_duplicates"}


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A run with every table that the engine fills."""
    workspace = Workspace.open(tmp_path_factory.mktemp("analysed"), create=True)
    planted_run(workspace, name="v1")
    return workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace.open(tmp_path / "work space", create=True)
    publish_version(place, "v1", day=1)
    return place


def rows(path: Path | str, table: str, columns: str = "*") -> list[tuple[object, ...]]:
    sql = "SELECT {} FROM {}"
    with open_run(path) as opened:
        return opened.cursor().execute(sql.format(columns, table)).fetchall()


def ids_of(path: Path | str) -> list[str]:
    return [str(row[0]) for row in rows(path, "samples", "sample_id")]


def vegetation(path: Path | str) -> pa.Table:
    """Two fields for all samples but every fifth, in another order than the run's."""
    ids = [one for place, one in enumerate(ids_of(path)) if place % 5]
    shuffled = np.random.default_rng(4).permutation(len(ids))
    return pa.table(
        {
            "sample_id": [ids[place] for place in shuffled],
            "vegetation": [("dense", "sparse", "ünder 'tree'")[place % 3] for place in shuffled],
            "distance": [float(place) for place in shuffled],
        }
    )


def test_every_table_is_the_parents_but_for_what_is_new(analysed: Workspace) -> None:
    parent = analysed.resolve("v1")
    before = parent.read_bytes()
    done = adding.add_metadata(parent, vegetation(parent), analysed)
    assert parent.read_bytes() == before
    for table in BY_NAME.keys() - ANEW - {"combinations"}:
        assert rows(done.path, table) == rows(parent, table), table
    for table, new in (("aggressors", "reasons"), ("combinations", "q_value")):
        kept = ", ".join(f'"{one.name}"' for one in BY_NAME[table].columns if one.name != new)
        assert rows(done.path, table, kept) == rows(parent, table, kept), table
    assert rows(done.path, "correlations") != rows(parent, "correlations")
    for filled in ("embeddings", "media", "assignments", "heatmaps", "mean_maps", "candidates"):
        assert rows(done.path, filled), filled
    with open_run(parent) as old, open_run(done.path) as new:
        kept_fields = [name for name in old.fields if name not in ROWS]
        listed = ", ".join(f'"{name}"' for name in kept_fields)
        assert rows(done.path, "metadata", listed) == rows(parent, "metadata", listed)
        assert all(new.fields[name] == old.fields[name] for name in kept_fields)
        assert (new.classes, new.dimensions) == (old.classes, old.dimensions)
        assert list(new.fields) == [
            "distance", "hour", "operator", "station", "vegetation", "brightness", "sharpness",
            "missing_values", "outlier_score",
        ]  # fmt: skip
        types = "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE table_name = ?"
        for table in BY_NAME.keys() - {"metadata"}:
            one, other = (run.cursor().execute(types, [table]).fetchall() for run in (old, new))
            assert one == other, table
        own = {row[0]: row[1:] for row in old.cursor().execute(types, ["metadata"]).fetchall()}
        now = {row[0]: row[1:] for row in new.cursor().execute(types, ["metadata"]).fetchall()}
        assert own.items() <= now.items()
        assert now["vegetation"] == (
            "ENUM('dense', 'sparse', 'ünder ''tree''')",
            "metadata field of kind category, from added",
        )


def test_values_stand_beside_their_samples_and_are_missing_where_none_is_given(
    workspace: Workspace,
) -> None:
    parent = workspace.resolve("v1")
    table = vegetation(parent)
    done = adding.add_metadata(parent, table, workspace)
    given = {row["sample_id"]: row for row in table.to_pylist()}
    with open_run(done.path) as opened:
        found = (
            opened.cursor()
            .execute(
                "SELECT sample_id, vegetation::VARCHAR, distance"
                " FROM samples JOIN metadata USING (row_id)"
            )
            .fetchall()
        )
        missing = opened.fields["vegetation"].missing
    assert len(found) == len(ids_of(parent))
    for sample_id, plant, distance in found:
        row = given.get(sample_id, {})
        assert (plant, distance) == (row.get("vegetation"), row.get("distance"))
    assert missing == done.missing["vegetation"] == len(found) - len(given) > 0


def test_the_derived_run_says_where_it_comes_from_also_over_two_steps(workspace: Workspace) -> None:
    parent = workspace.resolve("v1")
    first = adding.add_metadata(parent, vegetation(parent), workspace)
    rain = pa.table(
        {"sample_id": ids_of(parent), "rain": [True, False] * (len(ids_of(parent)) // 2)}
    )
    second = adding.add_metadata(Path(first.path), rain, workspace)
    assert first.name == "v1 + distance and vegetation"
    assert second.name == "v1 + distance and vegetation + rain"
    found = read_summary(second.path)
    assert (found.derived_from, found.derived_from_name) == ("v1-0000", "v1")
    assert found.added == ("distance", "rain", "vegetation")
    assert (found.model_name, found.task) == ("v1", "classification")
    stages = [row[0] for row in rows(second.path, "stages", "stage")]
    assert stages == ["add", "add", "survey", "correlate", "diagnose", "publish"]
    # The other way round, it is the same data in another run: each step is one of its own.
    other = adding.add_metadata(parent, rain, workspace)
    assert len({first.run_id, second.run_id, other.run_id}) == 3


def test_odd_names_and_a_run_without_classes_survive(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path, create=True)
    queried(workspace.runs).run.close()
    parent = workspace.resolve("v1")
    names = ['select "', "drop table; --", "日照 ½", "order", "a'b"]
    given = {name: list(range(len(ids_of(parent)))) for name in names}
    done = adding.add_metadata(parent, pa.table({"sample_id": ids_of(parent), **given}), workspace)
    with open_run(done.path) as opened:
        assert {*names, ODD} <= set(opened.fields)
    for name in names:
        quoted = name.replace('"', '""')
        assert rows(done.path, "metadata", f'max("{quoted}")') == [(len(ids_of(parent)) - 1.0,)]
    assert rows(done.path, "samples") == rows(parent, "samples")


def test_a_run_without_embedding_or_aggressor_can_be_widened_and_an_empty_one_not(
    tmp_path: Path,
) -> None:
    workspace = Workspace.open(tmp_path, create=True)
    tiny, empty = tiny_run(workspace), empty_run(workspace)
    given = pa.table({"sample_id": ids_of(tiny), "rain": list(range(12))})
    done = adding.add_metadata(tiny, given, workspace)
    assert done.aggressors == 0
    assert rows(done.path, "embeddings") == []
    with pytest.raises(adding.AggressorsError, match="12 ids belong to no sample"):
        adding.add_metadata(empty, given, workspace)


# --- Whole or not at all ---


def test_the_same_values_again_are_published_once_whatever_their_file_order_or_name(
    workspace: Workspace, tmp_path: Path
) -> None:
    parent = workspace.resolve("v1")
    table = vegetation(parent)
    first = adding.add_metadata(parent, table, workspace)
    made = Path(first.path).stat().st_mtime_ns
    again = table.take(pa.array(np.random.default_rng(9).permutation(len(table))))
    said: list[str] = []

    class Told(adding.show.Silent):
        def say(self, message: str) -> None:
            said.append(message)

    import pyarrow.csv as csv
    import pyarrow.parquet as parquet

    csv.write_csv(again.select(["distance", "sample_id", "vegetation"]), tmp_path / "a.csv")
    parquet.write_table(again.append_column("empty", pa.nulls(len(again))).select([0, 1, 2]),
                        tmp_path / "a.parquet")  # fmt: skip
    for given in (again, tmp_path / "a.csv", tmp_path / "a.parquet"):
        same = adding.add_metadata(parent, given, workspace, name="other", progress=Told())
        assert (same.run_id, same.name) == (first.run_id, first.name)
    assert Path(first.path).stat().st_mtime_ns == made
    assert "Already published" in said[0]
    assert f"under the name {first.name!r}, which stays" in said[0]
    changed = table.set_column(2, "distance", pa.array(np.arange(len(table)) + 0.5))
    assert adding.add_metadata(parent, changed, workspace).run_id != first.run_id


def test_a_broken_derived_run_is_made_again(workspace: Workspace) -> None:
    parent = workspace.resolve("v1")
    first = adding.add_metadata(parent, vegetation(parent), workspace)
    expected = rows(first.path, "metadata")
    Path(first.path).write_bytes(b"half")
    again = adding.add_metadata(parent, vegetation(parent), workspace)
    assert again.run_id == first.run_id
    assert rows(again.path, "metadata") == expected


SCRIPT = """
import os, signal, sys
from pathlib import Path
import pyarrow.parquet as parquet
from aggressors import adding
from aggressors.store import derive, files
from aggressors.store.workspace import Workspace
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
folder, table, moment = sys.argv[1:]
if moment == "correlating":
    adding.derive = die
elif moment == "copying":
    derive._widen = die
elif moment == "before the rename":
    files.os.replace = die
workspace = Workspace.open(folder)
print(adding.add_metadata(workspace.resolve("v1"), parquet.read_table(table), workspace).path)
"""


def _process(*arguments: object) -> subprocess.Popen[str]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


@pytest.fixture
def table(workspace: Workspace, tmp_path: Path) -> Path:
    import pyarrow.parquet as parquet

    parquet.write_table(vegetation(workspace.resolve("v1")), tmp_path / "given.parquet")
    return tmp_path / "given.parquet"


def test_a_process_that_is_killed_leaves_no_run_and_the_next_one_makes_it(
    workspace: Workspace, table: Path
) -> None:
    for moment in ("correlating", "copying", "before the rename"):
        process = _process(workspace.root, table, moment)
        _, told = process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, told
        assert [run.name for run in workspace.catalogue()[0]] == ["v1"]
        assert workspace.catalogue()[1] == []
    process = _process(workspace.root, table, "none")
    out, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert workspace.catalogue()[0][0].path == out.strip()
    # What was left half written is swept once it is old.
    for leftover in workspace.runs.glob(".*"):
        os.utime(leftover, (0, 0))
    files.sweep(workspace.runs)
    assert not list(workspace.runs.glob(".*"))


def test_two_at_the_same_time_publish_one_whole_run(workspace: Workspace, table: Path) -> None:
    both = [_process(workspace.root, table, "none") for _ in range(2)]
    told = [process.communicate(timeout=180) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert told[0][0] == told[1][0]
    assert len(workspace.catalogue()[0]) == 2
    assert not list(workspace.runs.glob(".*"))


def test_a_place_that_cannot_be_written_keeps_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(files.os, "replace", full)
    parent = workspace.resolve("v1")
    with pytest.raises(WorkspaceError, match="no space left"):
        adding.add_metadata(parent, vegetation(parent), workspace)
    assert [path.name for path in workspace.runs.iterdir()] == [parent.name]


# --- A file of a stranger ---


def test_a_parent_out_of_order_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    parent = tmp_path / "odd.duckdb"
    shutil.copy(workspace.resolve("v1"), parent)
    with duckdb.connect(parent) as database:
        database.execute("UPDATE metadata SET row_id = 5 WHERE row_id = 7")
    with pytest.raises(StageError, match=r"1 rows of .* are not in the order of its samples"):
        adding.add_metadata(parent, vegetation(parent), workspace)
    assert len(workspace.catalogue()[0]) == 1


def test_a_parent_that_computes_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    parent = tmp_path / "odd.duckdb"
    given = vegetation(workspace.resolve("v1"))
    shutil.copy(workspace.resolve("v1"), parent)
    with duckdb.connect(parent) as database:
        database.execute("CREATE VIEW v AS SELECT * FROM read_text('/etc/passwd')")
    with pytest.raises(RunCorrupt, match="a view or macro"):
        adding.add_metadata(parent, given, workspace)


def test_nothing_but_the_parent_can_be_read_while_it_is_copied(
    workspace: Workspace, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with duckdb.connect(tmp_path / "new.duckdb") as database:
        copying._attach(database, workspace.resolve("v1"))
        with pytest.raises(duckdb.PermissionException):
            database.execute("SELECT * FROM read_csv(?)", [str(secret)])
        with pytest.raises(duckdb.InvalidInputException):
            database.execute("SET enable_external_access = true")
        assert database.execute("SELECT count(*) FROM parent.samples").fetchone() != (0,)


def test_a_derived_run_that_names_no_run_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "odd.duckdb"
    shutil.copy(workspace.resolve("v1"), path)
    with duckdb.connect(path) as database:
        database.execute("UPDATE run SET derived_from = '../../x'")
    with pytest.raises(RunCorrupt, match=r"derived from '\.\./\.\./x', which is no run"):
        open_run(path)


def test_readers_go_on_while_a_run_is_derived(workspace: Workspace) -> None:
    parent = workspace.resolve("v1")
    seen: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(len(rows(parent, "samples")))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        adding.add_metadata(parent, vegetation(parent), workspace)
    finally:
        stop.set()
        reader.join()
    assert set(seen) == {len(ids_of(parent))}
