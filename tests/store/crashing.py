"""Run the planted source with two quick stages, and die as told: `crashing.py FOLDER POINT`.

POINT is `none`, or one of the moments of `die_at`; each kills this process as a power cut would.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from aggressors import runner
from aggressors.contracts import Settings
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.tables import rows
from aggressors.store import files, publish, shards
from aggressors.store.workspace import Workspace
from planted import PlantedSource

SETTINGS = Settings(shard_size=60)
SOURCE = PlantedSource(n=60, with_populations=("validation", "unlabeled"))
MOMENTS = ("writing a table", "before a rename", "after a rename")
PIECES = ("shards/validation-000000000", "shards/unlabeled-000000000", "place", "group", "run file")


def place(tables: Tables, context: Context) -> dict[str, pa.Table]:
    samples = tables["samples"]
    vectors = np.stack(tables["embeddings"]["vector"].to_pylist())
    for name, values in (("map_x", vectors[:, 0]), ("map_y", vectors[:, 1])):
        column = samples.column_names.index(name)
        samples = samples.set_column(column, name, pa.array(values, pa.float32()))
    return {"samples": samples}


def group(tables: Tables, context: Context) -> dict[str, pa.Table]:
    concepts = [{"concept_id": 1, "name": "right", "rule": "{}", "level": 0}]
    members = [
        {"concept_id": 1, "row_id": row["row_id"], "sample_id": row["sample_id"], "score": 0.75}
        for row in tables["samples"].to_pylist()
        if row["map_x"] > 1
    ]
    return {"concepts": rows("concepts", concepts), "assignments": rows("assignments", members)}


STAGES = (
    Stage("place", ("samples", "embeddings"), ("samples",), place),
    Stage("group", ("samples",), ("concepts", "assignments"), group),
)


def die_at(moment: str) -> None:
    """Kill this process at the first such moment."""
    die = lambda: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
    replace, write = os.replace, pq.write_table

    def dying_replace(source: Path, target: Path) -> None:
        if moment == "after a rename":
            replace(source, target)
        die()

    def dying_write(table: pa.Table, where: Path, **options: str) -> None:
        write(table.slice(0, 1), where, **options)
        die()

    if moment == "writing a table":
        shards.pq.write_table = dying_write
        publish.check_tables = lambda database: die()
    else:
        files.os.replace = dying_replace  # `shards` sees it too: it is the same module `os`


def main(folder: str, moment: str) -> None:
    runner.load_stages = lambda: STAGES
    if moment != "none":
        die_at(moment)
    result = runner.run(SOURCE, Workspace.open(folder, create=True), name="v1", settings=SETTINGS)
    print(result.path)


if __name__ == "__main__":
    main(*sys.argv[1:])
