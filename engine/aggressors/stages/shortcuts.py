"""Finds fields by which train tells a class, and which members of an aggressor break."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aggressors.stages.frame import BoolArray, Frame, IntArray
from aggressors.stages.screening import usable_fields
from aggressors.stats.bounds import shortcut_bounds
from aggressors.stats.diagnosis import Bounds
from aggressors.stats.evidence import binned, shortcut

FEWEST = 5
MUCH = 0.2  # share of the members that must be of one kind to be asked for a shortcut


@dataclass(frozen=True, slots=True)
class Shortcut:
    """The field that tells `klass` in train while members break that.

    `strength` in [0, 1]; `shortfall` log of how much rarer in train than in the analysed
    population such breaking members are, in nats: near 0 where train holds them just as well, as
    it does wrong labels and bad inputs. `bounds` are those of the strength.
    """

    strength: float
    shortfall: float
    field: str
    klass: str
    bounds: Bounds | None = None


def strongest(
    frame: Frame, cells: dict[str, IntArray], member: BoolArray, analysed: BoolArray,
    train: BoolArray,
) -> Shortcut | None:  # fmt: skip
    """Strongest shortcut over fields and classes; None without train, fields or classes.

    A class may fail where its usual mark is missing, or others may be taken for it because they
    carry the mark: the latter is asked with the roles of the two sides exchanged.
    """
    if not train.any() or not cells or len(frame.classes) < 2:
        return None
    best = Shortcut(0.0, 0.0, "", "")
    inside = member & analysed
    for code, name in enumerate(frame.classes):
        own = frame.label == code
        others = (frame.label >= 0) & ~own
        if min((train & own).sum(), (train & others).sum()) < FEWEST:
            continue
        mistaken = inside & others & (frame.prediction == code)
        for group, near, far in ((inside & own, own, others), (mistaken, others, own)):
            if group.sum() < max(FEWEST, MUCH * inside.sum()):
                continue
            for field, cell in cells.items():
                k = int(cell.max(initial=0)) + 1
                strength = shortcut(cell[train & near], cell[train & far], cell[group], k)
                if strength > best.strength:
                    broken = near & _typical_of(cell, train & far, train & near, k)
                    shortfall = _shortfall(member & broken, near, analysed, train)
                    bounds = shortcut_bounds(cell[train & near], cell[train & far], cell[group], k)
                    best = Shortcut(strength, shortfall, field, name, bounds)
    return best


def field_cells(frame: Frame, reference: BoolArray) -> dict[str, IntArray]:
    """Each field as cells (n,): categories, or ten bins of a number; -1 where missing."""
    every = np.arange(len(frame))
    cells = {}
    for entry in usable_fields(frame):
        if entry.name != "label":
            field = entry.at(every)
            codes = field.codes if field.numbers is None else binned(field.numbers, reference)
            assert codes is not None
            cells[entry.name] = codes
    return cells


def _typical_of(cell: IntArray, far: BoolArray, near: BoolArray, k: int) -> BoolArray:
    """(n,) True in cells that hold a larger share of `far` than of `near`."""
    share_far, share_near = (
        np.bincount(cell[side & (cell >= 0)], minlength=k) / max(int(side.sum()), 1)
        for side in (far, near)
    )
    return np.asarray((cell >= 0) & (share_far > share_near)[np.maximum(cell, 0)])


def _shortfall(what: BoolArray, of: BoolArray, analysed: BoolArray, train: BoolArray) -> float:
    """Log share of `of` that is `what`, analysed over train; half a sample added to each."""
    shares = [
        ((what & of & population).sum() + 0.5) / ((of & population).sum() + 1)
        for population in (analysed, train)
    ]
    return float(np.log(shares[0] / shares[1]))
