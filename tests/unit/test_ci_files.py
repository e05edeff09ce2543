"""The CI files of the docs, step by step in a shell, in a clone that has no runs.

`uses:` steps are of the hosts and not run. `pip` is a stub that notes what it was asked to install;
everything else is the real command.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from calling import call, document

DOCS = Path(__file__).parents[2] / "docs"
N = 1_000
PREDICT = """
import shutil, sys
assert sys.argv[1] == "--out"
shutil.copy("model.parquet", sys.argv[2])
"""


def predictions(path, *, seed, dark_wrong):
    """The same samples under a model that is wrong for 5 %, and for `dark_wrong` in the dark."""
    world, model = np.random.default_rng(0), np.random.default_rng(seed)
    label = world.choice(["cat", "dog"], N)
    brightness = world.random(N)
    wrong = model.random(N) < np.where(brightness < 0.3, dark_wrong, 0.05)
    other = np.where(label == "cat", "dog", "cat")
    table = {
        "sample_id": [f"s{place}" for place in range(N)],
        "label": label,
        "prediction": np.where(wrong, other, label),
        "brightness": brightness.round(3),
    }
    pq.write_table(pa.table(table), path)
    return path


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A workspace in which v1 fails in the dark, which is saved as a test, and v2 solves it."""
    folder = tmp_path_factory.mktemp("full")
    for name, seed, wrong in (("v1", 1, 0.7), ("v2", 2, 0.05)):
        path = predictions(folder / f"{name}.parquet", seed=seed, dark_wrong=wrong)
        done = call("ingest", "--validation", path, "--name", name, at=folder / "quality")
        assert done.exit_code == 0, done.stderr
        if name == "v1":
            given = ("--where", "brightness < 0.3", "--slug", "dark")
            assert call("save-test", "v1", *given, at=folder / "quality").exit_code == 0
    assert document("check", "v2", at=folder / "quality")["verdicts"][0]["state"] == "solved"
    return folder / "quality"


def cloned(full, folder):
    """What the repository holds: the tests and verdicts, and no run."""
    for name in ("tests", "verdicts"):
        shutil.copytree(full / name, folder / "quality" / name)
    assert not (folder / "quality" / "runs").exists()
    return folder / "quality"


MODELS = {"better": (3, 0.05), "worse": (4, 0.7)}


@pytest.fixture(params=MODELS)
def clone(request, full, tmp_path):
    """A checkout of a change that has another model."""
    folder = tmp_path / "clone"
    cloned(full, folder)
    seed, wrong = MODELS[request.param]
    predictions(folder / "model.parquet", seed=seed, dark_wrong=wrong)
    (folder / "predict.py").write_text(PREDICT)
    (folder / "requirements.txt").write_text("numpy\n")
    tools = tmp_path / "bin"
    tools.mkdir()
    python = shlex.quote(sys.executable)
    for name, line in (
        ("python", f'exec {python} "$@"'),
        ("aggressors", f'exec {python} -m aggressors "$@"'),
        ("pip", 'echo "$@" >> pip.log'),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (tools / name).chmod(0o755)
    path = os.pathsep.join([str(tools), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": os.pathsep.join(sys.path)}
    return folder, environment, request.param


def shell(script, folder, environment, *options):
    return subprocess.run(
        ["bash", "--noprofile", "--norc", *options, "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def outcome(folder):
    """Whether the JUnit file has a failure, and the title of the summary."""
    (case,) = ElementTree.parse(folder / "junit.xml").iter("testcase")
    title = (folder / "summary.md").read_text(encoding="utf-8").splitlines()[0]
    return case.find("failure") is not None, title


EXPECTED = {
    "better": (0, False, "### ✅ {name} passes its 1 saved test."),
    "worse": (1, True, "### ❌ {name} fails 1 of 1 saved test: dark."),
}


def test_each_step_of_the_github_file(clone, tmp_path):
    folder, environment, model = clone
    job = yaml.safe_load((DOCS / "ci" / "github.yml").read_text())["jobs"]["gate"]
    summary = tmp_path / "step-summary.md"
    environment |= {"GITHUB_SHA": "abc1234", "GITHUB_STEP_SUMMARY": str(summary)}
    code, run, uploads = 0, [], []
    for step in job["steps"]:
        always = step.get("if") == "${{ !cancelled() }}"
        if code and not always:
            continue
        if "run" in step:
            done = shell(step["run"], folder, environment, "-e")
            code = code or done.returncode
            run.append(step["name"])
        elif step["uses"].startswith("actions/upload-artifact@"):
            uploads = step["with"]["path"].split()
    expected, failed, title = EXPECTED[model]
    assert code == expected
    assert len(run) == sum(
        "run" in step for step in job["steps"]
    )  # the last two also when it fails
    assert outcome(folder) == (failed, title.format(name="abc1234"))
    assert summary.read_text(encoding="utf-8").splitlines()[0] == title.format(name="abc1234")
    assert all((folder / name).is_file() for name in uploads)
    assert uploads == ["junit.xml", "summary.md"]
    assert (folder / "pip.log").read_text() == "install aggressors -r requirements.txt\n"


def test_the_github_file_tells_of_a_step_before_that_fails(clone, tmp_path):
    """No summary is there to show then, and that is no second failure."""
    folder, environment, _ = clone
    steps = yaml.safe_load((DOCS / "ci" / "github.yml").read_text())["jobs"]["gate"]["steps"]
    environment |= {"GITHUB_SHA": "abc1234", "GITHUB_STEP_SUMMARY": str(tmp_path / "s.md")}
    by_name = {step.get("name"): step.get("run") for step in steps}
    (folder / "predictions.parquet").write_text("nonsense")
    made = shell(by_name["Make a run of the predictions"], folder, environment, "-e")
    assert made.returncode == 3
    assert "predictions.parquet" in made.stderr
    shown = shell(by_name["Show the verdicts, also of a failed check"], folder, environment, "-e")
    assert shown.returncode == 0


def test_each_line_of_the_gitlab_file(clone):
    folder, environment, model = clone
    job = yaml.safe_load((DOCS / "ci" / "gitlab.yml").read_text())["models"]
    environment |= {"CI_COMMIT_SHA": "abc1234"}
    done = shell("\n".join(job["script"]), folder, environment, "-eo", "pipefail")
    expected, failed, title = EXPECTED[model]
    assert done.returncode == expected, done.stderr
    assert outcome(folder) == (failed, title.format(name="abc1234"))
    kept = job["artifacts"]
    assert kept["when"] == "always"
    assert kept["reports"]["junit"] in kept["paths"]
    assert all((folder / name).is_file() for name in kept["paths"])
    assert "allow_failure" not in job  # the exit code decides


@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_the_page_quotes_the_files_word_for_word(name):
    file = (DOCS / "ci" / f"{name}.yml").read_text(encoding="utf-8")
    assert f"```yaml\n{file}```\n" in (DOCS / "ci.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", MODELS)
def test_a_clone_with_tests_and_verdicts_alone_gets_the_verdicts_of_the_full_workspace(
    full, tmp_path, model
):
    seed, wrong = MODELS[model]
    table = predictions(tmp_path / "new.parquet", seed=seed, dark_wrong=wrong)
    shutil.copytree(full, tmp_path / "full")
    found = []
    for place in (tmp_path / "full", cloned(full, tmp_path / "clone")):
        made = document("ingest", "--validation", table, "--name", "v3", at=place)
        done = call("check", made["run_id"], "--json", at=place)
        assert done.exit_code == EXPECTED[model][0], done.stderr
        found.append(json.loads(done.stdout))
        assert made["verdicts"] == found[-1]["verdicts"]  # judged without being asked
    assert found[0] == found[1]
    (verdict,) = found[0]["verdicts"]
    assert verdict["baseline_name"] == "v2"
    assert verdict["verdict"] != "missing"
