"""A small run of which every sample is told: for grids, trees and pairs over odd values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aggressors.contracts import Filter, RunInfo, Settings
from aggressors.queries.grammar import both, format_filter, parse
from aggressors.queries.samples import count
from aggressors.stages.tables import rows, table
from aggressors.store.publish import publish
from aggressors.store.read import RunFile, open_run
from aggressors.store.schema import SCHEMA_VERSION


def gridded(
    folder: Path,
    fields: Mapping[str, Sequence[Any]],
    *,
    loss: Sequence[float | None],
    label: Sequence[Any] | None = None,
    prediction: Sequence[Any] | None = None,
    fold: Sequence[str | None] | None = None,
    population: str = "validation",
    weight: Sequence[float] | None = None,
    metric: Sequence[float] | None = None,
    task: str = "classification",
    name: str = "g",
    **settings: Any,
) -> RunFile:
    """Publish and open a run; a field of text is a category, any other a number."""
    n = len(loss)
    row = np.arange(n)
    there = ["unlabeled" if value is None else population for value in loss]
    halves = fold or [("discover", "confirm")[at % 2] for at in range(n)]
    classes = tuple(sorted({str(one) for one in (*(label or ()), *(prediction or ())) if one}))
    words = task == "classification"
    samples = table(
        "samples",
        row_id=row,
        sample_id=[f"s{at:06d}" for at in range(n)],
        population=there,
        fold=[half if of == "validation" else None for half, of in zip(halves, there, strict=True)],
        label=_texts(label, n),
        prediction=_texts(prediction, n),
        confidence=[None] * n,
        loss=loss,
        weight=weight or [1.0] * n,
        group_id=[None] * n,
        map_x=row % 7,
        map_y=row % 5,
    )
    kinds = {
        field: "category" if any(isinstance(one, str) for one in values) else "number"
        for field, values in fields.items()
    }
    types = {"category": pa.string(), "number": pa.float64()}
    tables = {
        "samples": samples,
        "metadata": pa.table(
            {"row_id": pa.array(row)}
            | {field: pa.array(values, types[kinds[field]]) for field, values in fields.items()}
        ),
        "metadata_fields": rows(
            "metadata_fields",
            [
                {"field": field, "kind": kinds[field], "unit": "", "source": "table",
                 "missing": sum(one is None for one in values)}
                for field, values in fields.items()
            ],
        ),
    }  # fmt: skip
    if metric is not None:
        tables["metrics"] = rows(
            "metrics",
            [{"row_id": at, "metric": "iou", "value": value} for at, value in enumerate(metric)],
        )
    info = RunInfo(
        f"{name}{'0' * 12}", name, SCHEMA_VERSION, "2026-11-01T12:00:00+00:00", "net", "m", "d",
        task, "cross-entropy", Settings(**settings), 0, "0.1.0",
    )  # fmt: skip
    return open_run(publish(tables, info, classes if words else (), folder))


def agrees(run: RunFile, filter: Filter, claim: Filter, n: int) -> bool:
    """Whether a claim holds exactly `n` samples in scope, also after a trip through its text."""
    text = format_filter(both(filter, claim))
    return count(run, both(filter, claim)) == n == count(run, parse(text))


def _texts(values: Sequence[Any] | None, n: int) -> list[str | None]:
    """Labels as stages write them."""
    return [None if value is None else str(value) for value in values or [None] * n]


TURNED = {"x": "y", "y": "z", "z": "x"}


def planted(folder, *, seed=0, strength=0.5, n=2_000, **settings):
    """Fails in dark kitchens; rooms, light, noise and a second light say nothing else."""
    rng = np.random.default_rng(seed)
    light = np.round(rng.random(n), 3)
    room = rng.choice(["kitchen", "bath", "hall", "cellar"], n)
    bad = (light < 0.3) & (room == "kitchen")
    wrong = rng.random(n) < np.where(bad, 0.1 + strength, 0.1)
    label = rng.choice(["x", "y", "z"], n)
    fields = {
        "light": [None if at % 40 == 0 else value for at, value in enumerate(light.tolist())],
        "room": [None if at % 50 == 7 else value for at, value in enumerate(room.tolist())],
        "noise": rng.normal(size=n).tolist(),
        "day": rng.choice(["mo", "tu", "we"], n).tolist(),
        "same": [1.0] * n,
        "empty": [None] * n,
        "code": [f"c{at}" for at in range(n)],
    }
    return gridded(
        folder,
        fields,
        loss=(rng.exponential(0.2, n) + 2 * wrong).tolist(),
        label=label.tolist(),
        prediction=np.where(wrong, [TURNED[one] for one in label], label).tolist(),
        **settings,
    )
