"""Where the map of each run lies: turned onto that of an earlier run of the same samples.

Filters hold the places of their own run as they are stored, so that they mean the same in a link,
in Python and on the command line. What is drawn is moved, and what is drawn on it is moved back;
both happen through `placed` alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from aggressors.errors import AggressorsError
from aggressors.queries import alignment, maps
from aggressors.stats.alignment import STAYS, Similarity
from aggressors_app.cached.runs import catalogue, remember, run_file

MARGIN = 0.06  # of the extent, on each side


@dataclass(frozen=True, slots=True)
class Placed:
    """How the map of a run is moved, and the run whose map stays where it is."""

    by: Similarity
    first: str


def placed(run_id: str) -> Placed:
    """Find how the map of a run is moved, so that a sample lies where it did in earlier runs.

    It is laid onto the oldest run that shares enough samples, wherever that one lies by now; so
    all runs of the same data agree, and each stays put when a newer one comes.
    """
    runs = [run.run_id for run in catalogue().runs]  # newest first
    earlier = runs[runs.index(run_id) + 1 :] if run_id in runs else []
    return _placed(run_id, tuple(reversed(earlier)))


@remember
def _placed(run_id: str, earlier: tuple[str, ...]) -> Placed:
    for place, other in enumerate(earlier):
        try:
            found = alignment.aligned(run_file(run_id), run_file(other))
        except AggressorsError:  # a damaged file is no reason to show no map
            continue
        if found is not None:
            below = _placed(other, earlier[:place])
            return Placed(found.then(below.by), below.first)
    return Placed(STAYS, run_id)


@remember
def whole(run_id: str, placed: Placed) -> maps.View:
    """View of every sample of a run and of the one it lies on, with room around them."""
    boxes = [alignment.placed_extent(run_file(run_id), placed.by)]
    if placed.first != run_id:
        boxes.append(alignment.placed_extent(run_file(placed.first), STAYS))
    known = [box for box in boxes if box is not None]
    if not known:
        return maps.View(0.0, 0.0, 1.0, 1.0)
    x0, y0 = min(box.x0 for box in known), min(box.y0 for box in known)
    x1, y1 = max(box.x1 for box in known), max(box.y1 for box in known)
    margin = MARGIN * max(x1 - x0, y1 - y0) or 0.5
    return maps.View(x0 - margin, y0 - margin, x1 + margin, y1 + margin)
