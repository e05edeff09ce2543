"""What a check costs with 200 saved tests of 2,000 samples each and 100 runs before.

    PYTHONPATH=tests python -m bench.track.bench_check [--write]

The runs are planted ones whose losses differ by chance; all of them are published and judged
before, as a team's would be. The baseline is what anybody pays: reading the ids and losses of the
run and of the tests, and one mean a test. Wall time on a shared machine says little; processor
seconds and ratios count, and of five repeats the median.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aggressors import gate
from aggressors.queries.judged import held_out
from aggressors.store.read import open_run
from aggressors.store.saved_tests import SavedTest, write_test
from aggressors.store.workspace import Workspace
from bench.track.check_page import report
from planted import planted_tables
from versions import publish_tables

ROOT = Path(__file__).resolve().parents[3]
TESTS, RUNS, SAMPLES = 200, 100, 2_000
REPEATS = 5
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def build(root: Path) -> Workspace:
    """Publish 100 runs and save 200 tests, and judge each run in each test."""
    workspace = Workspace.open(root, create=True)
    tables = bare_tables()
    for place in range(RUNS):
        version(workspace, tables, place)
        print(f"run {place + 1} of {RUNS}", end="\r", file=sys.stderr)
    with open_run(workspace.resolve("r000")) as run:
        held = held_out(run, ["loss"]).select(["sample_id", "label", "loss"])
    rng = np.random.default_rng(5)
    for place in range(TESTS):
        rows = pa.array(np.sort(rng.choice(len(held), SAMPLES, replace=False)))
        samples = held.take(rows).rename_columns(["sample_id", "label", "signal"])
        write_test(workspace, _test(place), samples.sort_by("sample_id"))
    gate.check(workspace)
    return workspace


def bare_tables() -> dict[str, pa.Table]:
    """Samples with metadata and embeddings, without anything that was found in them."""
    planted = planted_tables(n=3 * SAMPLES)
    kept = ("samples", "metadata", "embeddings", "metadata_fields")
    return {name: planted.tables[name] for name in kept}


def version(workspace: Workspace, tables: dict[str, pa.Table], place: int, name: str = "") -> Path:
    """Publish one run whose losses differ by chance from the planted ones."""
    rng = np.random.default_rng([place, 11])
    samples = tables["samples"]
    loss = samples["loss"].to_numpy(zero_copy_only=False) * rng.lognormal(0, 0.2, len(samples))
    array = pa.array(loss, pa.float64(), from_pandas=True)
    at = samples.schema.get_field_index("loss")
    changed = {**tables, "samples": samples.set_column(at, "loss", array)}
    when = (FIRST + timedelta(days=place)).isoformat()
    return publish_tables(workspace, changed, name or f"r{place:03d}", day=1, created_at=when)


def _test(place: int) -> SavedTest:
    return SavedTest(
        slug=f"group-{place:03d}", title=f"Group {place}", why="Drawn at random.", signal="loss",
        margin=0.05, margin_origin="chosen when it was saved", rule="", samples=SAMPLES,
        source_run_id="r000-0000", source_run_name="r000", task="classification",
        loss_name="cross-entropy", created_at=FIRST.isoformat(),
    )  # fmt: skip


def checked(workspace: Workspace, run: str = "new") -> dict[str, float]:
    """Judge a run, in a process of its own, as CI does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    command = [sys.executable, "-m", "aggressors", "check", run, "--json",
               "--workspace", str(workspace.root)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in (0, 1), done.stderr
    assert len(json.loads(done.stdout)["verdicts"]) == TESTS
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2)}


def _median(found: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(one[name] for one in found), 2) for name in found[0]}


def bare(workspace: Workspace) -> dict[str, float]:
    """Read the same files and take one mean a test."""

    def act() -> None:
        with duckdb.connect(str(workspace.resolve("new")), read_only=True) as run:
            table = run.sql("SELECT sample_id, loss FROM samples").to_arrow_table()
        ids, loss = table["sample_id"].combine_chunks(), table["loss"].to_numpy()
        for file in sorted(workspace.tests.glob("*.parquet")):
            there = pc.index_in(pq.read_table(file)["sample_id"], value_set=ids)
            np.nanmean(loss[there.to_numpy()])

    return _timed(act)


def _timed(act: Callable[[], object]) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return {"wall_s": round(time.perf_counter() - wall, 2),
            "cpu_s": round(time.process_time() - cpu, 2)}  # fmt: skip


def built(root: Path) -> Workspace:
    """Return the workspace, made where it is not there, without the run that is to be checked."""
    if not (root / "built").exists():
        shutil.rmtree(root, ignore_errors=True)
        build(root)
        (root / "built").touch()
    workspace = Workspace.open(root)
    for stale in (*workspace.runs.glob("new-*"), *workspace.verdicts.glob("new-*")):
        stale.unlink()
    return workspace


def measure(root: Path) -> dict[str, object]:
    """Time the check of a run that is new, and what it is made of."""
    tables = bare_tables()

    def new() -> Workspace:
        workspace = built(root)
        version(workspace, tables, RUNS, "new")
        return workspace

    first = [checked(new()) for _ in range(REPEATS)]
    workspace = Workspace.open(root)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}",
        "tests": TESTS,
        "runs": RUNS,
        "samples": SAMPLES,
        "repeats": REPEATS,
        "check_of_a_new_run": _median(first),
        "check_again": _median([checked(workspace) for _ in range(REPEATS)]),
        "check_of_the_latest": _median([checked(workspace, "latest") for _ in range(REPEATS)]),
        "list_of_runs": _timed(workspace.catalogue),
        "history_for_the_page": _timed(lambda: gate.history(workspace)),
        "bare_reading": _median([bare(workspace) for _ in range(REPEATS)]),
    }


if __name__ == "__main__":
    report("track_check", __doc__, measure)
