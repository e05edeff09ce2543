"""The demo: three versions of one model, run in order, and the story they tell."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aggressors.errors import StoreError
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from aggressors.summary import Summary, summarize

if TYPE_CHECKING:
    from aggressors.contracts import Verdict
    from aggressors.integration import Integration
    from aggressors.progress import Progress
    from aggressors.store.read import RunFile

VERSIONS = ("v1", "v2", "v3")
LABELERS = "demo"
SAVED = "dusk"  # the test that the worst aggressor of v1 becomes
_CHOSEN = "CLOTHES_MODEL"
WITHOUT_TORCH = (
    "The demo's models need PyTorch: pip install 'aggressors[torch]'. "
    "Until then, here is a small run that was published before."
)


@dataclass(frozen=True, slots=True)
class Chapter:
    """One version: what its run amounts to, the wall time it took, and how it does in the test."""

    summary: Summary
    seconds: float
    verdict: Verdict | None = None


def has_torch() -> bool:
    """Tell whether everything is installed that the demo's models need; imports none of it."""
    wanted = ("torch", "torchvision", "pytorch_grad_cam", "safetensors")
    return all(
        sys.modules.get(name, ...) is not None and importlib.util.find_spec(name) is not None
        for name in wanted
    )


def demo_folder() -> Path:
    """Find the folder of the demo's data and models: in the installed package, or in a checkout.

    Raises
    ------
    StoreError : the installation lacks it.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "_demo" / "clothes", package.parents[1] / "data" / "clothes"):
        if (folder / "integration.py").is_file():
            return folder
    raise StoreError(
        "This installation lacks the demo. Type: pip install --force-reinstall aggressors"
    )


def small_run() -> Path:
    """Find the published run that travels with the package, for a machine without torch.

    Raises
    ------
    StoreError : the installation lacks it.
    """
    package = Path(__file__).resolve().parent
    for path in (package / "_demo" / "demo.duckdb", package.parents[1] / "data" / "demo.duckdb"):
        if path.is_file():
            return path
    raise StoreError(
        "The demo needs PyTorch, and this installation lacks the small run that is shown without "
        "it. Type: pip install 'aggressors[torch]'"
    )


def run_versions(workspace: Workspace, progress: Progress) -> list[Chapter]:
    """Run v1, v2 and v3 in this order; what was published before is taken as it is.

    After v1 comes what a team does next: labels for the worst aggressor, and a test of it.
    """
    from aggressors import runner

    told = []
    for version in VERSIONS:
        progress.say(f"Model {version}")
        done = runner.run(integration_of(version), workspace, name=version, progress=progress)
        with open_run(done.path) as run:
            if version == VERSIONS[0]:
                act_on_the_worst(run, workspace)
            told.append(Chapter(summarize(run), done.seconds, _verdict(workspace, done.run_id)))
    return told


def act_on_the_worst(run: RunFile, workspace: Workspace) -> None:
    """Queue what was labeled for v2, with the labels, and save the aggressor as a test.

    Each only where it is not there. It is the aggressor of v1 for which Solve by itself fetches
    most of what was labeled.
    """
    from pyarrow import parquet

    from aggressors.gate import save_test
    from aggressors.queries.fetching import Wish, fetched
    from aggressors.queries.overview import aggressors
    from aggressors.queries.queued import picks
    from aggressors.queries.returned import Allowed, check_labels
    from aggressors.store.label_queues import DEFAULT_QUEUE

    queue = workspace.label_queue(DEFAULT_QUEUE)
    is_queued = bool(queue.rows().num_rows)
    is_saved = (workspace.tests / f"{SAVED}.json").exists()
    if is_queued and is_saved:
        return
    file = demo_folder() / "labels" / f"{VERSIONS[1]}.parquet"
    wanted = set(parquet.read_table(file, columns=["sample_id"])["sample_id"].to_pylist())
    wish = Wish(budget=len(wanted))
    found = {
        one.rank: fetched(run, one.concept_id, wish).found["sample_id"].to_pylist()
        for one in aggressors(run)
    }
    rank = max(found, key=lambda each: len(wanted.intersection(found[each])))
    if not is_queued:
        ordered = [one for one in found[rank] if one in wanted]
        queue.add(picks(run, ordered, rank), by=LABELERS)
        check_labels(queue, file, run, allowed=Allowed(skip_unknown=True)).take(by=LABELERS)
    if not is_saved:
        save_test(workspace, run.info.run_id, aggressor=rank, slug=SAVED)


def _verdict(workspace: Workspace, run_id: str) -> Verdict | None:
    """Return how a run does in the demo's test; None where somebody took the test away."""
    from aggressors.gate import history

    tests = {one.test.slug: one for one in history(workspace).tests}
    return tests[SAVED].verdicts.get(run_id) if SAVED in tests else None


def integration_of(version: str) -> Integration:
    """Build the integration of one version of the demo's model."""
    from aggressors.integration import load_integration

    before = os.environ.get(_CHOSEN)
    os.environ[_CHOSEN] = version  # which version the file declares
    try:
        return load_integration(demo_folder() / "integration.py")
    finally:
        if before is None:
            del os.environ[_CHOSEN]
        else:
            os.environ[_CHOSEN] = before
