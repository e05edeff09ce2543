"""Fixtures shared by all tests: one demo workspace for the whole session, built by the engine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from filelock import FileLock

# Two OpenMP threads on a busy machine wait for each other; set before torch is imported anywhere.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


DEMO_SECONDS = 1_500  # that a busy machine may take for three models; a test's own limit is 300
GIVEN = os.environ.get("AGGRESSORS_TEST_WORKSPACE")  # a demo workspace that was built before


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in a hook of this name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a module together, for what they share; in an order that fits the demo.

    It is built meanwhile, so that those that need it come neither first nor last: at first they
    would wait for it, and at the end all other workers for them.
    """
    browser, demo, rest = [], [], []
    for item in sorted(items, key=_needs_demo):
        if _needs_demo(item):
            item.add_marker(pytest.mark.timeout(DEMO_SECONDS), append=False)
        if item.get_closest_marker("xdist_group"):
            browser.append(item)
        elif _needs_demo(item):
            item.add_marker(pytest.mark.xdist_group("demo"))
            demo.append(item)
        else:
            item.add_marker(pytest.mark.xdist_group(_module(item)))
            rest.append(item)
    half = len(rest) // 2
    while 0 < half < len(rest) and _module(rest[half - 1]) == _module(rest[half]):
        half += 1
    items[:] = [*browser, *rest[:half], *demo, *rest[half:]]


def _module(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


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
