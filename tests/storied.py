"""What the demo does after its first model, in a workspace that was made before it did so."""

from __future__ import annotations

from pathlib import Path

from aggressors.demo import SAVED, act_on_the_worst
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace


def with_the_test(root: Path) -> Path:
    """Save the demo's test where AGGRESSORS_TEST_WORKSPACE named a workspace without it."""
    workspace = Workspace.open(root)
    if not (workspace.tests / f"{SAVED}.json").exists():
        with open_run(workspace.resolve("v1")) as run:
            act_on_the_worst(run, workspace)
    return root
