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

from aggressors.store.read import RunFile

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
    pd.read_parquet(table), host="127.0.0.1", port=port, no_browser=True, wait=False, analyze=False,
    layout=layout.layout(
        layout.table(), layout.scatterplot("map", x_column="map_x", y_column="map_y"),
    ),
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


def commands(table: Path, folder: Path, port: int) -> dict[str, list[str]]:
    """How each tool is started on the table."""
    return {
        "spotlight": [
            str(installed("spotlight", folder) / "python"), "-c", SPOTLIGHT, str(table), str(port),
        ],
        "atlas": [
            str(installed("atlas", folder) / "embedding-atlas"), str(table),
            "--x", "map_x", "--y", "map_y", "--disable-projection",
            "--host", "127.0.0.1", "--port", str(port), "--no-auto-port",
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


def compare(run: RunFile, ours: str, folder: Path, port: int) -> dict[str, Any]:
    """Open the map here and in the other tools.

    Parameters
    ----------
    ours : address of our map, already served.
    folder : where table, tools and pictures are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"aggressors": opened(ours, folder / "aggressors.png")}
    table = table_of(run, folder / "table.parquet")
    address = f"http://127.0.0.1:{port}/"
    for tool, command in commands(table, folder, port).items():
        began = time.perf_counter()
        with started(command, address):
            ready = round(time.perf_counter() - began, 2)
            found[tool] = {"ready_s": ready} | opened(address, folder / f"{tool}.png")
        found[tool]["version"] = TOOLS[tool].partition("==")[2]
        for name in ("open_s", "mb"):
            ratio = found[tool][name] / max(found["aggressors"][name], 1e-9)
            found[tool][f"{name.partition('_')[0]}_ratio"] = round(ratio, 1)
    return found
