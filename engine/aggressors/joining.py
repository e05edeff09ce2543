"""The same samples under several runs: found by their ids, and joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.stats.intervals import FloatArray

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Signals:
    """One signal of some samples: `ids` and `labels` (n,) strings, `value` (n,) float64."""

    ids: pa.Array
    labels: pa.Array
    value: FloatArray

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, ids: pa.Array) -> Placed:
        """Find samples by their ids."""
        return Placed(self, self._rows(ids))

    def at_each(self, groups: Mapping[str, Signals]) -> dict[str, Placed]:
        """Find the samples of many groups; to prepare a look-up takes longer than to look up."""
        if not groups:
            return {}
        rows = self._rows(pa.concat_arrays([group.ids for group in groups.values()]))
        ends = np.cumsum([len(group) for group in groups.values()])[:-1]
        parts = np.split(rows, ends)
        return {name: Placed(self, part) for name, part in zip(groups, parts, strict=True)}

    def _rows(self, ids: pa.Array) -> Rows:
        if ids is self.ids:
            return np.arange(len(ids))
        places = pc.fill_null(pc.index_in(ids, value_set=self.ids), -1)
        return np.asarray(places.to_numpy(zero_copy_only=False), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Placed:
    """Some samples in the signals of a run: (m,) their rows there, -1 where they are not."""

    signals: Signals
    rows: Rows


def signals_of(table: pa.Table, signal: str) -> Signals:
    """Read one signal column; rows without a value are left out."""
    table = table.filter(pc.is_valid(table[signal]))
    return Signals(
        _flat(table["sample_id"]),
        _flat(table["label"]),
        np.asarray(table[signal].to_numpy(zero_copy_only=False), dtype=np.float64),
    )


def _flat(column: pa.ChunkedArray) -> pa.Array:
    flat = column.cast(pa.string()).combine_chunks()
    return flat.combine_chunks() if isinstance(flat, pa.ChunkedArray) else flat


@dataclass(frozen=True, slots=True)
class Pairs:
    """The same samples under two models: (n,) signals; `relabeled` were left out."""

    value: FloatArray
    reference: FloatArray
    relabeled: int


def pair(frozen: Signals, run: Signals, baseline: Signals) -> Pairs:
    """Join a test's samples under a run and its baseline, by id; see `paired`."""
    return paired(run.at(frozen.ids), baseline.at(frozen.ids))


def paired(run: Placed, baseline: Placed) -> Pairs:
    """Join the same samples, in the same order, under a run and its baseline.

    Samples whose ground truth differs between the two are counted, not mixed in.
    """
    both = (run.rows >= 0) & (baseline.rows >= 0)
    here, there = run.rows[both], baseline.rows[both]
    labels = (
        side.signals.labels.take(pa.array(rows)) for side, rows in ((run, here), (baseline, there))
    )
    same = np.asarray(
        pc.fill_null(pc.equal(*labels), True).to_numpy(zero_copy_only=False), dtype=np.bool_
    )
    return Pairs(
        run.signals.value[here[same]], baseline.signals.value[there[same]], int((~same).sum())
    )
