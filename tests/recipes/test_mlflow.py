"""The MLflow recipe of docs/ci.md, as it stands there, against a real local store."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from aggressors import gate
from aggressors.store.workspace import Workspace
from versions import publish_story

ROOT = Path(__file__).parents[2]
OWN = ROOT / "build" / "mlflow-venv" / "bin" / "python"
READ_BACK = """
import json, mlflow
client = mlflow.MlflowClient()
(experiment,) = client.search_experiments()
(run,) = client.search_runs([experiment.experiment_id])
folder = client.list_artifacts(run.info.run_id, "aggressors")
texts = {
    one.path: mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{one.path}") for one in folder
}
print(json.dumps({
    "name": run.info.run_name, "status": run.info.status, "texts": texts,
    "metrics": run.data.metrics, "tags": run.data.tags,
}))
"""

pytestmark = pytest.mark.mlflow


@pytest.fixture(scope="module")
def python():
    """An interpreter that has MLflow and the package."""
    if OWN.is_file():
        return str(OWN)
    if find_spec("mlflow") is None:
        pytest.skip("no MLflow; `make test-mlflow` installs it")
    return sys.executable


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder whose workspace `quality` has two tests; the latest run fails one of them."""
    folder = tmp_path_factory.mktemp("mlflow")
    workspace = Workspace.open(folder / "quality", create=True)
    publish_story(workspace)
    gate.save_test(workspace, "v1", where="brightness < 0.25", slug="dusk")
    gate.save_test(workspace, "v1", where="station = north", slug="north", margin=0)
    return folder


@pytest.mark.parametrize("store", ["sqlite", "file"])
def test_the_recipe_logs_what_the_check_found(python, place, store, tmp_path):
    (recipe,) = (
        block
        for block in re.findall(r"```python\n(.*?)```", (ROOT / "docs/ci.md").read_text(), re.S)
        if "import mlflow" in block
    )
    uri = f"sqlite:///{tmp_path}/mlflow.db" if store == "sqlite" else f"file://{tmp_path}/mlruns"
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_ALLOW_FILE_STORE": "true",  # which newer versions ask for
        "PYTHONPATH": str(ROOT / "engine"),
        "GIT_PYTHON_REFRESH": "quiet",
    }

    def run(code):
        done = subprocess.run(
            [python, "-c", code], cwd=place, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(recipe)
    found = json.loads(run(READ_BACK).splitlines()[-1])
    result = gate.check(Workspace.open(place / "quality"))
    assert (found["name"], found["status"]) == ("v3", "FINISHED")
    assert found["tags"]["aggressors/run"] == "v3-0000"
    assert found["tags"]["aggressors/passed"] == "False"
    assert len(result.verdicts) == 2
    for one in result.verdicts:
        assert found["tags"][f"aggressors/{one.slug}/verdict"] == one.verdict
        for name in ("gap", "difference", "margin", "n"):
            logged = found["metrics"][f"aggressors/{one.slug}/{name}"]
            assert logged == pytest.approx(getattr(one, name)), name
    assert found["texts"]["aggressors/summary.md"].startswith("### ❌ v3 fails 1 of 2 saved tests")
    assert '<testsuite name="aggressors" tests="2"' in found["texts"]["aggressors/junit.xml"]
