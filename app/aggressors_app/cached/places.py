"""Where the map of each run lies: turned onto that of an earlier run of the same samples.

Filters hold the places of their own run as they are stored, so that they mean the same in a link,
in Python and on the command line. What is drawn is moved, and what is drawn on it is moved back;
both happen through `placed` alone.
"""

from __future__ import annotations

from aggressors.carrying import Placed, earlier_than
from aggressors.carrying import placed as lying
from aggressors.queries import alignment, maps
from aggressors.stats.alignment import STAYS
from aggressors_app.cached.runs import catalogue, remember, run_file

MARGIN = 0.06  # of the extent, on each side


def placed(run_id: str) -> Placed:
    """Find how the map of a run is moved, so that a sample lies where it did in earlier runs."""
    return _placed(run_id, earlier_than(run_id, [run.run_id for run in catalogue().runs]))


@remember
def _placed(run_id: str, earlier: tuple[str, ...]) -> Placed:
    return lying(run_id, earlier, run_file)


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
