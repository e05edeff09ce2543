"""Which samples show a group to a person: typical, worst, varied, and alike but handled well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aggressors.slicing.points import BoolArray, FloatArray, IntArray

MAX_COMPARED = 2_000  # members among which representatives are sought
MAX_OTHERS = 20_000  # others among which counter-examples are sought, and near-duplicates counted
ALIKE = 0.1  # of the median distance to the next member, below which two samples are one


@dataclass(frozen=True, eq=False)
class Shown:
    """Chosen `rows` (k,), best first, and how many near-duplicates each stands for, `alike` (k,).

    A near-duplicate is of the same kind as the row and lies within `ALIKE` of it; it is counted
    once, for the first of the rows that it is like.
    """

    rows: IntArray
    alike: IntArray


def representatives(
    member: BoolArray,
    score: FloatArray,
    space: FloatArray,
    signal: FloatArray,
    label: IntArray,
    count: int,
) -> dict[str, Shown]:
    """Choose samples that show a group.

    Parameters
    ----------
    member : (n,) bool.
    score : (n,) how surely each is a member; read for members only.
    space : (n, d) positions.
    signal : (n,) finite.
    label : (n,) codes, -1 where there is none.
    count : most of each kind.

    Returns
    -------
    Rows of these n samples, best first: `central` lie nearest to the mean of the surest members,
    `worst` have the highest signal, `diverse` lie far from each other, `counter` are no members,
    carry a label that members carry and lie near one, but have a signal below the median.
    Near-duplicates appear once, counted up to `MAX_OTHERS` samples.
    """
    every = np.flatnonzero(member)
    if not len(every):
        nothing = np.empty(0, dtype=np.int64)
        return dict.fromkeys(("central", "worst", "diverse", "counter"), Shown(nothing, nothing))
    rows = every[np.argsort(-score[every], kind="stable")][:MAX_COMPARED]
    apart = ALIKE * _median_spacing(space[rows])
    centre = np.average(space[rows], axis=0, weights=score[rows] - 0.49)
    central = rows[np.argsort(_distance(space[rows], centre), kind="stable")]
    worst = every[np.argsort(-signal[every], kind="stable")]
    counter = _counter(member, rows, space, signal, label)
    chosen = {
        "central": (_distinct(central, space, apart, count), every),
        "worst": (_distinct(worst, space, apart, count), every),
        "diverse": (_spread(central, space, apart, count), every),
        "counter": (_distinct(counter, space, apart, count), counter),
    }
    return {
        reason: Shown(taken, _alike(taken, _evenly(among, MAX_OTHERS), space, apart))
        for reason, (taken, among) in chosen.items()
    }


def _counter(
    member: BoolArray, rows: IntArray, space: FloatArray, signal: FloatArray, label: IntArray
) -> IntArray:
    well = ~member & (signal <= np.median(signal)) & np.isin(label, np.unique(label[rows]))
    others = _evenly(np.flatnonzero(well), MAX_OTHERS)
    there = space[others]
    nearness = np.full(len(others), np.inf)
    for start in range(0, len(rows), 256):
        block = space[rows[start : start + 256]]
        norm = np.einsum("md,md->m", block, block)
        nearness = np.minimum(nearness, (norm - 2 * there @ block.T).min(axis=1))
    nearness += np.einsum("nd,nd->n", there, there)
    return others[np.argsort(nearness, kind="stable")]


def _evenly(rows: IntArray, most: int) -> IntArray:
    """At most `most` of the rows, spread evenly over their order."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _distinct(ordered: IntArray, space: FloatArray, apart: float, count: int) -> IntArray:
    """Take the first `count`, leaving out what lies within `apart` of one taken before."""
    taken: list[int] = []
    for row in ordered:
        if not taken or apart == 0 or _distance(space[taken], space[row]).min() > apart:
            taken.append(int(row))
        if len(taken) == count:
            break
    return np.array(taken, dtype=np.int64)


def _alike(taken: IntArray, among: IntArray, space: FloatArray, apart: float) -> IntArray:
    """(len(taken),) rows of `among` within `apart` of each row taken, which are left out."""
    found = np.zeros(len(taken), dtype=np.int64)
    left = among[~np.isin(among, taken)]
    if apart == 0 or not len(taken):
        return found
    for place, row in enumerate(taken):
        near = _distance(space[left], space[row]) <= apart
        found[place] = near.sum()
        left = left[~near]
    return found


def _spread(ordered: IntArray, space: FloatArray, apart: float, count: int) -> IntArray:
    """Farthest-first traversal from the first of `ordered` (Gonzalez 1985)."""
    taken = [0]
    nearest = _distance(space[ordered], space[ordered[0]])
    while len(taken) < min(count, len(ordered)):
        farthest = int(nearest.argmax())
        if nearest[farthest] <= apart:
            break
        taken.append(farthest)
        nearest = np.minimum(nearest, _distance(space[ordered], space[ordered[farthest]]))
    return ordered[taken]


def _median_spacing(space: FloatArray) -> float:
    """Median distance from a sample to its nearest neighbour; 0 where there is no space."""
    if space.shape[1] == 0 or len(space) < 2:
        return 0.0
    sample = space[:400]
    square = ((sample[:, None, :] - sample[None, :, :]) ** 2).sum(axis=2)
    np.fill_diagonal(square, np.inf)
    return float(np.median(np.sqrt(square.min(axis=1))))


def _distance(space: FloatArray, point: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(((space - point) ** 2).sum(axis=-1)))
