"""Fixtures shared by all tests: one demo workspace for the whole session, built by the engine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

# Two OpenMP threads on a busy machine wait for each other; set before torch is imported anywhere.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


DEMO_SECONDS = 1_500  # that a busy machine may take for three models; a test's own limit is 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give whichever test comes first the time that the demo takes."""
    for item in items:
        if "demo_workspace" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(DEMO_SECONDS), append=False)


@pytest.fixture(scope="session")
def demo_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Workspace with the demo's runs v1, v2 and v3; read it, or copy it before writing.

    Built once for all workers of a session. AGGRESSORS_TEST_WORKSPACE names one built before.
    """
    if given := os.environ.get("AGGRESSORS_TEST_WORKSPACE"):
        return Path(given)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    workspace = shared / "demo-workspace"
    with FileLock(shared / "demo.lock"):
        if not (shared / "demo.done").exists():
            demo = [sys.executable, "-m", "aggressors", "demo", "--no-app"]
            subprocess.run([*demo, "--workspace", str(workspace)], check=True)
            (shared / "demo.done").touch()
    return workspace


@pytest.fixture
def demo_copy(demo_workspace: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with the demo's runs (hard links: run files are never changed)."""
    from storied import with_the_test

    copy = tmp_path / "workspace"
    shutil.copytree(demo_workspace, copy, copy_function=os.link)
    return with_the_test(copy)
