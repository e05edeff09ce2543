"""One run beside others: how it went over time, and which aggressors are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import Aggressor, Condition
from aggressors.queries.overview import aggressors, loss_explained, totals
from aggressors.queries.scope import fetch

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

SAME = 0.4  # overlap from which two groups of different runs are the same aggressor


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
    left, right = _members(run, ours), _members(other, theirs)
    here, there = _analysed(run), _analysed(other)
    if not np.array_equal(here, there):  # mostly they are the same, in the order of their ids
        left, right = left.among(there), right.among(here)
    both = np.intersect1d(left.sample, right.sample)
    shared = left.matrix(both) @ right.matrix(both).T
    union = left.sizes()[:, None] + right.sizes()[None, :] - shared
    return shared / np.maximum(union, 1), shared


@dataclass(frozen=True, slots=True)
class _Members:
    """Members of `count` aggressors: (m,) place of the aggressor, and (m,) hash of the sample."""

    count: int
    aggressor: np.ndarray
    sample: np.ndarray

    def among(self, samples: np.ndarray) -> _Members:
        kept = np.isin(self.sample, samples)
        return _Members(self.count, self.aggressor[kept], self.sample[kept])

    def sizes(self) -> np.ndarray:
        """(count,) members of each aggressor."""
        return np.bincount(self.aggressor, minlength=self.count)

    def matrix(self, samples: np.ndarray) -> np.ndarray:
        """(count, samples) float32, 1 for a member; `samples` are sorted."""
        member = np.zeros((self.count, len(samples)), dtype=np.float32)
        here = np.isin(self.sample, samples)
        member[self.aggressor[here], np.searchsorted(samples, self.sample[here])] = 1
        return member


# Ids are compared as DuckDB hashes them, 64 bits each: a million stay small and quick.
def _members(run: RunFile, entries: list[Aggressor]) -> _Members:
    sql = """
        SELECT a.concept_id, hash(s.sample_id) AS sample
        FROM aggressors g JOIN assignments a USING (concept_id)
        JOIN samples s ON s.row_id = a.row_id WHERE s.population = $analysed
    """
    found = fetch(run, sql, params={"analysed": run.info.settings.analysed})
    concepts = pa.array([entry.concept_id for entry in entries], pa.int32())
    place = pc.index_in(found["concept_id"], value_set=concepts).to_numpy()
    return _Members(len(entries), place, found["sample"].to_numpy())


def _analysed(run: RunFile) -> np.ndarray:
    """Hashes of the samples of the analysed population."""
    sql = "SELECT hash(s.sample_id) AS sample FROM samples s WHERE s.population = $analysed"
    return np.asarray(
        fetch(run, sql, params={"analysed": run.info.settings.analysed})["sample"].to_numpy()
    )
