"""What the page Track costs the server with 200 saved tests over 100 runs.

    PYTHONPATH=tests python -m bench.track.bench_page [--write]

The workspace is that of `bench_check`. Each view is asked for through the websocket, as a browser
does, from the request to the end of the script; every visit is another test or another run, so
that little of it was asked before. Wall time on a shared machine is an upper bound; the server's
processor time of a visit stands beside it. The first visit of all, after which a server knows the
runs and the verdicts, is told apart; so is the first after a new run was published and judged.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from aggressors import gate
from aggressors.store.workspace import Workspace
from bench.track.bench_check import ROOT, RUNS, SAMPLES, TESTS, bare_tables, built, version
from bench.track.check_page import report
from serving import Answer, ask, dashboard, machine, session

sys.path.insert(0, str(ROOT / "tests" / "bench" / "dashboard"))

from served import cpu_seconds

MOST_MS = 300  # p95
VISITS = 40
FILTER = "population = validation"

Draw = Callable[[np.random.Generator], dict[str, str]]


def _run(rng: np.random.Generator) -> dict[str, str]:
    return {"run": f"r{rng.integers(RUNS):03d}-0000"}


def _test(rng: np.random.Generator) -> dict[str, str]:
    return {"test": f"group-{rng.integers(TESTS):03d}"}


VIEWS: dict[str, Draw] = {
    "tests": lambda rng: {},
    "tests, another test": _test,
    "tests, another run": _run,
    "tests, older runs": lambda rng: {"runs_page": str(rng.integers(2, 14))},
    "two runs": lambda rng: {"view": "runs"},
    "two runs, another run": lambda rng: {"view": "runs"} | _run(rng),
    "two runs, the samples of a test": lambda rng: {
        "view": "runs",
        "on": f"test:{_test(rng)['test']}",
    },
}


async def visit_views(address: str, pid: int) -> dict[str, Any]:
    """Visit each view once to warm what all of them share, then again and again."""
    rng = np.random.default_rng(7)
    found: dict[str, Any] = {}
    async with session(address) as opened:
        first = await _visit(opened, {})
        for name, draw in VIEWS.items():
            await _visit(opened, draw(rng))
            began = cpu_seconds(pid)
            visits = [await _visit(opened, draw(rng)) for _ in range(VISITS)]
            spent = cpu_seconds(pid) - began
            times = sorted(1000 * one.seconds for one in visits)
            found[name] = {
                "p50_ms": round(times[len(times) // 2]),
                "p95_ms": round(times[int(0.95 * (len(times) - 1))]),
                "cpu_ms": round(1000 * spent / VISITS),
                "most_kb": round(max(one.kilobytes for one in visits)),
            }
    return {"first_s": round(first.seconds, 2), "views": found}


async def _visit(opened: Any, drawn: dict[str, str]) -> Answer:
    answer = await ask(opened, "track", **{"run": f"r{RUNS - 1:03d}-0000", "f": FILTER} | drawn)
    assert not answer.errors, answer.errors
    return answer


async def _once(address: str) -> float:
    async with session(address) as opened:
        return round((await _visit(opened, {})).seconds, 2)


def measure(workspace: Workspace) -> dict[str, Any]:
    """Serve the workspace, and visit it before and after a run is published."""
    before = os.getloadavg()[0]
    with dashboard(workspace.root) as server:
        found = asyncio.run(visit_views(server.address, server.pid))
        version(workspace, bare_tables(), RUNS, "new")
        gate.check(workspace, "new")
        found["first_after_a_new_run_s"] = asyncio.run(_once(server.address))
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(before),
        "tests": TESTS,
        "runs": RUNS,
        "samples": SAMPLES,
        "visits": VISITS,
        "aim_p95_ms": MOST_MS,
        **found,
    }


if __name__ == "__main__":
    report("track_page", __doc__, lambda root: measure(built(root)))
