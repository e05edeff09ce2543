"""Which metadata values of a sample are unusual among those of all samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import Scalar
from aggressors.queries.samples import metadata
from aggressors.queries.scope import fetch
from aggressors.stats.unusual import Categories, Numbers, Unusual, stands_out
from aggressors.store.sql import identifier

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MOST_COMPARED = 20_000  # samples, spread evenly over the run, that a value is compared with

Yardsticks = Mapping[str, Numbers | Categories]


@dataclass(frozen=True, slots=True)
class Odd:
    """One value of a sample and how unusual it is; `marked` where it stands out."""

    field: str
    value: Scalar | None
    unit: str
    found: Unusual
    marked: bool


_COMPARED = "SELECT {columns} FROM metadata m WHERE m.row_id % $step = 0 ORDER BY m.row_id"


def yardsticks(run: RunFile) -> Yardsticks:
    """Summarise every number and category field over the samples of the run.

    Fields of which every sample is said to be its own, and text, are left out.
    """
    names = [name for name, info in run.fields.items() if info.kind in ("number", "category")]
    if not names:
        return {}
    step = max(1, -(-sum(run.populations.values()) // MOST_COMPARED))
    columns = ", ".join(
        f"m.{identifier(name)}{'' if run.fields[name].kind == 'number' else '::VARCHAR'}"
        f" AS {identifier(name)}"
        for name in names
    )
    found = fetch(run, _COMPARED, params={"step": step}, columns=columns)
    return {name: _yardstick(found[name], run.fields[name].kind) for name in names}


def _yardstick(column: pa.ChunkedArray, kind: str) -> Numbers | Categories:
    if kind == "number":
        values = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
        return Numbers.of(values)
    encoded = pc.dictionary_encode(column.combine_chunks())
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return Categories.of(codes.astype(np.int64), tuple(encoded.dictionary.to_pylist()))


def unusual(run: RunFile, row_ids: Sequence[int], by: Yardsticks) -> list[tuple[Odd, ...]]:
    """Judge every value of some samples, the most unusual of each sample first.

    Parameters
    ----------
    row_ids : positions of the samples.
    by : what `yardsticks` gives.
    """
    found = metadata(run, row_ids, list(by)).to_pylist()
    return [tuple(_judged(run, row, by)) for row in found]


def _judged(run: RunFile, row: Mapping[str, Scalar | None], by: Yardsticks) -> list[Odd]:
    judged = []
    for name, value in row.items():
        yardstick = by[name]
        if isinstance(yardstick, Numbers):
            found = yardstick.judge(np.nan if value is None else float(value))
        else:
            found = yardstick.judge(None if value is None else str(value))
        if found is not None:
            judged.append(Odd(name, value, run.fields[name].unit, found, stands_out(found)))
    return sorted(judged, key=lambda odd: (not odd.marked, odd.found.tail, -abs(odd.found.z)))
