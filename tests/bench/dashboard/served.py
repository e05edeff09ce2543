"""The dashboard as it is served, through the websocket: one visitor, and many at once."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interactions import Draw, at

from serving import Answer, ask, session


@dataclass(frozen=True)
class Subject:
    """The run that is asked about: its id, and ids of its first aggressor's candidates."""

    run: str
    candidates: tuple[str, ...]


def _budget(draw: Draw, subject: Subject) -> dict[str, str]:
    """Another number of samples to label, as varied as another analyst wants them."""
    return {
        "budget": str(draw.rng.integers(10, 1_001)),
        "variety": str(10 * draw.rng.integers(11)),
        "even": str(draw.rng.integers(2)),
    }


def _more_like(draw: Draw, subject: Subject) -> dict[str, str]:
    """A few candidates picked as examples, and a few as none."""
    chosen = draw.rng.choice(subject.candidates, draw.rng.integers(2, 9), replace=False).tolist()
    some = 1 + len(chosen) // 2
    return {"more": "\n".join(chosen[:some]), "less": "\n".join(chosen[some:])}


Local = Callable[[Draw, Subject], dict[str, str]]
PAGES: dict[str, tuple[str, Local]] = {
    "insights": ("", lambda draw, subject: {}),
    "aggressor": ("aggressor", lambda draw, subject: {}),
    "explore, map": ("explore", lambda draw, subject: {"tab": "map"}),
    "explore, compare": ("explore", lambda draw, subject: {"tab": "compare"}),
    "explore, datasets": (
        "explore",
        lambda draw, subject: {"tab": "compare", "against": "datasets"},
    ),
    "solve": ("solve", lambda draw, subject: {}),
    "solve, another budget": ("solve", _budget),
    "solve, more like these": ("solve", _more_like),
    "track": ("track", lambda draw, subject: {}),
    "runs": ("runs", lambda draw, subject: {}),
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


async def visit(opened: Any, page: str, subject: Subject, filter: str, draw: Draw) -> Answer:
    """Ask for a page under a filter, and read all of it."""
    stem, local = PAGES[page]
    return await ask(opened, stem, run=subject.run, f=filter, **local(draw, subject))


def analysed(claim: str) -> str:
    """Write a claim as the filter bar does: with the population that a run opens with."""
    return f"population = validation and ({claim})"


async def visit_pages(address: str, subject: Subject, visits: int, seed: int) -> dict[str, Any]:
    """Every page under filters that nobody asked for before, one session."""
    draw, found = Draw(seed), {}
    async with session(address) as opened:
        for page in PAGES:
            await visit(opened, page, subject, analysed(Draw.interval(draw)), draw)
            taken = [
                await visit(
                    opened, page, subject, analysed(CLAIMS[place % len(CLAIMS)](draw)), draw
                )
                for place in range(visits)
            ]
            found[page] = told(taken)
    return found


def told(visits: list[Answer]) -> dict[str, Any]:
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
    address: str, subject: Subject, *, people: int, seconds: float, think: float, seed: int
) -> dict[str, Any]:
    """Many at once, each on random pages under random filters, for a bounded time."""
    until = time.perf_counter() + seconds
    visits: list[Answer] = []
    failed: list[str] = []

    async def one(number: int) -> None:
        draw, chance = Draw(seed + number), random.Random(seed + number)
        await asyncio.sleep(chance.uniform(0, think))
        try:
            async with session(address) as opened:
                while time.perf_counter() < until:
                    claim = chance.choice(CLAIMS)(draw)
                    page = chance.choice(list(PAGES))
                    visits.append(await visit(opened, page, subject, analysed(claim), draw))
                    await asyncio.sleep(chance.uniform(0.5, 1.5) * think)
        except Exception as error:  # a session that breaks is a finding, not an end
            failed.append(repr(error))

    await asyncio.gather(*(one(number) for number in range(people)))
    return told(visits) | {"people": people, "think_s": think, "sessions_broken": failed}


async def abandon(
    address: str, subject: Subject, pid: int, *, rounds: int, seed: int
) -> dict[str, Any]:
    """How long the server works on for a tab that is closed while its page runs.

    Work is CPU time of the server, looked at every 25 ms; it is over when a quarter of a second
    passes in which a core is idle for nine tenths.
    """
    draw, found = Draw(seed), []
    for _ in range(rounds):
        async with session(address) as opened:
            asked = asyncio.create_task(
                visit(opened, "explore, compare", subject, analysed(draw.several()), draw)
            )
            await asyncio.sleep(draw.rng.uniform(0.05, 0.15))
            asked.cancel()
            with suppress(asyncio.CancelledError):
                await asked
        found.append(await _rests(pid))
    return {"n": rounds, "p50_s": round(at(found, 0.5), 2), "most_s": round(max(found), 2)}


async def _rests(pid: int) -> float:
    began = last = time.perf_counter()
    before = cpu_seconds(pid)
    while time.perf_counter() - last < 0.25:
        await asyncio.sleep(0.025)
        now = cpu_seconds(pid)
        if now - before > 0.015:
            last, before = time.perf_counter(), now
    return last - began


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and its children."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0
    for process in (pid, *_children(pid)):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / ticks
