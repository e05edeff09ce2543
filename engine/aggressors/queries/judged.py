"""What saved tests read of a run: the labeled samples that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import Filter
from aggressors.queries.scope import fetch, fetch_rows, scope
from aggressors.queries.signals import signal_sql
from aggressors.store.sql import identifier

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

# The analysed population counts even where it is training itself.
HELD_OUT = "(s.population IN ('validation', 'test') OR s.population::VARCHAR = $analysed)"
_JUDGES = "(s.fold IS NULL OR s.fold = 'confirm')"


def held_out(run: RunFile, signals: Iterable[str] = ()) -> pa.Table:
    """Labeled samples outside training: row_id, sample_id, label, judges, and each signal.

    Parameters
    ----------
    signals : those wanted beside loss and error; each is a column, NULL where the run lacks it.

    `judges` is False in the half on which aggressors were sought, which says nothing about them.
    """
    wanted = dict.fromkeys(["loss", "error", *sorted(signals)])
    return fetch(
        run,
        "SELECT s.row_id, s.sample_id, s.label::VARCHAR AS label, {signals}, {judges} AS judges"
        " FROM samples s WHERE {held_out} AND s.loss IS NOT NULL ORDER BY s.row_id",
        params={"analysed": run.info.settings.analysed},
        signals=", ".join(f"{signal_sql(run, name)} AS {identifier(name)}" for name in wanted),
        judges=_JUDGES,
        held_out=HELD_OUT,
    )


def metric_names(run: RunFile) -> list[str]:
    """Names of the metrics that some labeled sample outside training has, sorted."""
    rows = fetch_rows(
        run,
        "SELECT DISTINCT x.metric FROM metrics x JOIN samples s ON s.row_id = x.row_id"
        " WHERE {held_out} AND s.loss IS NOT NULL ORDER BY x.metric",
        params={"analysed": run.info.settings.analysed},
        held_out=HELD_OUT,
    )
    return [row[0] for row in rows]


def matching(run: RunFile, filter: Filter) -> NDArray[np.int64]:
    """Sorted row_id of the held-out samples that a filter lets through; raises FilterError."""
    found = fetch(
        run,
        "SELECT s.row_id FROM {source} WHERE {held_out} AND s.loss IS NOT NULL AND {where}"
        " ORDER BY s.row_id",
        scope(run, filter),
        params={"analysed": run.info.settings.analysed},
        held_out=HELD_OUT,
    )
    return np.asarray(found["row_id"].to_numpy(), dtype=np.int64)


def in_training(run: RunFile, sample_ids: list[str]) -> set[str]:
    """Which of `sample_ids` the run was trained on."""
    if run.info.settings.analysed == "train":
        return set()
    rows = fetch_rows(
        run,
        "SELECT s.sample_id FROM samples s WHERE s.population = 'train'"
        " AND s.sample_id IN (SELECT unnest($ids))",
        params={"ids": sample_ids},
    )
    return {row[0] for row in rows}
