"""A real server on a free port, and a real browser that notes everything that goes wrong."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from serving import dashboard
from storied import with_the_test

HERE = Path(__file__).parent

# The script has ended, the page has not changed for some milliseconds, and the browser has
# nothing left to do: between the first and the last, much may still have to be drawn.
STILL = """milliseconds => {
  const now = () => performance.now();
  if (!window.still) {
    window.still = {changed: now(), idle: 0};
    const changes = new MutationObserver(() => { window.still.changed = now(); });
    const told = {attributes: true, attributeFilter: ["data-test-script-state", "aria-pressed"]};
    changes.observe(document, {childList: true, subtree: true, characterData: true, ...told});
  }
  const {changed, idle} = window.still;
  requestIdleCallback(() => { window.still.idle = now(); });
  const app = document.querySelector("[data-testid=stApp]");
  const ended = app?.dataset.testScriptState === "notRunning";
  return ended && idle - changed > milliseconds;
}"""


@pytest.fixture(scope="session")
def workspace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of one's own: the demo's where AGGRESSORS_TEST_WORKSPACE names one."""
    folder = tmp_path_factory.mktemp("browser") / "workspace"
    given = os.environ.get("AGGRESSORS_TEST_WORKSPACE")
    shutil.copytree(given or request.getfixturevalue("planted_once"), folder)
    return folder


@pytest.fixture(scope="session")
def server(workspace: Path) -> Iterator[str]:
    """Address of a dashboard that runs as a user starts it."""
    with (
        (workspace.parent / "server.log").open("w") as log,
        dashboard(workspace, log) as served,
    ):
        yield served.address


@pytest.fixture(scope="session")
def demo(demo_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of one's own as the demo leaves it: three versions, labels, and a test."""
    folder = tmp_path_factory.mktemp("browser") / "demo"
    shutil.copytree(demo_workspace, folder, ignore=shutil.ignore_patterns("work"))
    return with_the_test(folder)


@pytest.fixture(scope="session")
def demo_server(demo: Path) -> Iterator[str]:
    """Address of a dashboard on the real demo."""
    with (demo.parent / "demo.log").open("w") as log, dashboard(demo, log) as served:
        yield served.address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """An installed Chrome or Chromium, else Playwright's own; in CI its lack is a failure."""
    if importlib.util.find_spec("playwright") is None:
        _without("Playwright is not installed: pip install 'aggressors[dev]'")
    from playwright.sync_api import sync_playwright

    spec = importlib.util.spec_from_file_location("chromium", HERE / "chromium.py")
    assert spec is not None
    assert spec.loader is not None
    chromium = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chromium)
    path = chromium.find_browser()
    if path is None:
        _without("no Chrome or Chromium here; install one, or `make browser` fetches one")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS)
        yield started
        started.close()


def _without(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"The browser tests must run in CI: {reason}")
    pytest.skip(reason)


@dataclass
class Visit:
    """One browser window on the dashboard, and what went wrong in it."""

    page: Any
    server: str
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.server}/{path}")
        self.settle()

    def settle(self) -> None:
        """Wait until the script has run and what it sent is painted."""
        self.page.wait_for_selector("[data-testid=stApp]")
        self.page.wait_for_timeout(250)  # what was just done takes so long to reach the script
        self.page.evaluate("() => { if (window.still) window.still.changed = performance.now(); }")
        self.page.wait_for_function(STILL, arg=300, timeout=60_000)

    def go(self, step: str) -> None:
        """Follow the link of one step in the header."""
        header = self.page.locator(".st-key-header")
        header.get_by_text(step, exact=True).click()
        self.page.wait_for_url(f"**/{'' if step == 'Insights' else step.lower()}?*")
        self.settle()

    def check(self) -> None:
        """No error was noted, and none is on the page."""
        boxes = self.page.locator("[data-testid=stException], [data-testid=stAlert]")
        self.problems += [f"box: {text}" for text in boxes.all_inner_texts()]
        assert self.problems == []

    def _console(self, message: Any) -> None:
        # What could not be loaded is noted by its response, which knows the address.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(f"console: {message.text}")

    def _request(self, request: Any) -> None:
        host = urlsplit(request.url)
        if host.scheme in ("http", "https", "ws", "wss") and host.hostname != "localhost":
            self.problems.append(f"request to another host: {request.url}")

    def _response(self, response: Any) -> None:
        # Streamlit looks for its endpoints below the page's own path first.
        below_a_page = urlsplit(response.url).path.count("/_stcore/") and not urlsplit(
            response.url
        ).path.startswith("/_stcore/")
        if response.status >= 400 and not below_a_page:
            self.problems.append(f"{response.status}: {response.url}")


@pytest.fixture
def visit(browser: Any, server: str) -> Iterator[Any]:
    """Open windows of a size and colour scheme; all are checked and closed at the end."""
    with _windows(browser, server) as new:
        yield new


@pytest.fixture
def demo_visit(browser: Any, demo_server: str) -> Iterator[Any]:
    """Open windows on the real demo."""
    with _windows(browser, demo_server) as new:
        yield new


@contextmanager
def _windows(browser: Any, server: str) -> Iterator[Any]:
    contexts, visits = [], []

    def new(width: int = 1440, height: int = 900, scheme: str = "light") -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True
        )
        contexts.append(context)
        visits.append(Visit(context.new_page(), server))
        return visits[-1]

    yield new
    for context in contexts:
        context.close()
    for one in visits:
        assert one.problems == []
