"""Every example does what it says: loads, passes the check, and runs to a published run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import aggressors as ag
from aggressors import runner
from aggressors.cli import cli
from aggressors.integration import check_integration, load_integration
from aggressors.store.workspace import Workspace

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
INTEGRATIONS = {"digits": 0.9, "regression": None}  # accuracy on validation that the weights reach


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(INTEGRATIONS)
    assert {path.name for path in EXAMPLES.glob("*.md")} == {"table.md"}


@pytest.mark.torch
@pytest.mark.parametrize("name", INTEGRATIONS)
def test_integration_runs(name, tmp_path):
    integration = load_integration(EXAMPLES / f"{name}.py")
    check_integration(integration).raise_problems()
    result = runner.run(integration, Workspace.open(tmp_path, create=True))
    with ag.open_run(result.path) as run:
        samples = run.samples("population = validation").to_pylist()
        assert len(samples) == len(integration.datasets["validation"])
        if INTEGRATIONS[name] is not None:
            right = [row["label"] == row["prediction"] for row in samples]
            assert sum(right) / len(right) > INTEGRATIONS[name]


def test_table_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (EXAMPLES / "table.md").read_text()
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, {})
    commands = re.findall(r"^aggressors (.*)$", text, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        result = CliRunner().invoke(cli, [*shlex.split(command), "--workspace", "place"])
        assert result.exit_code == 0, result.output
    assert "wines" in result.output
