"""Fixtures shared by all tests: one demo workspace for the whole session, built by the engine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from filelock import FileLock

# Two OpenMP threads on a busy machine wait for each other; set before torch is imported anywhere.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # there may be a worker for each core


DEMO_SECONDS = 1_500  # that a busy machine may take for three models; a test's own limit is 300
BROWSER = "tests/browser/"
GIVEN = os.environ.get("AGGRESSORS_TEST_WORKSPACE")  # a demo workspace that was built before


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out whole files, for what their tests share, and all of the browser to one worker.

    Two browsers at a time, each with its server, would wait for each other.
    """
    if config.getvalue("dist") != "load":  # what -n alone means
        return None
    from xdist.scheduler import LoadFileScheduling

    class WholeFiles(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return BROWSER if nodeid.startswith(BROWSER) else super()._split_scope(nodeid)

    config.option.loadscopereorder = False  # the order below is meant
    return WholeFiles(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files in an order that fits the demo, which is built meanwhile.

    Those that need it come neither first nor last: at first they would wait for it, and at the
    end all other workers for them.
    """
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        if _needs_demo(item):
            item.add_marker(pytest.mark.timeout(DEMO_SECONDS), append=False)
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    browser = {file for file in files if file.startswith(BROWSER)}
    demo = {file for file, held in files.items() if any(map(_needs_demo, held))}
    rest = [file for file in files if file not in browser | demo]
    half = len(rest) // 2
    order = [
        *sorted(browser - demo),
        *sorted(browser & demo),
        *rest[:half],
        *sorted(demo - browser),
        *rest[half:],
    ]
    items[:] = [item for file in order for item in files[file]]


def _needs_demo(item: pytest.Item) -> bool:
    return "demo_workspace" in getattr(item, "fixturenames", ())


def _built_once(shared: Path, name: str, build: Callable[[Path], object]) -> Path:
    """Give a folder that one worker builds, for which the others wait."""
    folder, done = shared / name, shared / f"{name}.done"
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            build(folder)
            done.touch()
    return folder


def _build_demo(folder: Path) -> None:
    command = [sys.executable, "-m", "aggressors", "demo", "--no-app", "--workspace", str(folder)]
    subprocess.run(command, check=True)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of all workers of this session."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session", autouse=True)
def demo_meanwhile(request: pytest.FixtureRequest, shared: Path) -> Iterator[None]:
    """Begin with the demo at once where a test will need it; most tests do not."""
    if GIVEN or not any(_needs_demo(item) for item in request.session.items):
        yield
        return
    building = Thread(target=_try_demo, args=(shared,), daemon=True)
    building.start()
    yield
    if not (request.session.shouldfail or request.session.shouldstop):
        building.join()  # another worker may wait for what this one builds


def _try_demo(shared: Path) -> None:
    with suppress(subprocess.CalledProcessError):  # the first test that needs it tries again
        _built_once(shared, "demo-workspace", _build_demo)


@pytest.fixture(scope="session")
def demo_workspace(shared: Path) -> Path:
    """Workspace with the demo's runs v1, v2 and v3; read it, or copy it before writing.

    Built once for all workers of a session. AGGRESSORS_TEST_WORKSPACE names one built before.
    """
    return Path(GIVEN) if GIVEN else _built_once(shared, "demo-workspace", _build_demo)


@pytest.fixture(scope="session")
def planted_once(shared: Path) -> Path:
    """Workspace of `tests.app.worlds.planted_workspace`; read it, or copy it before writing."""
    from tests.app.worlds import planted_workspace

    return _built_once(shared, "planted-workspace", planted_workspace)


@pytest.fixture
def demo_copy(demo_workspace: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with the demo's runs (hard links: run files are never changed)."""
    from storied import with_the_test

    copy = tmp_path / "workspace"
    shutil.copytree(demo_workspace, copy, copy_function=os.link)
    return with_the_test(copy)
