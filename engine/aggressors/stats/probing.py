"""Whether a transformation makes clean samples fail as the members of a group do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.diagnosis import Probe
from aggressors.stats.intervals import FloatArray, Interval, mean_interval

Way = tuple[str, float]
Seen = tuple[FloatArray, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Shifted:
    """Clean samples before they are transformed, and the members that they are held against.

    Parameters
    ----------
    loss, z : (m,) and (m, d) of the clean samples.
    member_loss, member_z : (k,) and (k, d) of the members.
    spread : (d,) standard deviation of each direction over all samples; 0 where it does not vary.
    """

    loss: FloatArray
    z: NDArray[np.float32]
    member_loss: FloatArray
    member_z: NDArray[np.float32]
    spread: NDArray[np.float32]


def probed(before: Shifted, ways: Mapping[Way, Seen]) -> list[Probe]:
    """Order what each way does, the most like the members first; one strength a transformation.

    Parameters
    ----------
    before : at least 2 clean samples, and a member.
    ways : losses (m,) and positions (m, d) of the same clean samples after each.

    Returns
    -------
    `moved` is the mean paired rise of the loss over the distance of the means, with Student's
    interval of the rise; empty where members do not lose more than the clean samples.

    Notes
    -----
    The order is by alike x min(moved, 1 / moved). Almost anything that spoils an input raises its
    loss, so that a rise alone proves nothing: the way that the samples go must be the way to the
    members, and what spoils them far more than members are spoiled is another thing.
    """
    distance = float(before.member_loss.mean() - before.loss.mean())
    if distance <= 0 or len(before.loss) < 2:
        return []
    live = before.spread > 1e-9
    scale = before.spread[live].astype(np.float64)
    there = (before.member_z.mean(axis=0) - before.z.mean(axis=0))[live] / scale
    best: dict[str, Probe] = {}
    for (name, strength), (loss, z) in ways.items():
        rise = mean_interval(loss - before.loss)
        moved = Interval(rise.value / distance, rise.low / distance, rise.high / distance)
        gone = (z - before.z).mean(axis=0)[live] / scale
        one = Probe(name, strength, moved, _cosine(gone, there), len(loss))
        if name not in best or score(one) > score(best[name]):
            best[name] = one
    return sorted(best.values(), key=lambda one: (-score(one), one.transform))


def score(one: Probe) -> float:
    """How far a transformation makes members of clean samples, in [-1, 1]."""
    moved = max(one.moved.value, 0.0)
    return one.alike * min(moved, 1 / max(moved, 1e-9))


def _cosine(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / length if length > 0 else 0.0
