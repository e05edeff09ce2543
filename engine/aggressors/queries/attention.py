"""Where the model looks inside an aggressor and elsewhere: mean maps, their difference, numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aggressors.contracts import Attention
from aggressors.queries.concept import mean_maps
from aggressors.queries.scope import fetch_rows
from aggressors.words import MAP_NAMES

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

Cells = NDArray[np.float64]
LARGEST = 224  # cells of a side; no map of a run is larger, and a file may come from a stranger
REFERENCE = "same_label_well_predicted"


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
class Looks:
    """Where the model looks, by set, on one scale.

    `difference` is the map of the set `differs` minus that of REFERENCE, in the same unit; None
    where one of them is missing.
    """

    maps: tuple[MeanMap, ...]
    differs: str
    difference: Cells | None


def explanation(run: RunFile) -> Explanation:
    """Tell how the heatmaps of a run were made; all '' for a run from a table."""
    rows = fetch_rows(run, "SELECT method, layer, reason FROM explanation LIMIT 1")
    return Explanation(*(text or "" for text in rows[0])) if rows else Explanation("", "", "")


def looks(run: RunFile, concept_id: int) -> Looks:
    """Average attention of the failing members, all members and others, and how they differ."""
    found: dict[str, MeanMap] = {}
    for row in mean_maps(run, concept_id).to_pylist():
        height, width = row["height"] or 0, row["width"] or 0
        sound = 0 < height <= LARGEST and 0 < width <= LARGEST
        if not sound or row["of"] not in MAP_NAMES or len(row["pixels"] or b"") != height * width:
            continue
        cells = np.frombuffer(row["pixels"], np.uint8).reshape(height, width).astype(np.float64)
        if not cells.any() or any(cells.shape != one.cells.shape for one in found.values()):
            continue
        # Of one sum, so that the maps compare where and not how much.
        found[row["of"]] = MeanMap(row["of"], row["n"], cells / cells.mean())
    inside = next((of for of in ("core", "members") if of in found), "")
    difference = None
    if inside and REFERENCE in found:
        difference = found[inside].cells - found[REFERENCE].cells
    return Looks(tuple(found.values()), inside, difference)


def attention(run: RunFile, concept_id: int) -> tuple[Attention, ...]:
    """Read the numbers of the heatmaps of a concept, by measure and set."""
    sql = """
        SELECT of, measure, value, low, high, n, coalesce(reference, ''), difference,
            difference_low, difference_high
        FROM attention WHERE concept_id = $concept AND isfinite(value)
        ORDER BY measure, of
    """
    return tuple(Attention(*row) for row in fetch_rows(run, sql, params={"concept": concept_id}))
