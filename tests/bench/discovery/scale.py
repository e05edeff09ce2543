"""Seconds and memory by number of samples, each in a process of its own.

`python -m bench.discovery.scale --sizes 4000 40000 400000 1000000` prints processor seconds and
peak memory, and how they grow. Samples are Gaussian clusters in 128 dimensions, ten classes, with
three planted slices: a cluster, a part of one label, and a marker over all labels.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

SIZES = (4_000, 40_000, 400_000, 1_000_000)
DIMENSIONS, CLASSES = 128, 10
LONGEST = 3_600  # seconds for one size


@dataclass(frozen=True)
class Size:
    """What discovery costs on n samples.

    Parameters
    ----------
    seconds : of processor time of the stage, on all cores; reading and imports left out.
    wall_seconds : the same by the clock.
    peak_mib : most resident memory of the process, the table included; `table_mib` before it.
    """

    n: int
    seconds: float
    wall_seconds: float
    peak_mib: float
    table_mib: float
    planted: int
    recovered: int


def world(n: int, seed: int = 0) -> tuple[pa.Table, dict[str, NDArray[np.bool_]]]:
    """Make the table that a user would hand in, and the (n,) members of each planted slice."""
    rng = np.random.default_rng(seed)
    label, part = rng.integers(0, CLASSES, n), rng.integers(0, 4, n)
    marked = rng.random(n) < 0.05
    centres = rng.normal(0, 3, (CLASSES, 4, DIMENSIONS)).astype(np.float32)
    centres = centres[:, :1] + 0.5 * (centres - centres[:, :1])
    vectors = rng.standard_normal((n, DIMENSIONS), dtype=np.float32)
    vectors += centres[label, part]
    vectors[:, :8] += 4 * marked[:, None]
    slices = {
        "part": (label == 2) & (part == 1),
        "label and part": (label == 5) & (part == 3),
        "marker": marked,
    }
    bad = np.logical_or.reduce(list(slices.values()))
    wrong = rng.random(n) < np.where(bad, 0.5, 0.05)
    other = (label + rng.integers(1, CLASSES, n)) % CLASSES
    prediction = np.where(wrong, other, label)
    sure = rng.uniform(0.5, 0.99, n)
    names = np.array([f"class {each}" for each in range(CLASSES)])
    table = pa.table(
        {
            "sample_id": pa.array([f"s{row:08d}" for row in range(n)]),
            "label": pa.array(names[label]),
            "prediction": pa.array(names[prediction]),
            "loss": pa.array(-np.log(np.where(wrong, (1 - sure) / 2, sure))),
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIMENSIONS),
            "hour": pa.array(rng.integers(0, 24, n).astype(float)),
            "station": pa.array(np.array(["harbour", "market", "north"])[rng.integers(0, 3, n)]),
        }
    )
    return table, slices


def measure(n: int) -> Size:
    """Measure one size in this process."""
    from aggressors.collate import collate
    from aggressors.contracts import Settings
    from aggressors.sources.table import open_tables
    from aggressors.stages.discover import run as discover
    from aggressors.stages.protocol import Context
    from bench.discovery.measure import peak_mib, timed

    table, slices = world(n)
    settings = Settings()
    source = open_tables({"validation": table})
    shard = source.shard("validation", 0, n, settings, lambda count: None)
    tables = collate([("validation", shard.tables)], settings, source.task)
    del shard, source, table
    before, began = peak_mib(), time.perf_counter()
    found, seconds = timed(lambda: discover(tables, Context(settings, tables_classes(tables))))
    wall = time.perf_counter() - began
    recovered = _recovered(found, slices, n)
    return Size(n, seconds, wall, peak_mib(), before, len(slices), recovered)


def tables_classes(tables: dict[str, pa.Table]) -> tuple[str, ...]:
    """Sorted class names of the work tables."""
    return tuple(sorted(set(tables["samples"]["label"].to_pylist())))


def _recovered(found: dict[str, pa.Table], slices: dict[str, NDArray[np.bool_]], n: int) -> int:
    """Planted slices that one of the first five holds; ids are in the order of the rows."""
    from bench.discovery.judge import RECOVERED, SHORT_LIST, f1

    concept = found["assignments"]["concept_id"].to_numpy()
    rows = found["assignments"]["row_id"].to_numpy()
    ranked = found["aggressors"].sort_by("rank").to_pylist()
    first = [row["concept_id"] for row in ranked if row["status"] == "confirmed"][:SHORT_LIST]
    members = []
    for concept_id in first:
        member = np.zeros(n, dtype=bool)
        member[rows[concept == concept_id]] = True
        members.append(member)
    return sum(
        any(f1(member, truth) >= RECOVERED for member in members) for truth in slices.values()
    )


def measure_all(sizes: Sequence[int]) -> list[Size]:
    """Measure every size, each in a process of its own."""
    found = []
    for n in sizes:
        command = [sys.executable, "-m", "bench.discovery.scale", "--one", str(n)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=True)
        found.append(Size(**json.loads(done.stdout.splitlines()[-1])))
        print(told(found), flush=True)
    return found


def told(sizes: Sequence[Size]) -> str:
    """The last size in words, and how it grew."""
    own = sizes[-1]
    line = (
        f"{own.n:>9,} samples: {own.seconds:7.1f} processor seconds ({own.wall_seconds:.1f} by the "
        f"clock), {own.peak_mib / 1024:.2f} GiB ({own.table_mib / 1024:.2f} before), "
        f"{own.recovered} of {own.planted} recovered"
    )
    if len(sizes) < 2:
        return line
    before = sizes[-2]
    return (
        f"{line}; {own.n / before.n:.1f} times the samples, "
        f"{own.seconds / before.seconds:.1f} times the seconds"
    )


def main() -> None:
    """Read the arguments, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--one", type=int, help="measure this size in this process, as JSON")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(asdict(measure(asked.one))))
    else:
        measure_all(asked.sizes)


if __name__ == "__main__":
    main()
