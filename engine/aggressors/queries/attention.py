"""Where the model looks inside an aggressor and elsewhere: mean maps, their difference, numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aggressors.contracts import MISLED, MISTAKEN, WELL, Attention
from aggressors.queries.concept import MAP_SETS, mean_maps
from aggressors.queries.scope import fetch_rows
from aggressors.words import MAP_NAMES

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

Cells = NDArray[np.float64]
LARGEST = 224  # cells of a side; no map of a run is larger, and a file may come from a stranger
WIDEST = 1e3  # the furthest bound of a share that is read; of two samples it may lie far out


@dataclass(frozen=True, slots=True)
class Explanation:
    """How heatmaps were made; without a `layer`, or with a `reason`, there are none."""

    method: str
    layer: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class MeanMap:
    """Mean attention of the set `of`: (rows, columns) cells, 1 where it is spread evenly."""

    of: str
    n: int
    cells: Cells


@dataclass(frozen=True, slots=True, eq=False)
class Misled:
    """Mean attention of the mistakes `of`: for the class predicted, and for the true one.

    Both are over the same `n` samples, in the unit of `MeanMap`.
    """

    of: str
    n: int
    predicted: Cells
    true: Cells

    @property
    def difference(self) -> Cells:
        """(rows, columns) above 0 where the predicted class has more of its attention."""
        return self.predicted - self.true


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Where the model looks, by set, on one scale.

    `difference` is the map of the set `differs` minus that of WELL, in the same unit; None
    where one of them is missing. `misled` are the mistakes of failing members, and of the rest, as
    far as their true class has a map.
    """

    maps: tuple[MeanMap, ...]
    differs: str
    difference: Cells | None
    misled: tuple[Misled, ...] = ()


def explanation(run: RunFile) -> Explanation:
    """Tell how the heatmaps of a run were made; all '' for a run from a table."""
    rows = fetch_rows(run, "SELECT method, layer, reason FROM explanation LIMIT 1")
    return Explanation(*(text or "" for text in rows[0])) if rows else Explanation("", "", "")


def looks(run: RunFile, concept_id: int) -> Looks:
    """Average attention of the failing members, all members and others, and how they differ."""
    found: dict[tuple[str, str], MeanMap] = {}
    for row in mean_maps(run, concept_id).to_pylist():
        if row["of"] not in MAP_SETS or row["n"] is None:
            continue
        cells = _cells(row["height"] or 0, row["width"] or 0, row["pixels"] or b"")
        if cells is None or any(cells.shape != one.cells.shape for one in found.values()):
            continue
        found[row["of"], row["target"]] = MeanMap(row["of"], row["n"], cells)
    maps = {of: one for (of, target), one in found.items() if of in MAP_NAMES}
    inside = next((of for of in ("core", "members") if of in maps), "")
    difference = None
    if inside and WELL in maps:
        difference = maps[inside].cells - maps[WELL].cells
    return Looks(tuple(maps.values()), inside, difference, tuple(_misled(found)))


def _cells(height: int, width: int, pixels: bytes) -> Cells | None:
    """(height, width) of one sum, so that maps compare where and not how much; None if unsound."""
    sound = 0 < height <= LARGEST and 0 < width <= LARGEST and len(pixels) == height * width
    if not sound or not any(pixels):
        return None
    cells = np.frombuffer(pixels, np.uint8).reshape(height, width).astype(np.float64)
    return np.asarray(cells / cells.mean())


def _misled(found: Mapping[tuple[str, str], MeanMap]) -> Iterator[Misled]:
    for of in (MISLED, MISTAKEN):
        predicted, true = found.get((of, "prediction")), found.get((of, "label"))
        if predicted is not None and true is not None:
            yield Misled(of, predicted.n, predicted.cells, true.cells)


_ATTENTION = """
    SELECT concept_id, of, measure, value, low, high, n, coalesce(reference, ''), difference,
        difference_low, difference_high
    FROM attention
    WHERE {which} AND of IS NOT NULL AND measure IS NOT NULL AND n > 0 AND isfinite(value)
    ORDER BY concept_id, measure, of
"""


def attention(run: RunFile, concept_id: int) -> tuple[Attention, ...]:
    """Read the numbers of the heatmaps of a concept, by measure and set.

    What a file says that cannot be is left out: shares beyond 1, bounds that are no numbers.
    """
    params = {"concept": concept_id}
    found = fetch_rows(run, _ATTENTION, params=params, which="concept_id = $concept")
    return tuple(_read(*row[1:]) for row in found if _is_sound(row[2], row[3]))


def attention_by_concept(run: RunFile) -> dict[int, tuple[Attention, ...]]:
    """Read the numbers of all concepts at once; see `attention`."""
    by: dict[int, list[Attention]] = {}
    for concept_id, *row in fetch_rows(run, _ATTENTION, which="concept_id IS NOT NULL"):
        if _is_sound(row[1], row[2]):
            by.setdefault(concept_id, []).append(_read(*row))
    return {concept_id: tuple(found) for concept_id, found in by.items()}


def _read(
    of: str,
    measure: str,
    value: float,
    low: float | None,
    high: float | None,
    n: int,
    reference: str,
    *difference: float | None,
) -> Attention:
    bounds = (low, high) if _are_sound(measure, low, high) else (None, None)
    change, least, most = difference
    if not _are_sound(measure, change):
        reference, change = "", None
    against = (
        (least, most) if change is not None and _are_sound(measure, least, most) else (None, None)
    )
    return Attention(of, measure, value, *bounds, n, reference, change, *against)


def _are_sound(measure: str, *values: float | None) -> bool:
    return all(value is not None and _is_sound(measure, value) for value in values)


def _is_sound(measure: str, value: float) -> bool:
    """Tell whether a value is a number, and that of a share or its difference within bounds.

    A bound may lie beyond 1 by as much as an interval of few samples is wide.
    """
    return isfinite(value) and (measure == "strength" or abs(value) <= WIDEST)
