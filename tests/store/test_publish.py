"""What a published file holds, and what keeps one from appearing."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from aggressors.errors import StageError, WorkspaceError
from aggressors.stages.tables import rows
from aggressors.store.publish import MOST_CATEGORIES
from aggressors.store.read import open_run
from aggressors.store.schema import BY_NAME, TABLES
from planted import Planted, PlantedSource, planted_run, planted_tables, publish_tables

Tables = dict[str, pa.Table]


@pytest.fixture(scope="module")
def planted() -> Planted:
    return planted_tables(n=40)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted_run(tmp_path_factory.mktemp("workspace"), n=200)


def _put(folder: Path, tables: Tables, **source: object) -> Path:
    return publish_tables(folder, tables, PlantedSource(n=40, **source), "aaaa", "a")  # type: ignore[arg-type]


# --- What it holds ---


def test_every_table_and_column_is_commented(run: Path) -> None:
    with open_run(run) as opened:
        tables = dict(
            opened.cursor().execute("SELECT table_name, comment FROM duckdb_tables()").fetchall()
        )
        columns = {
            (table, column): comment
            for table, column, comment in opened.cursor()
            .execute("SELECT table_name, column_name, comment FROM duckdb_columns()")
            .fetchall()
        }
    for table in TABLES:
        assert tables[table.name] == table.comment
        for column in table.columns:
            unit = f" [{column.unit}]" if column.unit else ""
            assert columns[table.name, column.name] == column.comment + unit
    assert columns["metadata", "hour"] == "metadata field of kind number, from integration [h]"


def test_types_are_those_that_queries_need(run: Path) -> None:
    with open_run(run) as opened:
        types = {
            (table, column): kind
            for table, column, kind in opened.cursor()
            .execute("SELECT table_name, column_name, data_type FROM duckdb_columns()")
            .fetchall()
        }
    assert types["embeddings", "vector"] == "FLOAT[16]"
    assert types["samples", "population"].startswith("ENUM('train', 'validation'")
    assert types["samples", "fold"] == "ENUM('discover', 'confirm')"
    assert types["samples", "label"].startswith("ENUM('boot', 'coat'")
    assert types["metadata", "station"].startswith("ENUM('harbour', ")
    assert types["metadata", "brightness"] == "DOUBLE"
    assert types["aggressors", "reasons"] == "JSON"


def test_rows_come_back_as_they_went_in(planted: Planted, tmp_path: Path) -> None:
    with open_run(_put(tmp_path, planted.tables)) as opened:
        for name in ("samples", "metadata", "media", "embeddings", "metrics"):
            stored = opened.cursor().sql(f"SELECT * FROM {name}").to_arrow_table()  # noqa: S608
            given = planted.tables[name]
            assert stored.column_names == given.column_names
            for column in given.column_names:
                assert stored[column].to_pylist() == given[column].to_pylist(), (name, column)
        cosine = "SELECT array_cosine_similarity(vector, vector) FROM embeddings LIMIT 1"
        assert opened.cursor().execute(cosine).fetchone() == pytest.approx((1.0,))


def test_classes_keep_the_order_of_the_model_and_take_in_what_else_was_seen(
    planted: Planted, tmp_path: Path
) -> None:
    order = ("trouser", "shirt", "coat")
    path = _put(tmp_path, planted.tables, classes=order)
    with open_run(path) as opened:
        assert opened.classes == (*order, "boot")


def test_regression_has_numbers_for_labels(planted: Planted, tmp_path: Path) -> None:
    samples = planted.tables["samples"]
    numbers = pa.array([None if label is None else 1.5 for label in samples["label"].to_pylist()])
    for name in ("label", "prediction"):
        place = samples.column_names.index(name)
        samples = samples.set_column(place, name, numbers.cast(pa.string()))
    path = _put(tmp_path, planted.tables | {"samples": samples}, task="regression", classes=())
    with open_run(path) as opened:
        assert opened.classes == ()
        assert opened.cursor().execute("SELECT max(label) FROM samples").fetchone() == (1.5,)


def test_a_field_with_very_many_categories_is_text(tmp_path: Path) -> None:
    n = MOST_CATEGORIES + 1
    few = [f"id {position % MOST_CATEGORIES}" for position in range(n)]
    tables = {
        "samples": rows(
            "samples",
            [
                {"row_id": row, "sample_id": f"{row:05}", "population": "test", "loss": 0.5}
                for row in range(n)
            ],
        ),
        "metadata": pa.table(
            {"row_id": range(n), "many": [f"id {row}" for row in range(n)], "few'\"": few}
        ),
        "metadata_fields": rows(
            "metadata_fields",
            [
                {"field": name, "kind": "category", "unit": "", "source": "table", "missing": 0}
                for name in ("many", "few'\"")
            ],
        ),
    }
    with open_run(_put(tmp_path, tables)) as opened:
        described = opened.cursor().execute("DESCRIBE metadata").fetchall()
        types = {row[0]: row[1] for row in described}
    assert types["many"] == "VARCHAR"
    assert types["few'\""].startswith("ENUM(")


# --- What keeps it from appearing ---


def _change(table: pa.Table, column: str, row: int, value: object) -> pa.Table:
    values = table[column].to_pylist()
    values[row] = value
    place = table.column_names.index(column)
    return table.set_column(place, column, pa.array(values, table.schema.field(column).type))


CONCEPT = rows("concepts", [{"concept_id": 1, "name": "a", "rule": "{}", "level": 0}])


def _member(**changed: object) -> pa.Table:
    first = {"concept_id": 1, "row_id": 0, "sample_id": "train-000000", "score": 0.75}
    return rows("assignments", [first | changed])


WRONG = {
    "a repeated sample_id": (
        "samples",
        lambda tables: {
            "samples": _change(tables["samples"], "sample_id", 1, "train-000000"),
        },
    ),
    "a row_id that is no position": (
        "samples",
        lambda tables: {"samples": _change(tables["samples"], "row_id", 3, 7)},
    ),
    "samples out of order": (
        "samples",
        lambda tables: {"samples": _change(tables["samples"], "population", 0, "test")},
    ),
    "a labeled sample without loss": (
        "samples",
        lambda tables: {"samples": _change(tables["samples"], "loss", 0, None)},
    ),
    "an infinite loss": (
        "samples",
        lambda tables: {"samples": _change(tables["samples"], "loss", 0, float("inf"))},
    ),
    "metadata of fewer samples": (
        "metadata",
        lambda tables: {"metadata": tables["metadata"].slice(0, 9)},
    ),
    "embeddings in another order": (
        "embeddings",
        lambda tables: {
            "embeddings": tables["embeddings"].take(np.arange(tables["samples"].num_rows)[::-1])
        },
    ),
    "a member of no concept": ("assignments", lambda tables: {"assignments": _member()}),
    "a score below one half": (
        "assignments",
        lambda tables: {"concepts": CONCEPT, "assignments": _member(score=0.4)},
    ),
    "a member that is another sample": (
        "assignments",
        lambda tables: {"concepts": CONCEPT, "assignments": _member(sample_id="train-000001")},
    ),
    "a heatmap of no sample": (
        "heatmaps",
        lambda tables: {"heatmaps": rows("heatmaps", [{"sample_id": "nobody"}])},
    ),
    "a rank left out": (
        "aggressors",
        lambda tables: {
            "concepts": CONCEPT,
            "aggressors": rows("aggressors", [{"concept_id": 1, "rank": 2}]),
        },
    ),
    "a column that is not in the schema": (
        "samples",
        lambda tables: {"samples": tables["samples"].append_column("los", tables["samples"][0])},
    ),
    "rules that are no JSON": (
        "publish",
        lambda tables: {"concepts": rows("concepts", [{"concept_id": 1, "rule": "{"}])},
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_broken_table_is_refused_and_nothing_appears(
    what: str, planted: Planted, tmp_path: Path
) -> None:
    table, change = WRONG[what]
    with pytest.raises(StageError, match=table) as caught:
        _put(tmp_path, planted.tables | change(planted.tables))
    assert caught.value.stage == "publish"
    assert "Nothing was published" in str(caught.value)
    assert list((tmp_path / "runs").iterdir()) == []


def test_overall_correlations_need_no_concept(planted: Planted, tmp_path: Path) -> None:
    overall = rows("correlations", [{"concept_id": -1, "field": "hour"}])
    assert _put(tmp_path, planted.tables | {"correlations": overall}).is_file()


def test_publishing_twice_gives_the_same_tables(planted: Planted, tmp_path: Path) -> None:
    contents = []
    for folder in ("one", "two"):
        with open_run(_put(tmp_path / folder, planted.tables)) as opened:
            contents.append(
                {
                    name: opened.cursor().execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608
                    for name in BY_NAME
                    if name != "stages"  # holds the time it took
                }
            )
    assert contents[0] == contents[1]


# --- A disk that is full, a place that cannot be written ---


def test_a_full_disk_is_named_and_leaves_nothing(planted: Planted, small_disk: Path) -> None:
    with pytest.raises(WorkspaceError, match="no space left on device") as caught:
        _put(small_disk, planted.tables)
    assert str(small_disk / "runs" / "aaaa.duckdb") in str(caught.value)
    assert "Free some space" in str(caught.value)
    assert list((small_disk / "runs").iterdir()) == []


def test_a_limit_on_file_size_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import resource, signal, sys; from pathlib import Path; from planted import tiny_run\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))\n"
        "from aggressors.errors import WorkspaceError\n"
        "try: tiny_run(Path(sys.argv[1]))\n"
        "except WorkspaceError as error: print(error); sys.exit(error.exit_code)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)  # the platform has such limits
    done = _python(script, str(tmp_path))
    assert done.returncode == 4, done.stderr
    assert "tiny0000.duckdb" in done.stdout
    assert list((tmp_path / "runs").iterdir()) == []


def _python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


def test_a_place_that_is_a_file_is_named(planted: Planted, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(WorkspaceError, match="runs"):
        _put(tmp_path, planted.tables)


def test_leftovers_of_killed_publishers_go_after_an_hour(planted: Planted, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    for name, age in ((".old.duckdb.1234.tmp", 7_200), (".new.duckdb.1234.tmp", 60)):
        (runs / name).write_text("half")
        stamp = (runs / name).stat().st_mtime - age
        os.utime(runs / name, (stamp, stamp))
    _put(tmp_path, planted.tables)
    assert {path.name for path in runs.iterdir()} == {"aaaa.duckdb", ".new.duckdb.1234.tmp"}


def test_the_old_file_stays_until_the_new_one_is_whole(planted: Planted, tmp_path: Path) -> None:
    path = _put(tmp_path, planted.tables)
    before = path.read_bytes()
    broken = {"samples": _change(planted.tables["samples"], "row_id", 3, 7)}
    with pytest.raises(StageError):
        _put(tmp_path, planted.tables | broken)
    assert path.read_bytes() == before
    with duckdb.connect(path, read_only=True) as opened:
        assert opened.execute("SELECT count(*) FROM samples").fetchone() == (140,)
