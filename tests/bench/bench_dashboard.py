"""What a page costs the server and the browser. `make bench`, or run this file.

Server time and payload of each page come from a websocket session without a browser, from the
request to the end of the script. First paint is measured in a real browser, against an empty
Streamlit app that a bare `streamlit run` starts, in the same run and in turns: that ratio is held
against the bar. An empty app behind our own command is noted beside it, which tells what the
command costs from what the pages cost. Best of five, because a shared machine only ever adds time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULT = Path(__file__).parent / "results" / "dashboard.json"
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

PAGES = ("", "aggressor", "explore", "solve", "track", "runs")
VISITS = 25  # of each page, after one that fills the caches
ROUNDS = 5
MOST_MS, MOST_KB, MOST_RATIO = 200, 1024, 1.5
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


# --- Servers ---


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def dashboard(workspace: Path) -> Iterator[str]:
    """Start our dashboard as a user does."""
    port = free_port()
    command = [sys.executable, "-m", "aggressors", "app", "--port", str(port)]
    with _served([*command, "--workspace", str(workspace)], port, ROOT) as address:
        yield address


@contextmanager
def empty_app(folder: Path, *, launched: bool) -> Iterator[str]:
    """Start an app of one line under the same configuration.

    launched : by our own command, as the dashboard is; False by a bare `streamlit run`.
    """
    script = folder / "empty.py"
    script.write_text("import streamlit as st\nst.write('ready')\n", encoding="utf-8")
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit", dirs_exist_ok=True)
    port = free_port()
    if launched:
        command = [sys.executable, "-c", LAUNCH, str(script), "app", "--port", str(port)]
        command += ["--workspace", str(folder)]
    else:
        command = [sys.executable, "-m", "streamlit", "run", str(script)]
        command += ["--server.port", str(port)]
    with _served(command, port, folder) as address:
        yield address


# The command `aggressors app`, except that it serves another script.
LAUNCH = """
import sys
from pathlib import Path
from aggressors import launch
from aggressors.cli import main
launch._server_file = lambda script=Path(sys.argv.pop(1)): script
sys.exit(main())
"""


@contextmanager
def _served(command: list[str], port: int, folder: Path) -> Iterator[str]:
    log = subprocess.DEVNULL
    # Python keeps what it compiled, as for whoever starts the dashboard a second time.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log) as server:
        try:
            yield f"http://localhost:{port}"
        finally:
            server.terminate()
            server.wait(timeout=20)


def wait(address: str) -> None:
    while True:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.02)


# --- Server time and payload ---


async def visit_pages(address: str) -> dict[str, dict[str, float]]:
    """Server time and payload of every page, over one websocket session."""
    import websockets

    found = {}
    stream = address.replace("http", "ws", 1) + "/_stcore/stream"
    connect = websockets.connect(stream, subprotocols=["streamlit"], origin=address, max_size=None)
    async with connect as session:
        for page in PAGES:
            _, first_kb = await one_run(session, page)
            runs = [await one_run(session, page) for _ in range(VISITS)]
            times = sorted(seconds * 1000 for seconds, _ in runs)
            found[page or "insights"] = {
                "p50_ms": round(times[len(times) // 2], 1),
                "p95_ms": round(times[int(0.95 * (len(times) - 1))], 1),
                "kb": round(first_kb, 1),
            }
    return found


async def one_run(session: Any, page: str) -> tuple[float, float]:
    """Seconds from request to end of script, and kilobytes received."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    request = BackMsg()
    request.rerun_script.page_name = page
    began, size = time.perf_counter(), 0
    await session.send(request.SerializeToString())
    while True:
        received = await asyncio.wait_for(session.recv(), 60)
        size += len(received)
        answer = ForwardMsg()
        answer.ParseFromString(received)
        kind = answer.WhichOneof("type")
        if kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
            raise AssertionError(answer.delta.new_element.exception.message)
        if kind == "script_finished":
            return time.perf_counter() - began, size / 1024


# --- First paint ---


def paint(browser: Any, address: str) -> float:
    """Seconds until the page has run and is painted, in a browser that has cached nothing."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_selector("[data-testid=stElementContainer]")
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    seconds = time.perf_counter() - began
    context.close()
    return seconds


def first_paints(browser: Any, workspace: Path, folder: Path) -> dict[str, float]:
    """Best of ROUNDS, all in turns, on a warm server and from the command to the painted page."""
    warm: dict[str, list[float]] = {}
    start: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, served in (
            ("empty", empty_app(folder, launched=False)),
            ("launched", empty_app(folder, launched=True)),
            ("ours", dashboard(workspace)),
        ):
            began = time.perf_counter()
            with served as address:
                wait(address)
                paint(browser, address)
                start.setdefault(name, []).append(time.perf_counter() - began)
                time.sleep(2)
                warm.setdefault(name, []).append(paint(browser, address))
    best = {f"warm_{name}_s": min(times) for name, times in warm.items()}
    best |= {f"start_{name}_s": min(times) for name, times in start.items()}
    best["warm_ratio"] = best["warm_ours_s"] / best["warm_empty_s"]
    best["start_ratio"] = best["start_ours_s"] / best["start_empty_s"]
    best["start_ratio_to_launched"] = best["start_ours_s"] / best["start_launched_s"]
    return {name: round(value, 3) for name, value in best.items()}


# --- All together ---


def measure(workspace: Path) -> dict[str, Any]:
    """Measure everything on one workspace."""
    from chromium import find_browser
    from playwright.sync_api import sync_playwright

    before = os.getloadavg()[0]
    with dashboard(workspace) as address:
        wait(address)
        pages = asyncio.run(visit_pages(address))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        paints = first_paints(browser, workspace, Path(folder))
        browser.close()
    return {
        "pages": pages,
        "first_paint": paints,
        "bars": {"p95_ms": MOST_MS, "kb": MOST_KB, "ratio": MOST_RATIO},
        "machine": {
            "system": platform.platform(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "load_before": round(before, 2),
            "load_after": round(os.getloadavg()[0], 2),
        },
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_pages_are_light_and_start_fast(demo_copy: Path):
    found = measure(demo_copy)
    print(json.dumps(found, indent=1))
    for name, page in found["pages"].items():
        assert page["p95_ms"] <= MOST_MS, name
        assert page["kb"] <= MOST_KB, name
    assert found["first_paint"]["warm_ratio"] <= MOST_RATIO
    assert found["first_paint"]["start_ratio"] <= MOST_RATIO


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path, help="a workspace with the demo's runs")
    arguments = parser.parse_args()
    result = measure(arguments.workspace)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))
