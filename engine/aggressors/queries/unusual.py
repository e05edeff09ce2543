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
from aggressors.queries.scope import fetch, fetch_rows
from aggressors.stats.unusual import Categories, Numbers, Unusual, stands_out
from aggressors.store.sql import identifier

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MOST_COMPARED = 20_000  # samples, spread evenly over the run, that a number is compared with
MOST_COUNTED = 20_000  # values of a category that are told apart, the most frequent

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
_COUNTED = """
    SELECT m.{name}::VARCHAR, count(*) FROM metadata m WHERE m.{name} IS NOT NULL
    GROUP BY m.{name} ORDER BY count(*) DESC, m.{name} LIMIT $most
"""


def yardsticks(run: RunFile) -> Yardsticks:
    """Summarise every number and category field over the samples of the run.

    Numbers are those of `MOST_COMPARED` samples; categories and what is missing are counted over
    all. Fields of which every sample is said to be its own, and text, are left out.
    """
    kinds = {name: info.kind for name, info in run.fields.items()}
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    categories = [name for name, kind in kinds.items() if kind == "category"]
    if not numbers and not categories:
        return {}
    n = sum(run.populations.values())
    known = {name: n - info.missing for name, info in run.fields.items()}
    by: dict[str, Numbers | Categories] = {}
    if numbers:
        step = max(1, -(-n // MOST_COMPARED))
        columns = ", ".join(f"m.{identifier(name)}" for name in numbers)
        found = fetch(run, _COMPARED, params={"step": step}, columns=columns)
        for name in numbers:
            values = pc.fill_null(found[name].cast(pa.float64()), np.nan)
            missing = 1 - known[name] / max(n, 1)
            by[name] = Numbers.of(values.to_numpy(zero_copy_only=False), missing)
    for name in categories:
        counts = fetch_rows(run, _COUNTED, params={"most": MOST_COUNTED}, name=identifier(name))
        by[name] = Categories.of(dict(counts), known[name], n - known[name])
    return {name: by[name] for name in kinds if name in by}


def unusual(run: RunFile, row_ids: Sequence[int], by: Yardsticks) -> list[tuple[Odd, ...]]:
    """Judge every value of some samples, the most unusual of each sample first.

    Parameters
    ----------
    row_ids : positions of the samples.
    by : what `yardsticks` gives.
    """
    found = metadata(run, row_ids, list(by)).to_pylist()
    return [judged(run, row, by) for row in found]


def judged(run: RunFile, values: Mapping[str, Scalar | None], by: Yardsticks) -> tuple[Odd, ...]:
    """Judge the values of one sample, the most unusual first.

    Parameters
    ----------
    values : by field; those without a yardstick are not judged.
    """
    odd = []
    for name, value in values.items():
        yardstick = by.get(name)
        if yardstick is None:
            continue
        if isinstance(yardstick, Numbers):
            found = yardstick.judge(np.nan if value is None else float(value))
        else:
            found = yardstick.judge(None if value is None else str(value))
        if found is not None:
            odd.append(Odd(name, value, run.fields[name].unit, found, stands_out(found)))
    return tuple(sorted(odd, key=lambda one: (not one.marked, one.found.tail, -abs(one.found.z))))
