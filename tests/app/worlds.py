"""A workspace worth looking at: three versions of one model, and two saved tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from aggressors import gate
from aggressors.contracts import RunInfo, Settings
from aggressors.stats.alignment import Similarity
from aggressors.store.publish import publish
from aggressors.store.schema import BY_NAME, SCHEMA_VERSION
from aggressors.store.workspace import Workspace
from analysed import analyse
from planted import Planted, planted_tables

N = 900  # validation samples


def planted_workspace(root: Path) -> Path:
    """v1, v2 that does well at dusk, v3 that has forgotten it; what the search found in v1."""
    workspace = Workspace.open(root, create=True)
    planted = planted_tables(n=N)
    found = {name: table for name, table in analyse(planted).items() if name in BY_NAME}
    _publish(workspace, planted, found, "v1", 1)
    for rank in (1, 2):
        gate.save_test(workspace, "v1", aggressor=rank)
    dusk = planted.truth["dusk"]
    _publish(workspace, planted, _changed(found, dusk, better=True), "v2", 2)
    _publish(workspace, planted, _changed(found, dusk, better=False), "v3", 3)
    gate.history(workspace)
    return root


TURN = Similarity(0, -2, 2, 0, 10, 1)


def turned_workspace(root: Path) -> Path:
    """v1, and v2 whose map is turned and whose first two aggressors have changed ranks."""
    workspace = Workspace.open(root, create=True)
    planted = planted_tables(n=N)
    found = {name: table for name, table in analyse(planted).items() if name in BY_NAME}
    _publish(workspace, planted, found, "v1", 1)
    _publish(workspace, planted, _turned(found), "v2", 2)
    return root


def _turned(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    samples, aggressors = tables["samples"], tables["aggressors"]
    columns = [np.array(samples[axis].to_pylist(), dtype=float) for axis in ("map_x", "map_y")]
    for axis, values in zip(("map_x", "map_y"), TURN.of(*columns), strict=True):
        place = samples.schema.get_field_index(axis)
        kind = samples.schema.field(axis).type
        samples = samples.set_column(place, axis, pa.array(values, kind, from_pandas=True))
    ranks = [{1: 2, 2: 1}.get(rank, rank) for rank in aggressors["rank"].to_pylist()]
    place = aggressors.schema.get_field_index("rank")
    kind = aggressors.schema.field("rank").type
    aggressors = aggressors.set_column(place, "rank", pa.array(ranks, kind)).sort_by("rank")
    return tables | {"samples": samples, "aggressors": aggressors}


def _changed(
    tables: dict[str, pa.Table], members: frozenset[str], *, better: bool
) -> dict[str, pa.Table]:
    """The same run, but that some samples are all good, or their losses half as bad again."""
    samples = tables["samples"]
    member = np.isin(np.array(samples["sample_id"].to_pylist(), dtype=object), list(members))
    loss = np.array(samples["loss"].to_pylist(), dtype=float)
    loss[member] = np.minimum(loss[member], 0.05) if better else 1.5 * loss[member]
    prediction = np.array(samples["prediction"].to_pylist(), dtype=object)
    if better:
        prediction[member] = np.array(samples["label"].to_pylist(), dtype=object)[member]
    for name, values in (("loss", loss), ("prediction", prediction)):
        place = samples.schema.get_field_index(name)
        column = pa.array(values, samples.schema.field(name).type, from_pandas=True)
        samples = samples.set_column(place, name, column)
    return tables | {"samples": samples}


def _publish(
    workspace: Workspace, planted: Planted, tables: dict[str, pa.Table], name: str, day: int
) -> None:
    source, settings = planted.source, Settings()
    info = RunInfo(
        run_id=f"{name}-0000",
        name=name,
        schema_version=SCHEMA_VERSION,
        created_at=f"2026-01-{day:02d}T00:00:00+00:00",
        model_name=f"net {name}",
        model_digest=name,
        data_digest="0",
        task=source.task,
        loss_name=source.loss_name,
        settings=settings,
        seed=settings.seed,
        engine_version="0.1.0",
    )
    publish(tables, info, planted.classes, workspace.runs)
