"""The section of the benches of the check and of the page Track."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.solve.page import write_section

HERE = Path(__file__).resolve()
PAGE = HERE.parents[3] / "docs" / "benchmarks" / "track.md"
RESULTS = HERE.parents[1] / "results"
MOST_S = 3  # for the check of one run


def report(name: str, doc: str | None, measure: Callable[[Path], dict[str, Any]]) -> None:
    """Measure in a workspace, print it, and with --write keep it and write the section anew."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--root", type=Path, default=HERE.parents[3] / "build" / "bench-check")
    asked = parser.parse_args()
    result = json.dumps(measure(asked.root), indent=1)
    print(result)
    if asked.write:
        _file(name).write_text(f"{result}\n")
        write()


def write() -> None:
    """Write the section from the results that are there."""
    check, page = (_read(name) for name in ("track_check", "track_page"))
    lines = [
        "## Is it quick with 200 saved tests and 100 runs?",
        "",
        f"{check['tests']} tests of {check['samples']:,} samples each, judged in {check['runs']} "
        "runs before, as planted ones whose losses differ by chance.",
        "",
        *_check(check),
        *(_page(page) if page else []),
    ]
    write_section(PAGE, "speed", "\n".join(lines), title="What Track can promise", by="track")


def _file(name: str) -> Path:
    return RESULTS / f"{name}.json"


def _read(name: str) -> dict[str, Any]:
    path = _file(name)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _check(found: dict[str, Any]) -> list[str]:
    new = found["check_of_a_new_run"]["wall_s"]
    bare = found["bare_reading"]
    rows = {
        "check of a run that is new": found["check_of_a_new_run"],
        "the same check again": found["check_again"],
        "the same by `latest`": found["check_of_the_latest"],
        "list of all runs": found["list_of_runs"],
        "state of all tests over all runs, for the page": found["history_for_the_page"],
        "bare reading: ids and losses of the run and of each test, and one mean a test": bare,
    }
    return [
        f"`aggressors check` of one new run, from the command to its end: {new:.1f} s "
        f"{_met(new <= MOST_S, f'at most {MOST_S} s')}, {new / bare['wall_s']:.1f} times what it "
        "takes to read the same files.",
        "",
        "| | seconds | processor seconds |",
        "| --- | ---: | ---: |",
        *(f"| {what} | {one['wall_s']:.2f} | {one['cpu_s']:.2f} |" for what, one in rows.items()),
        "",
        f"{found['date']}, {found['machine']}.",
        "",
    ]


def _page(found: dict[str, Any]) -> list[str]:
    name, worst = max(found["views"].items(), key=lambda item: item[1]["p95_ms"])
    machine = found["machine"]
    aim = found["aim_p95_ms"]
    return [
        f"The page Track, from the request to the end of the script: p95 at most "
        f"{worst['p95_ms']} ms ({name}) {_met(worst['p95_ms'] <= aim, f'at most {aim} ms')}. "
        f"The first visit after the start takes {found['first_s']} s, the first after a new run "
        f"{found['first_after_a_new_run_s']} s. A run that was not on screen since the start takes "
        "longer than others, once: DuckDB starts anew for its file, and no "
        "question about it has an answer at hand.",
        "",
        "| view | p50, ms | p95, ms | processor, ms | most sent, KB |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {view} | {one['p50_ms']} | {one['p95_ms']} | {one['cpu_ms']} | {one['most_kb']} |"
            for view, one in found["views"].items()
        ),
        "",
        f"{found['visits']} visits of each view, each to another test or run. {found['date']}, "
        f"{machine['cores']} cores, load {machine['load_before']:.1f}.",
    ]


def _met(met: bool, aim: str) -> str:
    return f"(aim: {aim}, {'met' if met else 'missed'})"
