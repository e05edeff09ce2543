"""One run beside others: how it went over time, and which aggressors are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.contracts import Aggressor, Condition
from aggressors.queries.overview import aggressors, loss_explained, totals
from aggressors.queries.scope import fetch
from aggressors.store.held import held

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

FloatArray = NDArray[np.floating]
Hashes = NDArray[np.uint64]

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
    found = overlaps(
        members(run, ours).among(analysed(other)), members(other, theirs).among(analysed(run))
    )
    overlap, shared = found.share, found.shared
    pairs = paired(overlap, least)
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


def paired(overlap: FloatArray, least: float = SAME) -> dict[int, int]:
    """Pair rows with columns, each in one pair at most, the largest overlap first.

    Parameters
    ----------
    overlap : (rows, columns) in [0, 1].
    least : pairs that overlap less are none.
    """
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for place in np.argsort(-overlap, axis=None, kind="stable"):
        row, column = divmod(int(place), overlap.shape[1])
        if overlap[row, column] < least:
            break
        if row not in pairs and column not in taken:
            pairs[row] = column
            taken.add(column)
    return pairs


@dataclass(frozen=True, slots=True)
class Overlaps:
    """(left, right) intersection over union in [0, 1], and the number of samples shared."""

    share: FloatArray
    shared: NDArray[np.int64]


def overlaps(left: Members, right: Members) -> Overlaps:
    """Overlap of each group of `left` with each of `right`."""
    # each member on the left beside all groups on the right that have it
    left, right = left.in_order(), right.in_order()
    first = np.searchsorted(right.sample, left.sample, "left")
    times = np.searchsorted(right.sample, left.sample, "right") - first
    before = np.cumsum(times) - times
    place = np.repeat(first - before, times) + np.arange(int(times.sum()))
    pairs = np.repeat(left.group, times) * right.count + right.group[place]
    shared = np.bincount(pairs, minlength=left.count * right.count)
    shared = shared.reshape(left.count, right.count)
    union = left.sizes()[:, None] + right.sizes()[None, :] - shared
    return Overlaps(shared / np.maximum(union, 1), shared)


@dataclass(frozen=True, slots=True)
class Members:
    """Members of `count` groups: (m,) place of the group, and (m,) hash of the sample."""

    count: int
    group: NDArray[np.int64]
    sample: Hashes

    def in_order(self) -> Members:
        """Sort by sample, so that look-ups go through memory in one direction."""
        order = np.argsort(self.sample)
        return Members(self.count, self.group[order], self.sample[order])

    def among(self, samples: Hashes) -> Members:
        """Keep those that are among some samples, which are sorted."""
        if not len(samples):
            return Members(self.count, self.group[:0], self.sample[:0])
        place = np.searchsorted(samples, self.sample)
        kept = samples[np.minimum(place, len(samples) - 1)] == self.sample
        return Members(self.count, self.group[kept], self.sample[kept])

    def sizes(self) -> NDArray[np.int64]:
        """(count,) members of each group."""
        return np.bincount(self.group, minlength=self.count)


# Ids are compared as DuckDB hashes them, 64 bits each: a million stay small and quick.
def members(run: RunFile, entries: Sequence[Aggressor]) -> Members:
    """Members of some aggressors in the analysed population."""
    sql = """
        SELECT a.concept_id, hash(s.sample_id) AS sample
        FROM aggressors g JOIN assignments a USING (concept_id)
        JOIN samples s ON s.row_id = a.row_id WHERE s.population = $analysed
    """
    found = fetch(run, sql, params={"analysed": run.info.settings.analysed})
    concepts = pa.array([entry.concept_id for entry in entries], pa.int32())
    place = pc.index_in(found["concept_id"], value_set=concepts).to_numpy()
    return Members(len(entries), place, found["sample"].to_numpy()).in_order()


def analysed(run: RunFile) -> Hashes:
    """(n,) hashes of the samples of the analysed population, sorted."""

    def read() -> Hashes:
        sql = "SELECT hash(s.sample_id) AS sample FROM samples s WHERE s.population = $analysed"
        found = fetch(run, sql, params={"analysed": run.info.settings.analysed})
        return np.sort(found["sample"].to_numpy())

    return held.get(run, "hashes of what was analysed", read)
