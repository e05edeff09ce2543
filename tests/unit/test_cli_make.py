"""The verbs that make a run: what they take, what they refuse, how they end."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aggressors import errors
from calling import call, document, fails


def table(folder, name="validation", n=160, **columns):
    rng = np.random.default_rng(0)
    label = rng.choice(["cat", "dog"], n)
    dark = rng.random(n) < 0.3
    wrong = rng.random(n) < np.where(dark, 0.7, 0.05)
    values = {
        "sample_id": [f"{name}-{place}" for place in range(n)],
        "label": label,
        "prediction": np.where(wrong, np.where(label == "cat", "dog", "cat"), label),
        "brightness": np.where(dark, 0.1, 0.6) + rng.normal(0, 0.02, n),
    } | columns
    path = folder / f"{name}.parquet"
    pq.write_table(pa.table({key: pa.array(value) for key, value in values.items()}), path)
    return path


def test_ingest_makes_a_run_and_typed_again_finds_it(tmp_path):
    path = table(tmp_path)
    done = call("ingest", "--validation", path, "--name", "v1", "--json", at=tmp_path / "w")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"run_id", "name", "path", "aggressors", "seconds", "verdicts", "back"}
    assert found["back"] == []
    assert found["name"] == "v1"
    assert Path(found["path"]).is_file()
    again = call("ingest", "--validation", path, "--name", "v1", at=tmp_path / "w")
    assert again.exit_code == 0
    assert "aggressors show v1" in again.stdout
    assert len(document("runs", at=tmp_path / "w")) == 1


def test_a_fixed_aggressor_that_a_new_run_has_again_is_announced(tmp_path):
    at = tmp_path / "w"
    call("ingest", "--validation", table(tmp_path, n=600), "--name", "v1", at=at)
    one = document("show", "v1", at=at)[0]
    call("triage", "v1", "--aggressor", one["rank"], "--as", "fixed", "--by", "ana", at=at)
    # another run with the same weakness
    again = ("ingest", "--validation", table(tmp_path, n=600, shelf=np.arange(600) % 7))
    done = call(*again, "--name", "v2", at=at)
    assert f"Back #{one['rank']} {one['name']}, fixed by ana on v1, " in done.stdout, done.stderr
    found = document(*again, "--name", "v2", at=at)
    assert found["back"] == [{"rank": one["rank"], "name": one["name"]}]


def test_ingest_refuses_what_is_wrong(tmp_path):
    path = table(tmp_path)
    at = tmp_path / "w"
    fails(2, "ingest", at=at, says="--validation")
    fails(3, "ingest", "--validation", tmp_path / "nothing.csv", at=at, says="nothing.csv")
    fails(2, "ingest", "--validation", path, "--columns", "loss", at=at, says="ROLE=COLUMN")
    fails(2, "ingest", "--validation", path, "--columns", "los=x", at=at, says="'loss'")
    fails(2, "ingest", "--validation", path, "--classes", "cat,cat", at=at, says="--classes")
    fails(2, "ingest", "--validation", path, "--seed", -1, at=at, says="--seed")
    fails(3, "ingest", "--validation", path, "--columns", "loss=nll", at=at, says="nll")
    settings = tmp_path / "settings.toml"
    settings.write_text("sede = 1")
    fails(3, "ingest", "--validation", path, "--settings", settings, at=at, says="'seed'")
    settings.write_text('seed = "x"')
    fails(3, "ingest", "--validation", path, "--settings", settings, at=at, says="a whole number")
    fails(3, "ingest", "--validation", path, "--settings", tmp_path / "no.toml", at=at)
    twice = table(tmp_path, "twice", sample_id=["a"] * 160)
    fails(3, "ingest", "--validation", twice, at=at, says="'a'")
    assert not list(at.glob("runs/*"))


def test_another_name_for_the_same_run_is_told(tmp_path):
    path, at = table(tmp_path), tmp_path / "w"
    assert call("ingest", "--validation", path, "--name", "v1", at=at).exit_code == 0
    done = call("ingest", "--validation", path, "--name", "v 2", at=at)
    assert "under the name 'v1', which stays" in done.stderr
    fails(4, "check", "v 2", at=at, says="No run 'v 2'")


def test_a_name_that_is_taken_is_told(tmp_path):
    path, at = table(tmp_path), tmp_path / "w"
    first = call("ingest", "--validation", path, "--name", "v1", at=at)
    assert "already" not in first.stderr
    second = call("ingest", "--validation", path, "--name", "v1", "--seed", 1, at=at)
    assert second.exit_code == 0, second.stderr
    assert "There is a run 'v1' already; by that name, the newest is meant" in second.stderr


def test_few_samples_are_told_apart_from_no_finding(tmp_path):
    at = tmp_path / "w"
    few = call("ingest", "--validation", table(tmp_path, n=50), "--name", "few", at=at)
    assert few.exit_code == 0, few.stderr
    assert "50 samples are too few to confirm anything" in call("show", "few", at=at).stdout
    path = tmp_path / "bare.csv"
    path.write_text("sample_id,loss\n" + "".join(f"s{n},{n % 7}\n" for n in range(240)))
    assert call("ingest", "--validation", path, "--name", "bare", at=at).exit_code == 0
    assert "neither metadata nor embeddings" in call("show", "bare", at=at).stdout


def test_errors_of_a_regression_are_no_signal(tmp_path):
    numbers = np.linspace(0, 1, 160)
    path = table(tmp_path, label=numbers, prediction=numbers + 0.5)
    settings = tmp_path / "settings.toml"
    settings.write_text('signal = "error"')
    at = tmp_path / "w"
    fails(3, "ingest", "--validation", path, "--settings", settings, at=at, says="'signal'")
    assert not list(at.glob("runs/*"))


def test_init_writes_a_file_once(tmp_path):
    path = tmp_path / "quality" / "integration.py"
    assert call("init", path).exit_code == 0
    compile(path.read_text(encoding="utf-8"), str(path), "exec")
    before = path.read_bytes()
    fails(2, "init", path, says="exists already")
    fails(2, "init", tmp_path / "integration.txt", says="Python")
    assert path.read_bytes() == before


INTEGRATION = """
import torch
import aggressors as ag

class Data:
    def __init__(self, name): self.name = name
    def __len__(self): return 60
    def __getitem__(self, index):
        if index >= 60: raise IndexError(index)
        return ag.Sample(
            sample_id=f"{self.name}-{index}", input=torch.full((4,), index / 60),
            label={label}, metadata={"hour": index % 24},
        )

torch.manual_seed(0)
integration = ag.Integration(
    model=torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)),
    datasets={"validation": Data("validation")}, classes=["a", "b"], model_name="tiny",
)
"""


@pytest.mark.torch
def test_try_and_run_an_integration(tmp_path):
    path = tmp_path / "integration.py"
    path.write_text(INTEGRATION.replace("{label}", "'ab'[index % 2]"))
    tried = call("try", path)
    assert tried.exit_code == 0, tried.stderr
    for part in ("validation.input", "32 × 4", "hour", "validation 60", "aggressors run"):
        assert part in tried.stdout
    done = call("run", path, "--name", "v1", "--limit", 50, "--json", at=tmp_path / "w")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "v1"
    assert document("runs", at=tmp_path / "w")[0]["samples"] == 50


@pytest.mark.torch
def test_run_names_every_problem_at_once(tmp_path):
    path = tmp_path / "integration.py"
    path.write_text(INTEGRATION.replace("{label}", "'xy'[index % 2]").replace("60", "61"))
    for verb in ("try", "run"):
        assert "none of the classes" in fails(3, verb, path).stderr
    fails(3, "run", tmp_path / "nothing.py", says="nothing.py")
    fails(2, "run", path, "--executor", "cloud", says="cloud")
    fails(2, "run", path, "--limit", "many", says="--limit")


def test_a_stage_that_fails_exits_5_and_an_interrupt_130(tmp_path, monkeypatch):
    from aggressors import runner

    path = table(tmp_path)
    for error, code, says in (
        (errors.StageError("discover", "all samples", "it broke. Type it again."), 5, "discover"),
        (KeyboardInterrupt(), 130, "continues"),
        (RuntimeError("what"), 5, "--debug"),
        (OSError(28, "No space left on device", "x"), 4, "full"),
        (errors.WorkspaceError("Cannot write x: disk full. Free some space."), 4, "Cannot write"),
    ):

        def failing(*_, error=error, **__):
            raise error

        monkeypatch.setattr(runner, "run", failing)
        done = fails(code, "ingest", "--validation", path, at=tmp_path / "w", says=says)
        assert not done.stdout
