"""How immediate the dashboard is over a large run. `python run.py --rows 1000000`, or `make bench`.

Makes the run where it is not there yet (see `generate.py`), then measures on it

- every query behind an interaction, with values drawn anew each time;
- every page under filters that nobody asked for before: server time, bytes, memory;
- filter, aggregate, histogram and binned map against pandas with the frame in memory;
- twenty analysts at once, and what the server still does for a tab that was closed;
- the most used interactions in a real browser;
- how soon the map stands there, beside Renumics Spotlight and Embedding Atlas.

The result is written with the machine, its load and the date. Wall times on a shared machine are
upper bounds: the CPU time of each query stands beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# As the command line starts the dashboard; read when numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), *(str(ROOT / name) for name in ("engine", "app", "tests"))]

import clicks  # noqa: E402
import generate  # noqa: E402
import interactions  # noqa: E402
import opening  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import served  # noqa: E402

from aggressors.store.read import open_run  # noqa: E402
from serving import dashboard, machine  # noqa: E402

RESULTS = HERE.parent / "results"
SEED = 4_200  # of what is asked; the run itself has a seed of its own
PEOPLE, THINK_S = 20, 2.0
WARM_S = 5.0  # after the server answers, until it has read what the first page shows
MILLION = 1_000_000
# Milliseconds, but for a share and megabytes; up to 1 million rows, and beyond.
BARS = {
    "query_p95": 100, "hypothesis_p95": 1_000, "page_p95": 300, "kb": 1_024, "memory_mb": 1_024,
    "pandas_ratio": 1.0, "analysts_p95": 600, "outlives_s": 0.5, "click_p95": 1_000,
    "opening_ratio": 10, "bytes_ratio": 100,
}  # fmt: skip
LARGE = {"query_p95": 500, "hypothesis_p95": 10_000}
PARTS = ("queries", "pages", "pandas", "analysts", "clicks", "opening")


def measure(
    rows: int, cache: Path, *, repetitions: int = 30, seconds: float = 60, parts: tuple[str, ...]
) -> dict[str, Any]:
    """Measure the given parts on a run of so many rows.

    Parameters
    ----------
    repetitions : of each query, and of each page.
    seconds : how long the analysts work.
    """
    path = generate.run_path(cache, rows)
    before = os.getloadavg()[0]
    found: dict[str, Any] = {"rows": rows, "file_mb": round(path.stat().st_size / 1e6)}
    with open_run(path) as run:
        found["embeddings"] = run.dimensions
        if "queries" in parts:
            found["queries"] = interactions.measure(run, repetitions, SEED)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            found["memory_of_all_queries_mb"] = round(peak)
        if "pandas" in parts:
            found["pandas"] = peers.compare(run, repetitions, SEED)
        name = run.info.run_id
        subject = served.Subject(name, interactions.candidates(run))
    found |= _served(path.parents[1], subject, repetitions, seconds, parts)
    if "opening" in parts:
        found["opening"] = opening.compare(path.parents[1], name)
    found["bars"] = BARS | (LARGE if rows > MILLION else {})
    found["missed"] = list(missed(found))
    found["machine"] = machine(before)
    found["measured_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    return found


def _served(
    workspace: Path, subject: served.Subject, visits: int, seconds: float, parts: tuple[str, ...]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if {"pages", "analysts", "clicks"}.isdisjoint(parts):
        return found
    with dashboard(workspace) as server:
        address, pid = server.address, server.pid
        time.sleep(WARM_S)
        if "pages" in parts:
            found["pages"] = asyncio.run(served.visit_pages(address, subject, visits, SEED))
            found["memory_after_pages_mb"] = served.memory(pid)[1]
        if "clicks" in parts:
            found["clicks"] = clicks.measure(address, subject.run, rounds=max(3, visits // 3))
        if "analysts" in parts:
            found["analysts"] = asyncio.run(
                served.analysts(
                    address, subject, people=PEOPLE, seconds=seconds, think=THINK_S, seed=SEED
                )
            )
            found["outlives"] = asyncio.run(
                served.abandon(address, subject, pid, rounds=10, seed=SEED)
            )
        found["memory_peak_mb"] = served.memory(pid)[1]
    return found


def missed(found: dict[str, Any]) -> Iterator[str]:
    """Say which bars were missed, and by how much."""
    bars = found["bars"]
    for name, one in found.get("queries", {}).items():
        kind = "hypothesis_p95" if name.startswith(interactions.HYPOTHESIS) else "query_p95"
        if name not in interactions.ONCE and one["p95_ms"] > bars[kind]:
            yield f"query '{name}': {one['p95_ms']} of {bars[kind]} ms"
    for kind in ("page", "click"):
        for name, one in found.get(f"{kind}s", {}).items():
            if one["p95_ms"] > bars[f"{kind}_p95"]:
                yield f"{kind} '{name}': {one['p95_ms']} of {bars[f'{kind}_p95']} ms"
            if one["most_kb"] > bars["kb"]:
                yield f"{kind} '{name}': {one['most_kb']} of {bars['kb']} KB"
            yield from (f"{kind} '{name}': {error}" for error in one.get("errors", ()))
    for name, one in found.get("pandas", {}).items():
        if one["ratio"] > bars["pandas_ratio"]:
            yield f"{name}: {one['ratio']} of the time of pandas"
    if crowd := found.get("analysts"):
        if crowd["p95_ms"] > bars["analysts_p95"]:
            yield f"{crowd['people']} analysts: {crowd['p95_ms']} of {bars['analysts_p95']} ms"
        yield from (f"analysts: {error}" for error in crowd["errors"] + crowd["sessions_broken"])
    if (outlives := found.get("outlives")) and outlives["most_s"] > bars["outlives_s"]:
        yield f"a closed page: {outlives['most_s']} of {bars['outlives_s']} s"
    for tool, one in found.get("opening", {}).items():
        for name in ("opening", "bytes"):
            if one.get(f"{name}_ratio", bars[f"{name}_ratio"]) < bars[f"{name}_ratio"]:
                yield f"{name}: {one[f'{name}_ratio']} times less than {tool}"
    if found.get("memory_peak_mb", 0) > bars["memory_mb"]:
        yield f"memory: {found['memory_peak_mb']} of {bars['memory_mb']} MB"


def result_path(rows: int) -> Path:
    """Where the result for so many rows is kept."""
    size = f"{rows // MILLION}m" if rows >= MILLION else f"{rows // 1_000}k"
    return RESULTS / f"dashboard_{size}.json"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=MILLION)
    parser.add_argument("--cache", type=Path, default=generate.CACHE, help="where runs are kept")
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60, help="how long 20 analysts work")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--out", type=Path, help="default: beside the other results")
    given = parser.parse_args()
    result = measure(
        given.rows,
        given.cache,
        repetitions=given.repetitions,
        seconds=given.seconds,
        parts=tuple(given.parts),
    )
    out = given.out or result_path(given.rows)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))
    if given.out is None:
        report.write()
