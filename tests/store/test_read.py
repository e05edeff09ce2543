"""Opening a run file that may be broken, newer, or a stranger's."""

import shutil
import threading
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from aggressors.errors import RunCorrupt, RunNotFound, SchemaTooNew, SchemaTooOld
from aggressors.queries.scope import fetch
from aggressors.store.read import open_run, read_summary
from aggressors.store.schema import BY_NAME, SCHEMA_VERSION
from planted import empty_run, planted_run, tiny_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted_run(tmp_path_factory.mktemp("workspace"), n=400)


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(run, tmp_path / "copy.duckdb"))


def _change(path: Path, sql: str) -> None:
    with duckdb.connect(path) as database:
        database.execute(sql)


def test_an_open_run_says_what_it_is(run: Path) -> None:
    with open_run(run) as opened:
        assert opened.info.run_id == "planted0"
        assert opened.info.created_at == "2026-01-02T03:04:05+00:00"
        assert opened.info.settings.analysed == "validation"
        assert opened.populations == {
            "train": 400, "validation": 400, "test": 200, "unlabeled": 400,
        }  # fmt: skip
        assert opened.classes == ("boot", "coat", "shirt", "trouser")
        assert list(opened.fields) == [
            "hour",
            "operator",
            "station",
            "brightness",
            "sharpness",
            "outlier_score",
        ]
        assert opened.fields["hour"].unit == "h"
        assert opened.fields["station"].missing > 0
        assert opened.dimensions == 16
    summary = read_summary(run)
    assert (summary.run_id, summary.samples, summary.path) == ("planted0", 1400, str(run))


def test_runs_without_aggressors_or_samples_open(tmp_path: Path) -> None:
    with open_run(tiny_run(tmp_path)) as opened:
        assert opened.populations == {"validation": 12}
        assert opened.dimensions == 0
    with open_run(empty_run(tmp_path)) as opened:
        assert opened.populations == {}
        assert opened.fields == {}
    assert read_summary(tmp_path / "runs" / "empty000.duckdb").samples == 0


# --- Files that are no run ---


def test_a_file_cut_anywhere_is_truncated(run: Path, tmp_path: Path) -> None:
    content = run.read_bytes()
    for length in (0, 1, 4_096, 5_000, 12_288, 300_000, len(content) // 2, len(content) - 1):
        path = tmp_path / f"{length}.duckdb"
        path.write_bytes(content[:length])
        for reader in (open_run, read_summary):
            with pytest.raises(RunCorrupt, match=r"truncated|not a DuckDB file") as caught:
                reader(path)
            assert path.name in str(caught.value)
            assert "Copy the file again" in str(caught.value)


def test_a_damaged_block_is_no_traceback(run: Path, tmp_path: Path) -> None:
    content, late = bytearray(run.read_bytes()), []
    for place in range(12_288, len(content), len(content) // 7):
        damaged = bytearray(content)
        damaged[place : place + 4_096] = b"\xa5" * 4_096
        path = tmp_path / f"{place}.duckdb"
        path.write_bytes(damaged)
        with suppress(RunCorrupt), open_run(path) as opened:
            late.append(place)  # the damage lies where opening does not look
            for table in BY_NAME:
                fetch(opened, "SELECT * FROM {table}", table=table)
            late.pop()
    assert late, "no damage was met by a query alone"


def test_text_is_not_a_run(tmp_path: Path) -> None:
    path = tmp_path / "notes.duckdb"
    path.write_text("sample_id,loss\n" * 2_000)
    with pytest.raises(RunCorrupt, match="not a DuckDB file"):
        open_run(path)


def test_no_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(RunNotFound, match="aggressors runs"):
        open_run(tmp_path / "gone.duckdb")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DROP TABLE candidates", "table 'candidates' is missing"),
        ("ALTER TABLE samples DROP COLUMN map_x", "column 'map_x' of 'samples' is missing"),
        ("DROP TABLE run", "run"),
        ("DELETE FROM run", "'run' is empty"),
        ("UPDATE run SET settings = '7'", "settings cannot be read"),
        ("UPDATE run SET settings = '{\"level\": 7}'", "level"),
        ("UPDATE run SET created_at = NULL", "without a value"),
        ("UPDATE run SET schema_version = NULL", "schema_version"),
        ("UPDATE metadata_fields SET kind = 'code'", "unknown kind"),
        ("ALTER TABLE metadata DROP COLUMN hour", "'hour' has no column"),
        ("ALTER TABLE metadata ALTER hour TYPE VARCHAR", "'hour' is a number of type VARCHAR"),
        ("ALTER TABLE aggressors ALTER rank TYPE VARCHAR", "'rank' of 'aggressors' is VARCHAR"),
        ("ALTER TABLE samples ALTER population TYPE VARCHAR", "'population' of 'samples'"),
        ("ALTER TABLE run ALTER created_at TYPE VARCHAR", "'created_at' of 'run' is VARCHAR"),
        ("UPDATE aggressors SET action = 'wait'", "action 'wait'"),
        ("UPDATE aggressors SET status = '<b>'", "status '<b>'"),
        ("UPDATE aggressors SET name = NULL", "no rank, name, severity or impact"),
        ("UPDATE run SET run_id = '../../escaped'", "cannot name a file"),
        ("UPDATE run SET run_id = '.hidden'", "cannot name a file"),
    ],
)
def test_a_database_that_is_no_run_says_what_is_wrong(copy: Path, sql: str, said: str) -> None:
    _change(copy, sql)
    with pytest.raises(RunCorrupt, match=said):
        open_run(copy)


def test_a_newer_schema_names_both_versions_and_the_way_out(copy: Path) -> None:
    _change(copy, "UPDATE run SET schema_version = 99; DROP TABLE yields")
    for reader in (open_run, read_summary):
        with pytest.raises(SchemaTooNew, match="version 99") as caught:
            reader(copy)
        assert f"up to {SCHEMA_VERSION}" in str(caught.value)
        assert "pip install --upgrade aggressors" in str(caught.value)


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (1, "UPDATE run SET schema_version = 1; DROP TABLE search"),
        (3, "UPDATE run SET schema_version = 3; DROP TABLE combinations"),
    ],
)
def test_an_older_schema_says_to_make_the_run_again(copy: Path, before: int, change: str) -> None:
    _change(copy, change)
    for reader in (open_run, read_summary):
        with pytest.raises(SchemaTooOld, match=rf"version {before}; .* Make the run again"):
            reader(copy)


def test_a_setting_of_a_later_version_is_left_aside(copy: Path) -> None:
    _change(copy, 'UPDATE run SET settings = \'{"level": 0.9, "later": true}\'')
    with open_run(copy) as opened:
        assert opened.info.settings.level == 0.9


def test_a_list_of_runs_reports_odd_types_too(copy: Path) -> None:
    _change(copy, "ALTER TABLE run ALTER created_at TYPE VARCHAR")
    with pytest.raises(RunCorrupt, match="'created_at'"):
        read_summary(copy)


# --- A stranger's file ---


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE VIEW secrets AS SELECT * FROM read_text('/etc/passwd')",
        "CREATE MACRO lower(x) AS 'shadowed'",
        "CREATE MACRO duckdb_views() AS TABLE SELECT 'x' AS view_name, true AS internal LIMIT 0",
        "ALTER TABLE samples RENAME TO hidden;"
        " CREATE VIEW samples AS SELECT * FROM hidden, read_text('/etc/passwd')",
        "CREATE MACRO duckdb_functions() AS TABLE SELECT 'x' AS function_name, true AS internal",
        "CREATE SCHEMA other; CREATE MACRO other.secret() AS 1",
    ],
)
def test_a_file_that_computes_is_refused(copy: Path, sql: str) -> None:
    _change(copy, sql)
    for reader in (open_run, read_summary):
        with pytest.raises(RunCorrupt, match="view or macro"):
            reader(copy)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "COPY samples TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/other.duckdb'",
        "INSTALL httpfs",
        "LOAD '{folder}/extension'",
        "SET enable_external_access = true",
        "SET memory_limit = '90GB'",
        "RESET memory_limit",
        "CREATE TABLE mine (x INTEGER)",
        "DELETE FROM samples",
    ],
)
def test_no_statement_leaves_the_file_or_changes_it(run: Path, tmp_path: Path, sql: str) -> None:
    with open_run(run) as opened, pytest.raises(duckdb.Error):
        opened.cursor().execute(sql.format(folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


# --- Readers and a publisher at once ---


def test_two_readers_and_a_publisher_do_not_wait_for_each_other(tmp_path: Path) -> None:
    path = planted_run(tmp_path, n=60)
    expected = {"train": 60, "validation": 60, "test": 30, "unlabeled": 60}
    stop = threading.Event()
    reads, failures = [0, 0], []

    def read(reader: int) -> None:
        while not stop.is_set():
            try:
                for found in (tmp_path / "runs").glob("[!.]*.duckdb"):
                    with open_run(found) as opened:
                        assert opened.populations == expected
                        opened.cursor().execute("SELECT avg(loss) FROM samples").fetchone()
                reads[reader] += 1
            except Exception as error:
                failures.append(error)
                return

    readers = [threading.Thread(target=read, args=(reader,)) for reader in (0, 1)]
    for thread in readers:
        thread.start()
    for number in range(4):
        planted_run(tmp_path, n=60, run_id=f"other{number}")
    stop.set()
    for thread in readers:
        thread.join()
    assert failures == []
    assert min(reads) >= 1
    assert path.is_file()


def test_cursors_of_one_run_serve_threads_of_their_own(run: Path) -> None:
    with open_run(run) as opened:
        counts: list[int] = []

        def count() -> None:
            row = opened.cursor().execute("SELECT count(*) FROM samples").fetchone()
            counts.append(row[0] if row else 0)

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counts == [1400] * 4


def test_an_original_is_read_below_its_root_and_nowhere_else(tmp_path):
    from aggressors.store.read import read_original

    jpeg = b"\xff\xd8\xff picture"
    root, other = tmp_path / "media", tmp_path / "other"
    root.mkdir()
    other.mkdir()
    (root / "a.jpg").write_bytes(jpeg)
    (root / "note.txt").write_bytes(b"text")
    (other / "secret.jpg").write_bytes(jpeg)
    (root / "link.jpg").symlink_to(other / "secret.jpg")
    assert read_original("a.jpg", [root]) == jpeg
    assert read_original("a.jpg", []) is None
    outside = str(other / "secret.jpg")
    for uri in ("note.txt", "../other/secret.jpg", "link.jpg", outside, "missing.jpg", "a\0.jpg"):
        assert read_original(uri, [root]) is None
    assert read_original("secret.jpg", [root, other]) == jpeg
