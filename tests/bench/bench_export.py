"""What it costs to take a million rows elsewhere: seconds and memory of each format.

    python tests/bench/bench_export.py --run RUN.duckdb

Beside it, in the same run, two bare ways: DuckDB's own COPY of the same columns in the same order,
with the same limit on its memory; and the rows as one Arrow table before a byte is written, which
is what an export without pages does. Each measurement is a process of its own, since memory is
judged by the largest resident set. A run of a million rows is made by `tests/bench/dashboard`; of
its samples 24,377 have pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

RESULT = Path(__file__).parent / "results" / "export.json"
FORMATS = ("csv", "parquet", "jsonl", "label-studio", "coco, small pictures, zip")
COPIES = {"csv": "(FORMAT csv, HEADER)", "parquet": "(FORMAT parquet)"}
MOST_MIB = 1_700  # of which DuckDB may take 1,000 and the libraries take 200


def measured(path: Path, way: str, out: Path) -> None:
    """Run one way in this process and print what it took."""
    from aggressors.export import export
    from aggressors.export.table import write_csv
    from aggressors.queries.listing import listing
    from aggressors.store.read import open_run

    kind, _, name = way.partition(": ")
    if kind == "copy":
        query, connection = _copy(path, out, name)
        clock = Clock()
        rows = connection.execute(query).fetchone()[0]
        return clock.tell(rows, out)
    with open_run(path) as run:
        queue = []
        if kind == "shuffled queue":
            import numpy as np

            ids = listing(run, "samples")["sample_id"].to_pylist()
            queue = [ids[place] for place in np.random.default_rng(7).permutation(len(ids))]
        clock = Clock()
        if kind == "one table":
            table = listing(run, "samples")
            with out.open("wb") as stream:
                write_csv(stream, table.schema, [table])
            return clock.tell(table.num_rows, out)
        is_coco = name.startswith("coco")
        made = export(
            run,
            "queue" if queue else "samples",
            format="coco" if is_coco else name,
            queue=queue,
            media="thumbnail" if is_coco else None,
        )
        made.save(out.with_suffix(".zip") if is_coco else out)
        return clock.tell(made.rows, out)


def _copy(path: Path, out: Path, name: str):
    """DuckDB's own COPY of the same columns in the same order, and a connection to run it on."""
    import duckdb

    from aggressors.store.read import MEMORY_LIMIT, open_run

    with open_run(path) as run:
        columns = ", ".join(
            f"m.{_quoted(field)}{'' if info.kind == 'number' else '::VARCHAR'}"
            f" AS {_quoted('metadata.' + field)}"
            for field, info in run.fields.items()
        )
    query = (
        "COPY (SELECT row_number() OVER (ORDER BY s.row_id) AS rank, s.sample_id,"  # noqa: S608
        " s.population::VARCHAR AS population, s.label::VARCHAR AS label,"
        " s.prediction::VARCHAR AS prediction, s.confidence, s.loss, s.weight, s.group_id,"
        f" {columns}, x.kind, x.uri, x.text FROM samples s"
        " JOIN metadata m ON m.row_id = s.row_id LEFT JOIN media x ON x.row_id = s.row_id"
        f" ORDER BY s.row_id) TO '{out}' {COPIES[name]}"
    )
    config = {"memory_limit": MEMORY_LIMIT}
    return query, duckdb.connect(str(path), read_only=True, config=config)


class Clock:
    """What this process took since it was made."""

    def __init__(self) -> None:
        self._mib, self._cpu, self._began = _peak_mib(), time.process_time(), time.monotonic()

    def tell(self, rows: int, out: Path) -> None:
        """Print it as JSON."""
        seconds, cpu = time.monotonic() - self._began, time.process_time() - self._cpu
        size = sum(file.stat().st_size for file in out.parent.iterdir())
        print(json.dumps({
            "rows": rows,
            "seconds": round(seconds, 1),
            "cpu_seconds": round(cpu, 1),
            "peak_mib": round(_peak_mib()),
            "above_start_mib": round(_peak_mib() - self._mib),
            "file_mib": round(size / 2**20),
        }))  # fmt: skip


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


def report(path: Path) -> dict[str, object]:
    """Measure all ways, one after the other, each in a process of its own."""
    ways = [f"export: {name}" for name in FORMATS]
    ways += [f"copy: {name}" for name in COPIES] + ["one table: csv", "shuffled queue: csv"]
    found = {}
    for way in ways:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, __file__, "--run", str(path), "--way", way,
                 "--out", str(Path(folder) / "out")],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
        found[way] = json.loads(done.stdout)
        print(way, found[way], file=sys.stderr)
    import duckdb

    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        "load": [round(one, 1) for one in os.getloadavg()],
        "duckdb_memory_limit": "1GB",
        "run_mib": round(path.stat().st_size / 2**20),
        "ways": found,
    }


@pytest.mark.bench
@pytest.mark.timeout(1_800)
def test_a_million_rows_do_not_stand_in_memory():
    """Needs a run of a million rows, named by AGGRESSORS_BENCH_RUN."""
    path = os.environ.get("AGGRESSORS_BENCH_RUN")
    if not path:
        pytest.skip("AGGRESSORS_BENCH_RUN names no run file")
    result = report(Path(path))
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    ways = result["ways"]
    for name in FORMATS:
        assert ways[f"export: {name}"]["peak_mib"] < MOST_MIB
    assert ways["export: csv"]["peak_mib"] < ways["one table: csv"]["peak_mib"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--way")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.way:
        measured(given.run, given.way, given.out)
    else:
        result = report(given.run)
        RESULT.write_text(json.dumps(result, indent=2) + "\n")
        print(json.dumps(result, indent=2))
