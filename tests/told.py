"""Planted tables with the true slices as concepts 1, 2, 3: later stages without discovery."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa

from aggressors.contracts import Settings
from aggressors.stages.protocol import Context, Stage
from aggressors.stages.tables import rows
from planted import Planted, planted_tables


@lru_cache(maxsize=8)
def told(n: int = 1_200, seed: int = 0, **more: object) -> Planted:
    """As `planted_tables`, with `concepts`, `assignments` and `aggressors` taken from the truth."""
    planted = planted_tables(n, seed, **more)  # type: ignore[arg-type]
    ids = planted.tables["samples"]["sample_id"].to_pylist()
    concepts, assignments, aggressors = [], [], []
    for concept, (name, members) in enumerate(planted.truth.items(), start=1):
        concepts.append({"concept_id": concept, "name": name, "rule": "{}", "level": 0})
        at = [row for row, sample_id in enumerate(ids) if sample_id in members]
        assignments += [
            {"concept_id": concept, "row_id": row, "sample_id": ids[row], "score": 1.0}
            for row in at
        ]
        aggressors.append(
            {"concept_id": concept, "rank": concept, "name": name, "status": "confirmed",
             "severity": 0.1, "impact": 0.1, "n": len(at), "n_known": len(at),
             "n_core": 1, "reasons": "[]"}
        )  # fmt: skip
    planted.tables.update(
        concepts=rows("concepts", concepts),
        assignments=rows("assignments", assignments),
        aggressors=rows("aggressors", aggressors),
    )
    return planted


def context(planted: Planted, settings: Settings | None = None) -> Context:
    return Context(settings or Settings(), planted.classes)


def run(stage: Stage, planted: Planted, **changes: pa.Table | None) -> dict[str, pa.Table]:
    """Run a stage on the tables that it names; `changes` replaces tables, None takes one away."""
    tables = {
        name: planted.tables[name]
        for name in (*stage.inputs, *stage.optional)
        if name in planted.tables
    }
    tables.update({name: table for name, table in changes.items() if table is not None})
    for name, table in changes.items():
        if table is None:
            tables.pop(name, None)
    return stage.run(tables, context(planted))


def shuffled(planted: Planted, seed: int = 0) -> dict[str, pa.Table]:
    """The positional tables in another row order, and the assignments that point into it."""
    order = np.random.default_rng(seed).permutation(planted.tables["samples"].num_rows)
    changed = {}
    for name in ("samples", "metadata", "embeddings", "probabilities"):
        table = planted.tables[name].take(pa.array(order))
        if "row_id" in table.column_names:
            at = table.schema.get_field_index("row_id")
            table = table.set_column(at, "row_id", pa.array(np.arange(len(order))))
        changed[name] = table
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    assignments = planted.tables["assignments"]
    at = assignments.schema.get_field_index("row_id")
    moved = pa.array(place[assignments["row_id"].to_numpy()])
    changed["assignments"] = assignments.set_column(at, "row_id", moved)
    return changed
