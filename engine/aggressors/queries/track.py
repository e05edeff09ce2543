"""One run beside others: how it went over time, and which aggressors are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import EVERYTHING, Aggressor, Condition, Filter
from aggressors.queries.grammar import both
from aggressors.queries.overview import aggressors, loss_explained, signal_sql, totals
from aggressors.queries.scope import fetch, fetch_rows, scope

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

SAME = 0.4  # overlap from which two groups of different runs are the same aggressor


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a run: weighted mean of `name` over `n` labeled samples; None where n is 0."""

    name: str
    value: float | None
    n: int


def timeline(runs: Sequence[RunFile]) -> pa.Table:
    """Totals of several runs, each over its analysed population, in the given order.

    Returns
    -------
    run_id, name, created_at, model_name, n, mean_loss, error_rate, aggressors (confirmed),
    explained (share of the loss that they account for).
    """
    rows = [_moment(run) for run in runs]
    kinds = {
        "run_id": pa.string(), "name": pa.string(), "created_at": pa.string(),
        "model_name": pa.string(), "n": pa.int64(), "mean_loss": pa.float64(),
        "error_rate": pa.float64(), "aggressors": pa.int64(), "explained": pa.float64(),
    }  # fmt: skip
    return pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items())))


def _moment(run: RunFile) -> dict[str, object]:
    info = run.info
    whole = totals(run, Condition("population", "=", (info.settings.analysed,)))
    confirmed = [entry for entry in aggressors(run) if entry.status == "confirmed"]
    return {
        "run_id": info.run_id,
        "name": info.name,
        "created_at": info.created_at,
        "model_name": info.model_name,
        "n": whole.n,
        "mean_loss": whole.mean_loss,
        "error_rate": whole.error_rate,
        "aggressors": len(confirmed),
        "explained": loss_explained(run).share,
    }


def matched(run: RunFile, other: RunFile, least: float = SAME) -> pa.Table:
    """Pair the aggressors of two runs by the samples they share.

    Overlap is intersection over union, among the samples of the analysed population that are in
    both runs; each aggressor is in one pair at most, the largest overlap first.

    Returns
    -------
    concept_id, rank, name, status, gap of `run`; the same with `other_` of `other`; shared
    (samples), overlap. Those of `run` come by rank, then those of `other` that have no partner;
    the missing side is NULL.
    """
    ours, theirs = aggressors(run), aggressors(other)
    overlap, shared = _overlaps(run, other, ours, theirs)
    pairs: dict[int, int] = {}
    for place in np.argsort(-overlap, axis=None, kind="stable"):
        row, column = divmod(int(place), len(theirs))
        if overlap[row, column] < least:
            break
        if row not in pairs and column not in pairs.values():
            pairs[row] = column
    rows = []
    for row, entry in enumerate(ours):
        partner = pairs.get(row)
        record = _side("", entry)
        if partner is not None:
            record |= _side("other_", theirs[partner])
            record["shared"] = int(shared[row, partner])
            record["overlap"] = float(overlap[row, partner])
        rows.append(record)
    rows += [
        _side("other_", entry)
        for column, entry in enumerate(theirs)
        if column not in pairs.values()
    ]
    side = [
        ("concept_id", pa.int32()), ("rank", pa.int32()), ("name", pa.string()),
        ("status", pa.string()), ("gap", pa.float64()),
    ]  # fmt: skip
    others = [(f"other_{name}", kind) for name, kind in side]
    schema = pa.schema([*side, *others, ("shared", pa.int64()), ("overlap", pa.float64())])
    return pa.Table.from_pylist(rows, schema=schema)


def _side(prefix: str, entry: Aggressor) -> dict[str, object]:
    return {
        f"{prefix}concept_id": entry.concept_id,
        f"{prefix}rank": entry.rank,
        f"{prefix}name": entry.name,
        f"{prefix}status": entry.status,
        f"{prefix}gap": entry.gap,
    }


def _overlaps(
    run: RunFile, other: RunFile, ours: list[Aggressor], theirs: list[Aggressor]
) -> tuple[np.ndarray, np.ndarray]:
    """(ours, theirs) overlap in [0, 1], and the number of samples shared."""
    sql = "SELECT s.sample_id FROM samples s WHERE s.population = $analysed"
    ids = [fetch(each, sql, params=_analysed(each))["sample_id"] for each in (run, other)]
    common = ids[0].filter(pc.is_in(ids[0], value_set=ids[1].combine_chunks())).combine_chunks()
    left, right = _membership(run, ours, common), _membership(other, theirs, common)
    shared = left @ right.T
    union = left.sum(axis=1)[:, None] + right.sum(axis=1)[None, :] - shared
    return shared / np.maximum(union, 1), shared


def _membership(run: RunFile, entries: list[Aggressor], common: pa.Array) -> np.ndarray:
    """(aggressors, samples) float32, 1 for a member."""
    sql = """
        SELECT a.concept_id, s.sample_id FROM aggressors g JOIN assignments a USING (concept_id)
        JOIN samples s ON s.row_id = a.row_id WHERE s.population = $analysed
    """
    found = fetch(run, sql, params=_analysed(run))
    concepts = pa.array([entry.concept_id for entry in entries], pa.int32())
    row = pc.index_in(found["concept_id"], value_set=concepts).to_numpy()
    column = pc.fill_null(pc.index_in(found["sample_id"], value_set=common), -1).to_numpy()
    member = np.zeros((len(entries), len(common)), dtype=np.float32)
    member[row[column >= 0], column[column >= 0]] = 1
    return member


def _analysed(run: RunFile) -> dict[str, str]:
    return {"analysed": run.info.settings.analysed}


def signal_of(run: RunFile, sample_ids: Sequence[str]) -> pa.Table:
    """Signals of given samples, in their order; unknown and unlabeled ones are left out.

    Returns
    -------
    sample_id, label, loss, error (0 or 1, NULL for regression), weight.
    """
    error = "(s.label <> s.prediction)::DOUBLE" if run.classes else "NULL::DOUBLE"
    label = "s.label::VARCHAR" if run.classes else "s.label"
    sql = """
        SELECT s.sample_id, {label} AS label, s.loss, {error} AS error, s.weight
        FROM (SELECT unnest($ids) AS sample_id, generate_subscripts($ids, 1) AS place) asked
        JOIN samples s USING (sample_id) WHERE s.loss IS NOT NULL ORDER BY asked.place
    """
    return fetch(run, sql, params={"ids": list(sample_ids)}, error=error, label=label)


def global_metric(run: RunFile, filter: Filter = EVERYTHING) -> Metric:
    """Weighted mean of the run's signal over the analysed population in scope."""
    sql = """
        SELECT sum(s.weight * {signal}) / sum(s.weight), count(*) FROM {source}
        WHERE {signal} IS NOT NULL AND {where}
    """
    whole = both(Condition("population", "=", (run.info.settings.analysed,)), filter)
    value, n = fetch_rows(run, sql, scope(run, whole), signal=signal_sql(run))[0]
    name = "error rate" if "prediction" in signal_sql(run) else f"mean {run.info.loss_name}"
    return Metric(name, value, int(n))
