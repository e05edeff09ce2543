"""How the map of a run lies beside that of an earlier one, by the samples that both have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.queries.columns import numbers
from aggressors.queries.maps import View
from aggressors.queries.scope import fetch, fetch_rows
from aggressors.stats.alignment import Similarity, onto

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

FEWEST = 50  # samples that both runs must have
_COMPARED = 20_000  # of the larger run, chosen by a hash that is the same in both

_PLACES = """
    SELECT sample_id, map_x, map_y FROM samples
    WHERE map_x IS NOT NULL AND map_y IS NOT NULL AND hash(sample_id) % $step = 0
"""
_EXTENT = """
    SELECT min(x), min(y), max(x), max(y) FROM (
        SELECT $xx * map_x + $xy * map_y + $x0 AS x, $yx * map_x + $yy * map_y + $y0 AS y
        FROM samples
    )
"""


def aligned(run: RunFile, earlier: RunFile) -> Similarity | None:
    """Find how to turn the map of a run so that it lies on that of an earlier one.

    About `_COMPARED` samples are compared, or all where these share too few.

    Returns
    -------
    None where the runs share fewer than `FEWEST` samples with a place.
    """
    largest = max(sum(one.populations.values()) for one in (run, earlier))
    step = max(1, largest // _COMPARED)
    places = _shared(run, earlier, step)
    if step > 1 and len(places) < FEWEST:
        places = _shared(run, earlier, 1)
    if len(places) < FEWEST:
        return None
    return onto(places[:, :2], places[:, 2:])


def _shared(run: RunFile, earlier: RunFile, step: int) -> NDArray[np.float64]:
    """(n, 4) x and y in the run, then in the earlier one, of samples in both."""
    here, there = (fetch(one, _PLACES, params={"step": step}) for one in (run, earlier))
    at = pc.index_in(here["sample_id"], value_set=there["sample_id"].combine_chunks())
    both = pc.is_valid(at)
    here, there = here.filter(both), there.take(at.filter(both))
    columns = [one[axis] for one in (here, there) for axis in ("map_x", "map_y")]
    return np.column_stack([numbers(column) for column in columns])


def placed_extent(run: RunFile, placed: Similarity) -> View | None:
    """Find the view that just holds every sample of a map that is moved; None where there is none.

    Lengths are in units of the map it is moved onto.
    """
    params = {name: getattr(placed, name) for name in ("xx", "xy", "yx", "yy", "x0", "y0")}
    x0, y0, x1, y1 = fetch_rows(run, _EXTENT, params=params)[0]
    return None if x0 is None else View(x0, y0, x1, y1)
