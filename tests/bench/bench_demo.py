"""What `make demo` costs after installation, and how the demo's planted story is found.

Processor seconds of the whole command, of its three models together; then, for each planted group,
the confirmed aggressor of v1 that tells it best. `make bench`, or run this file.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import aggressors as ag

ROOT = Path(__file__).resolve().parents[2]
RESULT = Path(__file__).parent / "results" / "demo.json"
MOST_CPU_SECONDS = 150

Row = dict[str, object]
PLANTED: dict[str, Callable[[Row], bool]] = {
    "dusk": lambda row: bool(row["dusk"]),
    "pullovers and coats of op-07": lambda row: (
        row["operator"] == "op-07" and row["label"] in ("pullover", "coat")
    ),
    "red carpet, not a bag": lambda row: bool(row["red_carpet"]) and row["label"] != "bag",
    "bag off the red carpet": lambda row: not row["red_carpet"] and row["label"] == "bag",
}


def measure() -> dict[str, object]:
    """Run the demo in a fresh process and workspace."""
    with tempfile.TemporaryDirectory() as workspace:
        load = os.getloadavg()[0]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        demo = [sys.executable, "-m", "aggressors", "demo", "--no-app", "--workspace", workspace]
        subprocess.run(demo, check=True, stdout=sys.stderr)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "load_before": round(load, 2),
            "models": 3,
            "cpu_seconds": round(seconds, 1),
            "most_cpu_seconds": MOST_CPU_SECONDS,
            "planted": {name: best(workspace, name) for name in PLANTED},
        }


def best(workspace: str, planted: str) -> dict[str, object]:
    """Confirmed aggressor of v1 with the highest F1 for a planted group, over validation."""
    run = ag.open_run("v1", workspace=workspace)
    truth = pq.read_table(ROOT / "data" / "clothes" / "truth.parquet").to_pylist()
    known = {row["sample_id"]: row for row in truth}
    rows = run.samples("population = validation").to_pylist()
    inside = {
        row["sample_id"] for row in rows if PLANTED[planted]({**known[row["sample_id"]], **row})
    }
    analysed = {row["sample_id"] for row in rows}
    found: dict[str, object] = {"f1": -1.0}
    for aggressor in run.aggressors().to_pylist():
        members = analysed & set(run.members(aggressor["rank"])["sample_id"].to_pylist())
        both = len(members & inside)
        f1 = 2 * both / (len(members) + len(inside))
        if aggressor["status"] == "confirmed" and f1 > found["f1"]:  # type: ignore[operator]
            found = {
                "rank": aggressor["rank"],
                "name": aggressor["name"],
                "action": aggressor["action"],
                "precision": round(both / len(members), 3),
                "recall": round(both / len(inside), 3),
                "f1": round(f1, 3),
            }
    return found


def record() -> dict[str, object]:
    """Measure, write the result and print it."""
    figures = measure()
    RESULT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    return figures


@pytest.mark.bench
@pytest.mark.timeout(1800)
def test_the_demo_stays_within_its_budget():
    assert record()["cpu_seconds"] <= MOST_CPU_SECONDS


if __name__ == "__main__":
    record()
