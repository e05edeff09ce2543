"""What train holds near the analysed samples: how far it lies, and whether it has copies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aggressors.stages.frame import BoolArray, FloatArray, Frame
from aggressors.stages.whitened import Floats, capped
from aggressors.stats.neighbours import nearest

K = 10
COPY = 0.05  # of the usual distance to the nearest sample, below which two are the same


@dataclass(frozen=True, eq=False)
class Near:
    """`distance` (n,) log mean distance to train minus that within the analysed population.

    NaN outside that. `copied` (n,) whether train holds a sample that is nearly the same; only a
    share `seen` of train was looked through.
    """

    distance: FloatArray
    copied: BoolArray
    seen: float


def within_analysed(frame: Frame, z: Floats | None, analysed: BoolArray) -> FloatArray | None:
    """(n,) log mean distance to the nearest analysed samples, NaN elsewhere; None without any."""
    if z is None or analysed.sum() <= K:
        return None
    rows = np.flatnonzero(analysed)
    bank = capped(frame, rows)
    place = np.full(len(frame), -1)
    place[bank] = np.arange(len(bank))
    out = np.full(len(frame), np.nan)
    out[rows] = np.log(nearest(z[rows], z[bank], K, own=place[rows]).mean_distance(K) + 1e-9)
    return out


def near_train(
    frame: Frame, z: Floats | None, within: FloatArray | None, analysed: BoolArray, train: BoolArray
) -> Near | None:
    """Compare each analysed sample with train; None without positions or train.

    `within` is what `within_analysed` gives.
    """
    if z is None or within is None or train.sum() < K:
        return None
    distance, copied = np.full(len(frame), np.nan), np.zeros(len(frame), dtype=np.bool_)
    rows = np.flatnonzero(analysed)
    bank = capped(frame, np.flatnonzero(train))
    found = nearest(z[rows], z[bank], K)
    distance[rows] = np.log(found.mean_distance(K) + 1e-9) - within[rows]
    usual = float(np.median(found.mean_distance(1)))
    copied[rows] = found.mean_distance(1) < COPY * usual
    return Near(distance, copied, len(bank) / int(train.sum()))
