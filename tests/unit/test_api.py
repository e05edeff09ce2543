import shutil

import pyarrow as pa
import pytest

import aggressors as ag
from aggressors.contracts import Condition
from aggressors.queries.grammar import parse
from aggressors.store.workspace import Workspace
from queried import ODD, queried


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("workspace")
    place = Workspace.open(root, create=True)
    queried(place.runs).run.close()
    return root


@pytest.fixture(scope="module")
def run(workspace):
    with ag.open_run("latest", workspace) as run:
        yield run


def test_a_run_is_opened_by_name_id_path_or_as_the_latest(workspace, monkeypatch):
    path = workspace / "runs" / ("a" * 16 + ".duckdb")
    for name in ("latest", "v1", "a" * 16):
        with ag.open_run(name, workspace) as run:
            assert run.info.name == "v1"
            assert run.workspace == workspace
    with ag.open_run(path) as run:
        assert run.path == path
        assert run.workspace is None
    with ag.open_run(str(path)) as run:
        assert "v1" in repr(run)
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(workspace))
    with ag.open_run() as run:
        assert run.info.name == "v1"
    with pytest.raises(ag.RunNotFound):
        ag.open_run("v2", workspace)
    with pytest.raises(ag.WorkspaceError):
        ag.open_run("v1", workspace / "nowhere")


def test_aggressors_are_a_table_by_rank(run):
    found = run.aggressors()
    assert found["rank"].to_pylist() == [1, 2, 3]
    assert found["concept_id"].to_pylist() == [1, 5, 2]
    shown = "rank concept_id name status severity impact n gap gap_low gap_high q_value action rule"
    assert set(shown.split()) <= set(found.column_names)


def test_what_is_decided_stands_in_the_table_where_there_is_a_workspace(workspace, tmp_path):
    workspace = shutil.copytree(workspace, tmp_path / "w")
    with ag.open_run("v1", workspace) as run:
        assert run.aggressors()["triage"].to_pylist() == ["new"] * 3
        made = run.triage(2, "dismissed", why="noise", by="ana")
        row = run.aggressors().to_pylist()[1]
        assert row["triage"] == made.word == "dismissed"
        assert (row["triage_why"], row["triage_by"], row["triage_run"]) == ("noise", "ana", "v1")
        assert row["triage_at"] == made.created_at
        path = run.path
        (workspace / "triage" / "odd.json").write_text("{")
        with pytest.warns(UserWarning, match=r"odd\.json is not valid JSON"):
            run.aggressors()
    with ag.open_run(path) as alone:
        assert alone.aggressors()["triage"].to_pylist() == [None] * 3
        with pytest.raises(ag.WorkspaceError, match="what is decided is kept in a workspace"):
            alone.triage(1, "accepted")


def test_tables_come_back_as_arrow(run):
    assert run.members(2)["rank"].to_pylist()[:2] == [1, 2]
    assert run.candidates(1, count=4).num_rows == 4
    assert run.correlations(1)["field"].to_pylist()[0] == "brightness"
    assert run.correlations().num_rows == 0
    dark = run.samples("brightness < 0.2")
    assert max(dark["brightness"].to_pylist()) < 0.2
    assert ODD in dark.column_names
    assert dark.equals(run.samples(parse("brightness < 0.2")))
    assert run.samples(Condition("brightness", "<", (0.2,)), count=1).num_rows == 1
    assert run.members(1, "population = test").num_rows < run.members(1).num_rows
    assert all(isinstance(table, pa.Table) for table in (dark, run.aggressors()))


def test_findings_are_those_of_the_page(run):
    table = run.findings(1)
    assert table["field"][0].as_py() == "brightness"
    assert table["field"].to_pylist() == run.correlations(1)["field"].to_pylist()[: len(table)]
    assert max(table["q_value"].to_pylist()) <= 0.05
    assert set(table["kind"].to_pylist()) <= {"field", "shape", "missing", "pair"}
    assert run.findings(1, "loss").schema == table.schema


def test_errors_are_of_the_public_tree(run):
    with pytest.raises(ag.FilterError, match="nearest is 'brightness'"):
        run.samples("brightnes < 1")
    with pytest.raises(ag.UsageError, match="no aggressor of rank 7"):
        run.members(7)
    assert issubclass(ag.FilterError, ag.InputError)
    assert issubclass(ag.InputError, ag.AggressorsError)


def test_a_test_is_saved_in_the_workspace_of_the_run(workspace, run):
    saved = run.save_test(1, slug="dark")
    assert saved.slug == "dark"
    assert (workspace / "tests" / "dark.json").is_file()
    result = ag.check(run)
    assert result.run_id == "a" * 16
    assert [verdict.slug for verdict in result.verdicts] == ["dark"]
    assert ag.check("v1", workspace=workspace).run_id == result.run_id
    with ag.open_run(run.path) as alone, pytest.raises(ag.WorkspaceError, match="on its own"):
        alone.save_test(1)


def test_a_table_becomes_a_run(tmp_path):
    n = 120
    truth = ["coat" if place % 2 else "shirt" for place in range(n)]
    table = pa.table(
        {
            "id": [f"s{place}" for place in range(n)],
            "label": truth,
            "prediction": truth,
            "hour": [float(place % 24) for place in range(n)],
        }
    )
    pool = table.drop_columns(["label"]).set_column(
        0, "id", pa.array([f"u{place}" for place in range(n)])
    )
    with ag.analyze(
        table, unlabeled=pool, columns={"sample_id": "id"}, workspace=tmp_path, name="predictions"
    ) as run:
        assert run.info.name == "predictions"
        assert run.samples().num_rows == 2 * n
        assert run.aggressors().num_rows == 0  # every prediction is right
        assert run.aggressors()["name"].type == pa.string()
    with pytest.raises(ag.TableError):
        ag.analyze(table, workspace=tmp_path)
