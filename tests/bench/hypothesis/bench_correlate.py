"""What it costs to relate a hundred fields of a million samples to twenty concepts.

All samples lie in the analysed population, the most expensive case. Each size runs in a process of
its own, whose peak memory holds the tables that it is given: 0.9 GB of Arrow at the largest. As a
bare baseline, scipy ranks the same number columns once (`rankdata`), without relating them to
anything. `make bench`, or run this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pytest

RESULT = Path(__file__).parents[1] / "results" / "hypothesis_correlate.json"
N, FIELDS, CONCEPTS = 1_000_000, 100, 20
SIZES = ((250_000, FIELDS), (N, FIELDS // 4), (N, FIELDS))
MOST_SECONDS, MOST_GIGABYTES = 60.0, 4.0
CLASSES = tuple(f"class {code}" for code in range(10))
SEED = 5


def numbers(rng: np.random.Generator, n: int, fields: int) -> dict[str, np.ndarray]:
    """Four in five fields: some go with each other, some are whole, some are often missing."""
    shared = rng.normal(size=n)
    columns = {}
    for place in range(fields * 4 // 5):
        values = rng.normal(size=n)
        if place % 4 == 1:
            values = 0.95 * shared + 0.3 * values
        elif place % 4 == 2:
            values = np.floor(24 * rng.random(n))
        elif place % 4 == 3:
            values[rng.random(n) < 0.1] = np.nan
        columns[f"number {place}"] = values
    return columns


def tables(n: int, fields: int) -> dict[str, pa.Table]:
    """What the stage reads, with concepts of 1 to 15 % of the samples."""
    rng = np.random.default_rng(SEED)
    columns = {name: pa.array(v, from_pandas=True) for name, v in numbers(rng, n, fields).items()}
    for place in range(fields - len(columns)):
        k = (3, 8, 25, 60)[place % 4]
        names = pa.array([f"value {code}" for code in range(k)])
        codes = pa.array(rng.integers(0, k, n, dtype=np.int32))
        columns[f"category {place}"] = pa.DictionaryArray.from_arrays(codes, names)
    first = np.asarray(columns["number 0"])
    members = [
        np.flatnonzero(rng.random(n) < np.where(first > 1, 3, 0.5) * share)
        for share in np.linspace(0.01, 0.15, CONCEPTS)
    ]
    code = pa.array(rng.integers(0, 10, n, dtype=np.int32))
    label = pa.DictionaryArray.from_arrays(code, pa.array(CLASSES))
    fold = np.where(np.arange(n) % 2 == 0, "discover", "confirm")
    kinds = ["number" if name.startswith("number") else "category" for name in columns]
    return {
        "samples": pa.table(
            {
                "row_id": np.arange(n),
                "sample_id": pa.array(np.char.mod("s%07d", np.arange(n))),
                "population": pa.DictionaryArray.from_arrays(
                    pa.array(np.zeros(n, dtype=np.int8)), pa.array(["validation"])
                ),
                "fold": pa.array(fold),
                "label": label,
                "prediction": label,
                "loss": rng.exponential(size=n) + (first > 1),
                "weight": np.ones(n, dtype=np.float32),
                "group_id": pa.nulls(n, pa.string()),
            }
        ),
        "metadata": pa.table({"row_id": np.arange(n), **columns}),
        "metadata_fields": pa.table(
            {
                "field": list(columns), "kind": kinds, "unit": [""] * fields,
                "source": ["table"] * fields, "missing": [0] * fields,
            }
        ),
        "concepts": pa.table({"concept_id": pa.array(range(1, CONCEPTS + 1), pa.int32())}),
        "assignments": pa.table(
            {
                "concept_id": np.repeat(np.arange(1, CONCEPTS + 1), [len(m) for m in members]),
                "row_id": np.concatenate(members),
            }
        ),
    }  # fmt: skip


def run(n: int, fields: int) -> dict[str, float]:
    """Time the stage once in this process."""
    from aggressors.contracts import Settings
    from aggressors.stages.correlate import STAGE
    from aggressors.stages.protocol import Context

    given = tables(n, fields)
    before = peak()
    wall, cpu = time.perf_counter(), time.process_time()
    made = STAGE.run(given, Context(Settings(), CLASSES))
    figures = {
        "samples": n,
        "fields": fields,
        "seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "gigabytes_before": round(before, 2),
        "gigabytes_peak": round(peak(), 2),
        "rows": made["correlations"].num_rows,
    }
    figures["cpu_seconds_of_ranking_once"] = round(baseline(given), 1)
    return figures


def baseline(given: dict[str, pa.Table]) -> float:
    """CPU seconds in which scipy ranks each number column once."""
    from scipy.stats import rankdata

    cpu = time.process_time()
    for column, kind in zip(
        given["metadata"].columns[1:], given["metadata_fields"]["kind"].to_pylist(), strict=True
    ):
        if kind == "number":
            rankdata(column.to_numpy(), nan_policy="omit")
    return time.process_time() - cpu


def peak() -> float:
    """Largest memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def measure(sizes: tuple[tuple[int, int], ...]) -> dict[str, object]:
    """Run every size in a process of its own."""
    found = []
    for n, fields in sizes:
        command = [sys.executable, __file__, "--one", str(n), str(fields)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(json.dumps(found[-1]), file=sys.stderr)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "concepts": CONCEPTS,
        "seed": SEED,
        "runs": found,
    }


@pytest.mark.bench
def test_a_million_samples_of_a_hundred_fields_take_a_minute_and_4_gb():
    figures = measure(SIZES)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")
    largest = figures["runs"][-1]
    assert largest["cpu_seconds"] <= MOST_SECONDS
    assert largest["gigabytes_peak"] <= MOST_GIGABYTES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=2, type=int, help="samples and fields, in this process")
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(run(*arguments.one)))
        return
    text = json.dumps(measure(SIZES), indent=2)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
