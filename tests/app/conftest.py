"""Workspaces to look at, and a page of the dashboard as AppTest sees it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import aggressors_app
from aggressors.store.workspace import Workspace
from planted import empty_run, tiny_run

ENTRY = Path(aggressors_app.__file__).with_name("streamlit_app.py")
Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def planted_versions(planted_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v1, v2 that solves dusk, v3 that forgets it, and two saved tests."""
    folder = tmp_path_factory.mktemp("planted") / "workspace"
    shutil.copytree(planted_once, folder)
    return folder


@pytest.fixture
def planted(planted_versions: Path, tmp_path: Path) -> Path:
    """A copy of one's own, so that a test may save and queue."""
    copy = tmp_path / "planted"
    shutil.copytree(planted_versions, copy)
    return copy


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A workspace with 12 samples, and nothing found in them."""
    tiny_run(tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.fixture
def barren(tmp_path: Path) -> Path:
    """A workspace whose only run holds no sample."""
    empty_run(tmp_path / "barren")
    return tmp_path / "barren"


@pytest.fixture
def no_runs(tmp_path: Path) -> Path:
    """A workspace without a run."""
    return Workspace.open(tmp_path / "none", create=True).root


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Open a page of the dashboard on a workspace, with parameters in its address."""
    from aggressors_app import cached

    cached.forget()
    monkeypatch.delenv("AGGRESSORS_RUN", raising=False)

    def open_page(workspace: Path, page: str = "insights", /, **params: str) -> AppTest:
        monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(workspace))
        app = AppTest.from_file(str(ENTRY), default_timeout=60)
        for name, value in params.items():
            app.query_params[name] = value
        if page != "insights":
            app.switch_page(f"app_pages/{page}.py")
        return app.run()

    yield open_page
    cached.forget()
