"""Later versions of the planted model: the same samples, other losses."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from aggressors.contracts import RunInfo, Settings
from aggressors.stages.tables import rows
from aggressors.store.publish import publish
from aggressors.store.schema import BY_NAME, SCHEMA_VERSION
from aggressors.store.workspace import Workspace
from planted import Planted, planted_tables


@lru_cache(maxsize=2)
def analysed(n: int = 600) -> tuple[Planted, dict[str, pa.Table]]:
    """The planted tables, with the dusk samples as their one aggressor."""
    planted = planted_tables(n=n)
    tables = {name: table for name, table in planted.tables.items() if name in BY_NAME}
    return planted, tables | _dusk(planted)


def _dusk(planted: Planted) -> dict[str, pa.Table]:
    samples = planted.tables["samples"]
    ids = samples["sample_id"].to_pylist()
    members = [row for row, one in enumerate(ids) if one in planted.truth["dusk"]]
    name = "brightness < 0.25"
    stats = {"gap": 1.5, "gap_low": 1.2, "gap_high": 1.8, "q_value": 1e-6}
    return {
        "concepts": rows(
            "concepts",
            [{"concept_id": 1, "name": name, "rule": json.dumps({"filter": name}), "level": 0}],
        ),
        "assignments": rows(
            "assignments",
            [
                {"concept_id": 1, "row_id": row, "sample_id": ids[row], "score": 0.9}
                for row in members
            ],
        ),
        "concept_stats": rows(
            "concept_stats",
            [{"concept_id": 1, "population": "validation", "fold": "confirm"} | stats],
        ),
        "aggressors": rows(
            "aggressors",
            [
                {
                    "concept_id": 1,
                    "rank": 1,
                    "name": name,
                    "status": "confirmed",
                    "severity": 1.2,
                    "impact": 0.44,
                    "n": 80,
                    "n_known": 80,
                    "n_core": 60,
                    "action": "collect",
                    "reasons": "[]",
                }
            ],
        ),
    }


def publish_version(
    workspace: Workspace,
    name: str,
    *,
    day: int,
    solved: tuple[str, ...] = (),
    noise: int | None = None,
    relabel: int = 0,
    drop: tuple[str, ...] = (),
    to_train: int = 0,
    **info: str,
) -> Path:
    """Publish one version on a day of January.

    solved : planted slices on which it does well.
    noise : seeds small changes of all losses, as another training run makes them.
    relabel : so many dusk samples of each population get another label.
    drop : sample ids that the run lacks.
    to_train : so many dusk test samples are in its training population.
    """
    planted, tables = analysed()
    tables = dict(tables)
    samples = tables["samples"]
    ids = samples["sample_id"].to_pylist()
    loss = np.array(samples["loss"].to_pylist(), dtype=float)
    prediction = np.array(samples["prediction"].to_pylist(), dtype=object)
    label = np.array(samples["label"].to_pylist(), dtype=object)
    population = np.array(samples["population"].to_pylist(), dtype=object)
    dusk = np.isin(ids, list(planted.truth["dusk"]))
    for slice_name in solved:
        better = np.isin(ids, list(planted.truth[slice_name])) & ~np.isnan(loss)
        loss[better] = np.minimum(loss[better], 0.05)
        prediction[better] = label[better]
    if noise is not None:
        rng = np.random.default_rng(noise)
        loss = loss * rng.lognormal(0, 0.2, len(loss))
    if relabel:
        for one in ("validation", "test"):
            chosen = np.flatnonzero(dusk & (population == one))[:relabel]
            label[chosen] = np.where(label[chosen] == "boot", "coat", "boot")
            loss[chosen] = 9.0
    changed = samples
    for column, values in (("loss", loss), ("prediction", prediction), ("label", label)):
        place = changed.schema.get_field_index(column)
        values = [None if value is None or value != value else value for value in values]
        array = pa.array(values, pa.float64() if column == "loss" else pa.string())
        changed = changed.set_column(place, column, array)
    tables["samples"] = changed
    if to_train:
        moved = np.flatnonzero(dusk & (population == "test"))[:to_train]
        drop = (*drop, *(ids[row] for row in moved))
        extra = changed.take(pa.array(moved))
        tables = without(tables, set(drop))
        tables = _into_train(tables, extra)
    elif drop:
        tables = without(tables, set(drop))
    return publish_tables(workspace, tables, name, day=day, **info)


def publish_tables(
    workspace: Workspace, tables: dict[str, pa.Table], name: str, *, day: int, **info: str
) -> Path:
    """Publish tables as the version of this name."""
    settings = Settings()
    row = RunInfo(
        run_id=f"{name}-0000",
        name=name,
        schema_version=SCHEMA_VERSION,
        created_at=f"2026-01-{day:02d}T00:00:00+00:00",
        model_name=name,
        model_digest=name,
        data_digest="0",
        task="classification",
        loss_name="cross-entropy",
        settings=settings,
        seed=0,
        engine_version="0.1.0",
    )
    planted, _ = analysed()
    return publish(tables, replace(row, **info), planted.classes, workspace.runs)


POSITIONAL = ("samples", "metadata", "embeddings")


def without(tables: dict[str, pa.Table], gone: set[str]) -> dict[str, pa.Table]:
    """Bare samples and metadata without some of the samples; no concepts."""
    keep = [sample_id not in gone for sample_id in tables["samples"]["sample_id"].to_pylist()]
    return {name: _numbered(tables[name].filter(pa.array(keep))) for name in POSITIONAL} | {
        "metadata_fields": tables["metadata_fields"]
    }


def _into_train(tables: dict[str, pa.Table], extra: pa.Table) -> dict[str, pa.Table]:
    """Bare samples with some more in training; metadata and vectors are left out."""
    place = extra.schema.get_field_index("population")
    extra = extra.set_column(place, "population", pa.array(["train"] * len(extra)))
    samples = pa.concat_tables(
        [tables["samples"].cast(_plain(tables["samples"])), extra.cast(_plain(extra))]
    )
    order = {"train": 0, "validation": 1, "test": 2, "unlabeled": 3}
    rows = sorted(
        range(len(samples)),
        key=lambda row: (
            order[samples["population"][row].as_py()],
            samples["sample_id"][row].as_py(),
        ),
    )
    samples = _numbered(samples.take(pa.array(rows)))
    return {"samples": samples, "metadata": samples.select(["row_id"])}


def _plain(table: pa.Table) -> pa.Schema:
    return pa.schema(
        [
            pa.field(entry.name, pa.string())
            if pa.types.is_dictionary(entry.type)
            else pa.field(entry.name, entry.type)
            for entry in table.schema
        ]
    )


def _numbered(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("row_id")
    return table.set_column(place, "row_id", pa.array(range(len(table)), pa.int64()))


def publish_story(workspace: Workspace) -> None:
    """Publish v1, which fails at dusk, v2, which solves it, and v3, which brings it back."""
    publish_version(workspace, "v1", day=1)
    publish_version(workspace, "v2", day=2, solved=("dusk",), noise=1)
    publish_version(workspace, "v3", day=3, noise=2)
