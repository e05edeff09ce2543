"""The served dashboard: pages through the websocket, with one visitor and with many at once."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interactions import Draw, at

ROOT = Path(__file__).resolve().parents[3]
PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "insights": ("", {}),
    "aggressor": ("aggressor", {}),
    "explore, map": ("explore", {"tab": "map"}),
    "explore, compare": ("explore", {"tab": "compare"}),
    "explore, datasets": ("explore", {"tab": "compare", "against": "datasets"}),
    "solve": ("solve", {}),
    "track": ("track", {}),
    "runs": ("runs", {}),
}
CLAIMS: tuple[Callable[[Draw], str], ...] = (
    Draw.interval,
    Draw.some,
    Draw.quantile,
    Draw.member,
    Draw.lasso,
    Draw.several,
    Draw.scene,
)


# --- The server ---


@contextmanager
def server(workspace: Path, port: int) -> Iterator[tuple[str, int]]:
    """Start the dashboard as a user does, and wait for it; gives its address and process."""
    command = [sys.executable, "-m", "aggressors", "app", "--port", str(port)]
    command += ["--workspace", str(workspace)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet) as process:
        address = f"http://localhost:{port}"
        try:
            _wait(address)
            yield address, process.pid
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(address: str) -> None:
    while True:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.05)


def memory(pid: int) -> tuple[float, float]:
    """Resident memory of a process and its children in MB: now, and at its peak."""
    now = peak = 0.0
    for process in (pid, *_children(pid)):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            now += int(value.split()[0]) / 1024 if name == "VmRSS" else 0
            peak += int(value.split()[0]) / 1024 if name == "VmHWM" else 0
    return round(now, 1), round(peak, 1)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [process for child in listed for process in (int(child), *_children(int(child)))]


# --- Through the websocket ---


@dataclass
class Visit:
    """One run of a page: seconds from request to end of script, and what was sent."""

    page: str
    seconds: float
    kilobytes: float
    errors: list[str] = field(default_factory=list)


async def visit(session: Any, page: str, run: str, filter: str, name: str = "") -> Visit:
    """Ask for a page under a filter, and read all of it."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    stem, local = PAGES[page]
    request = BackMsg()
    request.rerun_script.page_name = stem
    request.rerun_script.query_string = urllib.parse.urlencode({"run": run, "f": filter, **local})
    began, size, errors = time.perf_counter(), 0, []
    await session.send(request.SerializeToString())
    while True:
        received = await asyncio.wait_for(session.recv(), 120)
        size += len(received)
        answer = ForwardMsg()
        answer.ParseFromString(received)
        kind = answer.WhichOneof("type")
        if kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
            errors.append(answer.delta.new_element.exception.message)
        if kind == "script_finished":
            return Visit(name or page, time.perf_counter() - began, size / 1024, errors)


def connection(address: str) -> Any:
    """Open a session as a browser does."""
    import websockets

    stream = address.replace("http", "ws", 1) + "/_stcore/stream"
    return websockets.connect(
        stream, subprotocols=["streamlit"], origin=address, max_size=None, ping_interval=None
    )


def analysed(claim: str) -> str:
    """Write a claim as the filter bar does: with the population that a run opens with."""
    return f"population = validation and ({claim})"


async def visit_pages(address: str, run: str, visits: int, seed: int) -> dict[str, Any]:
    """Every page under filters that nobody asked for before, one session."""
    draw, found = Draw(seed), {}
    async with connection(address) as session:
        for page in PAGES:
            await visit(session, page, run, analysed(Draw.interval(draw)))
            taken = [
                await visit(session, page, run, analysed(CLAIMS[place % len(CLAIMS)](draw)))
                for place in range(visits)
            ]
            found[page] = told(taken)
    return found


def told(visits: list[Visit]) -> dict[str, Any]:
    """p50 and p95 of the time in ms, the most kilobytes, and the errors."""
    times = [1000 * one.seconds for one in visits]
    return {
        "n": len(visits),
        "p50_ms": round(at(times, 0.5), 1),
        "p95_ms": round(at(times, 0.95), 1),
        "most_ms": round(max(times), 1),
        "most_kb": round(max(one.kilobytes for one in visits), 1),
        "errors": [error for one in visits for error in one.errors][:5],
    }


async def analysts(
    address: str, run: str, *, people: int, seconds: float, think: float, seed: int
) -> dict[str, Any]:
    """Many at once, each on random pages under random filters, for a bounded time."""
    until = time.perf_counter() + seconds
    visits: list[Visit] = []
    failed: list[str] = []

    async def one(number: int) -> None:
        draw, chance = Draw(seed + number), random.Random(seed + number)
        await asyncio.sleep(chance.uniform(0, think))
        try:
            async with connection(address) as session:
                while time.perf_counter() < until:
                    claim = chance.choice(CLAIMS)(draw)
                    page = chance.choice(list(PAGES))
                    visits.append(await visit(session, page, run, analysed(claim)))
                    await asyncio.sleep(chance.uniform(0.5, 1.5) * think)
        except Exception as error:  # a session that breaks is a finding, not an end
            failed.append(repr(error))

    await asyncio.gather(*(one(number) for number in range(people)))
    return told(visits) | {"people": people, "think_s": think, "sessions_broken": failed}


async def abandon(address: str, run: str, pid: int, *, rounds: int, seed: int) -> dict[str, Any]:
    """How long the server works on for a tab that is closed while its page runs.

    Work is CPU time of the server, looked at every 25 ms; it is over when a quarter of a second
    passes in which a core is idle for nine tenths.
    """
    draw, found = Draw(seed), []
    for _ in range(rounds):
        async with connection(address) as session:
            asked = asyncio.create_task(
                visit(session, "explore, compare", run, analysed(draw.several()))
            )
            await asyncio.sleep(draw.rng.uniform(0.05, 0.15))
            asked.cancel()
            with suppress(asyncio.CancelledError):
                await asked
        found.append(await _rests(pid))
    return {"n": rounds, "p50_s": round(at(found, 0.5), 2), "most_s": round(max(found), 2)}


async def _rests(pid: int) -> float:
    began = last = time.perf_counter()
    before = _cpu(pid)
    while time.perf_counter() - last < 0.25:
        await asyncio.sleep(0.025)
        now = _cpu(pid)
        if now - before > 0.015:
            last, before = time.perf_counter(), now
    return last - began


def _cpu(pid: int) -> float:
    """CPU seconds of a process and its children."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0
    for process in (pid, *_children(pid)):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / ticks
