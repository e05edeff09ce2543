"""Many runs summed up at once: as each by itself, and whatever is odd is left to that."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from aggressors.errors import RunCorrupt
from aggressors.store import read, sound, summaries
from aggressors.store.read import open_run, read_summary
from aggressors.store.summaries import read_summaries
from aggressors.store.workspace import Workspace
from planted import empty_run, tiny_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    tiny_run(tmp_path)
    empty_run(tmp_path)
    return tmp_path / "runs"


def changed(runs: Path, name: str, sql: str) -> Path:
    copy = Path(shutil.copy(next(runs.glob("tiny*.duckdb")), runs / f"{name}.duckdb"))
    with duckdb.connect(str(copy)) as database:
        database.execute(sql)
    return copy


def test_each_is_as_it_is_by_itself(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sorted(runs.glob("*.duckdb"))
    alone = {path: read_summary(path) for path in paths}
    assert read_summaries(paths) == alone
    assert {(one.name, one.loss_name != "") for one in alone.values()} == {
        ("tiny", True),
        ("empty", True),
    }
    monkeypatch.setattr(summaries, "AT_ONCE", 1)
    assert read_summaries(paths) == alone
    assert read_summaries([]) == {}


def test_a_file_that_somebody_holds_open_is_read_too(runs: Path) -> None:
    path = next(runs.glob("tiny*.duckdb"))
    with open_run(path) as opened:
        assert read_summaries([path])[path].run_id == opened.info.run_id
        with opened.asking() as cursor:
            assert cursor.execute("SELECT count(*) FROM samples").fetchall() == [(12,)]


def test_what_is_odd_is_left_out_and_hinders_no_other(runs: Path) -> None:
    fine = sorted(runs.glob("*.duckdb"))
    odd = [
        changed(runs, "macro", "CREATE MACRO count(x) AS 7"),
        changed(runs, "table-macro", "CREATE MACRO pragma_database_size() AS TABLE SELECT 1"),
        changed(runs, "view", "ALTER TABLE run RENAME TO r; CREATE VIEW run AS SELECT * FROM r"),
        changed(runs, "newer", "UPDATE run SET schema_version = 99"),
        changed(runs, "gone", "DROP TABLE aggressors"),
        changed(runs, "types", "ALTER TABLE run ALTER created_at TYPE VARCHAR"),
        changed(runs, "it's", "UPDATE run SET name = name"),
        changed(runs, "version", "ALTER TABLE run ALTER schema_version TYPE VARCHAR"),
        changed(runs, "nested", "UPDATE run SET settings = repeat('[', 5000) || repeat(']', 5000)"),
    ]
    os.mkfifo(runs / "pipe.duckdb")
    (runs / "loop.duckdb").symlink_to(runs / "loop.duckdb")
    strange = os.fsdecode(os.fsencode(runs) + b"/\xff.duckdb")
    shutil.copy(fine[0], strange)
    odd += [runs / "pipe.duckdb", runs / "loop.duckdb", Path(strange)]
    torn, text = runs / "torn.duckdb", runs / "text.duckdb"
    torn.write_bytes(fine[0].read_bytes()[:-1])
    text.write_text("sample_id,loss\n")
    assert list(read_summaries([*odd, torn, text, *fine, runs / "none.duckdb"])) == fine

    found, broken = Workspace(runs.parent).catalogue()
    assert {one.name for one in found} == {"tiny", "empty"}
    reasons = {Path(one.path).stem: one.reason for one in broken}
    assert "a view or macro" in reasons["macro"]
    assert "a view or macro" in reasons["view"]
    assert "version 99" in reasons["newer"]
    assert "truncated" in reasons["torn"]
    assert "Rename it" in reasons["it's"]  # opened by itself, for a quote cannot be written


def test_a_file_reaches_nothing_beside_it(runs: Path, tmp_path: Path) -> None:
    path = next(runs.glob("tiny*.duckdb")).resolve()
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with summaries._closed_to_all_but([path]) as connection:
        assert summaries._attach(connection, "r0", path)
        for sql in (
            f"SELECT * FROM read_csv('{secret}')",  # noqa: S608
            f"ATTACH '{next(runs.glob('empty*.duckdb'))}' AS other (READ_ONLY)",
            "SET enable_external_access = true",
            "SET allowed_paths = ['/']",
            "CREATE TABLE r0.more (a INTEGER)",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(sql).fetchall()


def test_a_macro_in_one_file_poses_in_no_other(runs: Path) -> None:
    fine = next(runs.glob("tiny*.duckdb"))
    first = changed(runs, "a-macro", "CREATE MACRO starts_with(a, b) AS true")
    assert read_summaries([first, fine]) == {fine: read_summary(fine)}
    with pytest.raises(RunCorrupt, match="view or macro"):
        read_summary(first)


# --- What was seen to be sound is not looked through again ---


def test_a_listed_run_is_opened_without_listing_functions_and_columns(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = next(runs.glob("tiny*.duckdb"))
    assert read_summaries([path])
    for module, name in ((sound, "computing"), (read, "tables_of")):
        monkeypatch.setattr(module, name, lambda _: pytest.fail("looked again"))
    open_run(path).close()


def test_a_listed_run_that_lost_a_column_is_looked_through(runs: Path) -> None:
    path = next(runs.glob("tiny*.duckdb"))
    assert read_summaries([path])
    changed(runs, "fewer", "ALTER TABLE assignments DROP score").replace(path)
    with pytest.raises(RunCorrupt, match="column 'score' of 'assignments' is missing"):
        open_run(path)


@pytest.mark.parametrize("how", ["written into", "put in its place", "in its log"])
def test_a_listed_run_that_was_changed_is_looked_through(runs: Path, how: str) -> None:
    path = next(runs.glob("tiny*.duckdb"))
    assert read_summaries([path])
    macro = changed(runs, "macro", "CREATE MACRO starts_with(a, b) AS true")
    if how == "written into":
        path.write_bytes(macro.read_bytes())
    elif how == "put in its place":
        macro.replace(path)
    else:
        beside = duckdb.connect(path)
        beside.execute("PRAGMA disable_checkpoint_on_shutdown")
        beside.execute("CREATE MACRO starts_with(a, b) AS true")
        beside.close()
        assert path.with_name(f"{path.name}.wal").exists()
    with pytest.raises(RunCorrupt, match="view or macro"):
        open_run(path)


def test_what_replaced_a_run_that_is_open_is_looked_through(runs: Path) -> None:
    path = next(runs.glob("tiny*.duckdb"))
    assert read_summaries([path])
    with open_run(path):
        changed(runs, "macro", "CREATE MACRO starts_with(a, b) AS true").replace(path)
        with suppress(RunCorrupt):  # DuckDB may show what is open already
            open_run(path).close()
    with pytest.raises(RunCorrupt, match="view or macro"):
        open_run(path)
