"""Write `docs/benchmarks/dashboard.md` from the committed results: what was reached, what not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from interactions import ONCE

ROOT = Path(__file__).resolve().parents[3]
RESULTS = ROOT / "tests" / "bench" / "results"
PAGE = ROOT / "docs" / "benchmarks" / "dashboard.md"
NAMES = {"aggressors": "Aggressors", "spotlight": "Renumics Spotlight", "atlas": "Embedding Atlas"}
SLOWEST = 8  # queries that are named


def report(results: Iterable[dict[str, Any]]) -> str:
    """Write the page about the results of one or more sizes, the smallest first."""
    parts = ["# How immediate the dashboard is\n", INTRODUCTION]
    for found in results:
        parts += [f"\n## {_size(found['rows'])} samples\n", *_of_size(found)]
    return "\n".join([*parts, ABOVE]) + "\n"


INTRODUCTION = """\
A run of that many samples with 40 metadata fields, made by `tests/bench/dashboard/generate.py`,
is asked under filters that nobody asked for before. `python tests/bench/dashboard/run.py` measures
it all again and writes this page. Times are of a shared machine with two cores, so they are upper
bounds."""


ABOVE = """
## What stays above, and why

*Most alike* compares every vector, so that none is missed; vectors are not held in memory, which
they would fill. *Worst pairs*, *error tree* and *differences* choose among all forty fields. They
take their samples from up to 200,000 that are drawn of the run once and held, which halved the
tree and left of the differences what the statistics themselves take; fewer samples would be
quicker, and choose worse. Of a list of 20,000 ids most of the time goes into reading it, half of
what it was. None of them holds up the map, the hypothesis or the samples."""


def _size(rows: int) -> str:
    return f"{rows // 1_000_000} million" if rows >= 1_000_000 else f"{rows:,}"


def _of_size(found: dict[str, Any]) -> Iterator[str]:
    machine = found["machine"]
    yield (
        f"Measured on {found['measured_at'][:10]}, {machine['cores']} cores ({machine['system']}), "
        f"load {machine['load_before']} before and {machine['load_after']} after.\n"
    )
    yield "| | measured | aim |\n| --- | --- | --- |"
    yield from _figures(found)
    if "queries" in found:
        asked = [one for one in found["queries"].items() if one[0] not in ONCE]
        slowest = sorted(asked, key=lambda one: -one[1]["p95_ms"])[:SLOWEST]
        named = ", ".join(f"{name} {one['p95_ms']:.0f} ms" for name, one in slowest)
        yield f"\nThe slowest queries, p95: {named}."
    for kind, what in (("page", "Server time of each page"), ("click", "From click to painted")):
        if timed := found.get(f"{kind}s"):
            named = ", ".join(f"{name} {one['p95_ms']:.0f} ms" for name, one in timed.items())
            yield f"\n{what}, p95: {named}."
    if "opening" in found:
        yield "\nFrom the command to the map, on the same table without embeddings:\n"
        yield "| | total | of that, until the server is ready | received by the browser |"
        yield "| --- | --- | --- | --- |"
        for tool, one in found["opening"].items():
            name = f"{NAMES[tool]} {one.get('version', '')}".strip()
            more = "" if one["plotted"] else "more than "
            yield _row(name, f"{more}{one['total_s']} s", f"{one['ready_s']} s", f"{one['mb']} MB")
    yield "\nNot reached: " + ("; ".join(found["missed"]) or "none") + "."


def _figures(found: dict[str, Any]) -> Iterator[str]:
    bars = found["bars"]
    if "queries" in found:
        asked = {name: one for name, one in found["queries"].items() if name not in ONCE}
        quick = sum(one["p95_ms"] <= bars["query_p95"] for one in asked.values())
        aim = f"all within {bars['query_p95']} ms, p95"
        yield _row("queries behind an interaction", f"{quick} of {len(asked)}", aim)
    for kind, what in (("page", "server time of a page"), ("click", "from click to painted")):
        if pages := found.get(f"{kind}s"):
            name, one = max(pages.items(), key=lambda item: item[1]["p95_ms"])
            most = max(one["most_kb"] for one in pages.values())
            yield _row(
                f"{what}, slowest ({name}), p95; most sent",
                f"{one['p95_ms']:.0f} ms; {most:.0f} KB",
                f"{bars[f'{kind}_p95']} ms; {bars['kb']} KB",
            )
    if "pandas" in found:
        ratios = ", ".join(f"{name} {one['ratio']}" for name, one in found["pandas"].items())
        yield _row("time against pandas with the frame in memory", ratios, "1 or less")
    if crowd := found.get("analysts"):
        yield _row(
            f"{crowd['people']} analysts, {crowd['think_s']:.0f} s between clicks; p50, p95",
            f"{crowd['p50_ms']:.0f}, {crowd['p95_ms']:.0f} ms",
            f"p95 {bars['analysts_p95']} ms",
        )
    if "outlives" in found:
        most = f"{found['outlives']['most_s']} s"
        yield _row("work that outlives a closed page, most", most, f"{bars['outlives_s']} s")
    if "memory_peak_mb" in found:
        peak = f"{found['memory_peak_mb']:.0f} MB"
        yield _row("memory of the server at its peak", peak, f"{bars['memory_mb']} MB")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def write() -> None:
    """Write the page from the results that are there."""
    found = [
        json.loads(path.read_text(encoding="utf-8")) for path in RESULTS.glob("dashboard_*.json")
    ]
    results = sorted(found, key=lambda one: int(one["rows"]))
    PAGE.write_text(report(results), encoding="utf-8")


if __name__ == "__main__":
    write()
