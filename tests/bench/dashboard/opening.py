"""Open a million rows and their map: here, in Renumics Spotlight, and in Embedding Atlas.

Each is started as its manual says, on the same table with the same two coordinates, and opened in
the same browser. Its time ends with the last byte that the page receives, which favours those that
draw for long afterwards; what stood on the screen then is kept as a picture.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from aggressors.store.read import RunFile, open_run
from aggressors.store.workspace import Workspace
from serving import dashboard_command, free_port

TOOLS = {"spotlight": "renumics-spotlight==1.8.2", "atlas": "embedding-atlas==0.26.0"}
VIEW = {"width": 1440, "height": 900}
QUIET_S = 5.0  # without a byte, until a page counts as open
PATIENCE_S = 240.0
SHOWN = """
    SELECT s.sample_id, s.population::VARCHAR AS population, s.label::VARCHAR AS label,
        s.prediction::VARCHAR AS prediction, s.loss, s.map_x, s.map_y, m.* EXCLUDE (row_id)
    FROM samples s POSITIONAL JOIN metadata m
"""
SMALL = 200  # bytes of a message that only keeps a connection alive
SPOTLIGHT = """
import sys
import pandas as pd
from renumics import spotlight
from renumics.spotlight import layout
table, port = sys.argv[1], int(sys.argv[2])
viewer = spotlight.show(
    pd.read_parquet(table), host="localhost", port=port, no_browser=True, wait=False, analyze=False,
    layout=layout.layout(layout.scatterplot("map", x_column="map_x", y_column="map_y")),
)
print("ready", flush=True)
sys.stdin.read()
"""


def table_of(run: RunFile, path: Path) -> Path:
    """Write what our dashboard shows of each sample as Parquet, without the embeddings."""
    if not path.exists():
        with run.asking() as cursor:
            pq.write_table(cursor.sql(SHOWN).to_arrow_table(), path)
    return path


def installed(tool: str, folder: Path) -> Path:
    """Install a tool into an environment of its own, once; return its `bin`."""
    place = folder / tool / "bin"
    if not (place / "pip").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / tool)], check=True)
        subprocess.run([str(place / "pip"), "install", "--quiet", TOOLS[tool]], check=True)
    return place


def commands(workspace: Path, table: Path, folder: Path, port: int) -> dict[str, list[str]]:
    """How each is started: we on the run, the other tools on its table."""
    return {
        "aggressors": dashboard_command(workspace, port),
        "spotlight": [
            str(installed("spotlight", folder) / "python"), "-c", SPOTLIGHT, str(table), str(port),
        ],
        "atlas": [
            str(installed("atlas", folder) / "embedding-atlas"), str(table),
            "--x", "map_x", "--y", "map_y", "--disable-projection",
            "--host", "localhost", "--port", str(port), "--no-auto-port",
        ],
    }  # fmt: skip


@contextmanager
def started(command: list[str], address: str) -> Iterator[None]:
    """Start a server and wait until it answers; Spotlight until it says that it has the table."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a tool may start servers of its own, which end with it
    )
    try:
        if "-c" in command:
            assert process.stdout is not None
            while b"ready" not in (line := process.stdout.readline()):
                if not line:
                    raise RuntimeError(f"{command[0]} ended before it was ready")
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                urllib.request.urlopen(address, timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def opened(address: str, picture: Path) -> dict[str, Any]:
    """Open a page in a fresh browser: seconds until its last byte, and megabytes."""
    from chromium import find_browser
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(),
            args=["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader",
                  "--enable-unsafe-swiftshader"],
        )  # fmt: skip
        page = browser.new_page(viewport=VIEW)
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        began = last = time.perf_counter()
        received = 0

        def came(size: int) -> None:
            nonlocal last, received
            received += size
            last = time.perf_counter() if size > SMALL else last

        session.on("Network.dataReceived", lambda event: came(int(event["dataLength"])))
        session.on(
            "Network.webSocketFrameReceived",
            lambda event: came(len(event["response"]["payloadData"])),
        )
        page.goto(address, wait_until="commit")
        while (now := time.perf_counter()) - began < PATIENCE_S:
            if now - last > QUIET_S and _plotted(page):
                break
            page.wait_for_timeout(100)
        plotted = _plotted(page)
        page.screenshot(path=str(picture))
        browser.close()
    # One that never plots is given up; its time is then a lower bound.
    taken = last - began if plotted else PATIENCE_S
    return {"open_s": round(taken, 2), "mb": round(received / 1e6, 2), "plotted": plotted}


def _plotted(page: Any) -> bool:
    boxes = [canvas.bounding_box() for canvas in page.locator("canvas").all()]
    return any(box and box["width"] > 200 for box in boxes)


def compare(workspace: Path, run_id: str) -> dict[str, Any]:
    """Open the map here and in the other tools: from the command to the last byte of the page."""
    folder = workspace.parent / "opening"
    folder.mkdir(parents=True, exist_ok=True)
    with open_run(Workspace(workspace).resolve(run_id)) as run:
        table = table_of(run, folder / "table.parquet")
    port = free_port()
    pages = {"aggressors": f"explore?run={run_id}", "spotlight": "", "atlas": ""}
    found: dict[str, Any] = {}
    for tool, command in commands(workspace, table, folder, port).items():
        address, began = f"http://localhost:{port}/", time.perf_counter()
        with started(command, address):
            ready = time.perf_counter() - began
            there = opened(address + pages[tool], folder / f"{tool}.png")
        total = round(ready + there["open_s"], 2)
        found[tool] = {"total_s": total, "ready_s": round(ready, 2), **there}
        if tool in TOOLS:
            found[tool] |= {
                "version": TOOLS[tool].partition("==")[2],
                "opening_ratio": round(total / found["aggressors"]["total_s"], 1),
                "bytes_ratio": round(there["mb"] / found["aggressors"]["mb"], 1),
            }
    return found
