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
import shutil
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULT = Path(__file__).parent / "results" / "dashboard.json"
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from chromium import FLAGS, find_browser  # noqa: E402

from serving import Server, ask, dashboard, free_port, machine, session, started  # noqa: E402

PAGES = ("", "aggressor", "explore", "solve", "track", "runs")
VISITS = 25  # of each page, after one that fills the caches
ROUNDS = 5
MOST_MS, MOST_KB, MOST_RATIO = 200, 1024, 1.5


# --- Servers ---


def empty_app(folder: Path, *, launched: bool) -> AbstractContextManager[Server]:
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
    return started(command, port, folder=folder)


# The command `aggressors app`, except that it serves another script.
LAUNCH = """
import sys
from pathlib import Path
from aggressors import launch
from aggressors.cli import main
launch._server_file = lambda script=Path(sys.argv.pop(1)): script
sys.exit(main())
"""


# --- Server time and payload ---


async def visit_pages(address: str) -> dict[str, dict[str, float]]:
    """Server time and payload of every page, over one websocket session."""
    found = {}
    async with session(address) as opened:
        for page in PAGES:
            first, *runs = [await ask(opened, page) for _ in range(1 + VISITS)]
            assert not any(run.errors for run in (first, *runs)), page
            times = sorted(run.seconds * 1000 for run in runs)
            found[page or "insights"] = {
                "p50_ms": round(times[len(times) // 2], 1),
                "p95_ms": round(times[int(0.95 * (len(times) - 1))], 1),
                "kb": round(first.kilobytes, 1),
            }
    return found


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
            with served as server:
                paint(browser, server.address)
                start.setdefault(name, []).append(time.perf_counter() - began)
                time.sleep(2)
                warm.setdefault(name, []).append(paint(browser, server.address))
    best = {f"warm_{name}_s": min(times) for name, times in warm.items()}
    best |= {f"start_{name}_s": min(times) for name, times in start.items()}
    best["warm_ratio"] = best["warm_ours_s"] / best["warm_empty_s"]
    best["start_ratio"] = best["start_ours_s"] / best["start_empty_s"]
    best["start_ratio_to_launched"] = best["start_ours_s"] / best["start_launched_s"]
    return {name: round(value, 3) for name, value in best.items()}


# --- All together ---


def measure(workspace: Path) -> dict[str, Any]:
    """Measure everything on one workspace."""
    from playwright.sync_api import sync_playwright

    before = os.getloadavg()[0]
    with dashboard(workspace) as server:
        pages = asyncio.run(visit_pages(server.address))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        paints = first_paints(browser, workspace, Path(folder))
        browser.close()
    return {
        "pages": pages,
        "first_paint": paints,
        "bars": {"p95_ms": MOST_MS, "kb": MOST_KB, "ratio": MOST_RATIO},
        "machine": machine(before),
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
