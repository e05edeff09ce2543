"""Metadata that says nothing, or little: decoys, and hints that are right most of the time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STATIONS = ("harbour", "market", "north", "outdoor", "south")
CAMERAS = ("cam-1", "cam-2", "cam-3")
SUPPLIERS = ("arco", "belmont", "corda", "dunmore")


def decoys(label: NDArray[np.str_], rng: np.random.Generator) -> dict[str, NDArray]:
    """Station, camera and hour by chance, and a supplier who goes with the label."""
    n = len(label)
    _, place = np.unique(label, return_inverse=True)
    usual = rng.integers(0, len(SUPPLIERS), place.max() + 1)[place]
    supplier = np.where(rng.random(n) < 0.6, usual, rng.integers(0, len(SUPPLIERS), n))
    return {
        "station": _names(STATIONS, rng.choice(len(STATIONS), n, p=[0.4, 0.25, 0.2, 0.1, 0.05])),
        "camera": _names(CAMERAS, rng.integers(0, len(CAMERAS), n)),
        "hour": np.floor(np.clip(rng.normal(13, 4, n), 0, 23)),
        "supplier": _names(SUPPLIERS, supplier),
    }


def hint(member: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.object_]:
    """A category that holds for some three quarters of the members, and for few others."""
    inside, outside = rng.uniform(0.65, 0.85), rng.uniform(0.03, 0.1)
    marked = rng.random(len(member)) < np.where(member, inside, outside)
    other = rng.integers(0, 2, len(member))
    return _names(("standard", "older", "loaned"), np.where(marked, 2, other))


def _names(names: tuple[str, ...], place: NDArray[np.integer]) -> NDArray[np.object_]:
    return np.array(names, dtype=object)[place]
