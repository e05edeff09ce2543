"""Which samples show a group to a person: typical, worst, varied, and alike but handled well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aggressors.slicing.points import BoolArray, FloatArray, IntArray

MAX_COMPARED = 2_000  # members among which representatives are sought
MAX_OTHERS = 20_000  # others among which counter-examples are sought, and near-duplicates counted
NEAR = 5  # members that a counter-example lies near
MAX_SPACED = 400  # members whose nearest neighbours tell how near is too near
CHANCE = 1e-4  # that a sample which is no near-duplicate has a neighbour as near as one


@dataclass(frozen=True, eq=False)
class Shown:
    """Chosen `rows` (k,), best first, and how many near-duplicates each stands for, `alike` (k,).

    A near-duplicate is of the same kind as the row and lies as near as chance would put few, see
    `_apart`; it is counted once, for the first of the rows that it is like.
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
    carry the labels of the members, each as often as they do, and lie near `NEAR` of them, so that
    no stray member draws its own neighbours, but have a signal no worse than the median.
    Near-duplicates appear once, counted up to `MAX_OTHERS` samples.
    """
    every = np.flatnonzero(member)
    if not len(every):
        nothing = np.empty(0, dtype=np.int64)
        return dict.fromkeys(("central", "worst", "diverse", "counter"), Shown(nothing, nothing))
    rows = every[np.argsort(-score[every], kind="stable")][:MAX_COMPARED]
    apart = _apart(space[rows])
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
    near = min(NEAR, len(rows))
    nearest = np.full((len(others), near), np.inf)  # squared distances, less what is the same
    for start in range(0, len(rows), 256):
        block = space[rows[start : start + 256]]
        norm = np.einsum("md,md->m", block, block)
        both = np.concatenate([nearest, norm - 2 * there @ block.T], axis=1)
        nearest = np.partition(both, near - 1, axis=1)[:, :near]
    nearness = nearest.max(axis=1) + np.einsum("nd,nd->n", there, there)
    return others[_in_turn(np.argsort(nearness, kind="stable"), label[others], label[rows])]


def _in_turn(order: IntArray, label: IntArray, wanted: IntArray) -> IntArray:
    """Order positions so that their (n,) labels come as often as `wanted` has them, else as before.

    Source: Webster's apportionment, which serves the label that is furthest behind its share.
    """
    names, share = np.unique(wanted, return_counts=True)
    turn = np.empty(len(order))
    for name, size in zip(names.tolist(), share.tolist(), strict=True):
        own = label[order] == name
        turn[own] = (np.arange(own.sum()) + 0.5) / size
    return order[np.argsort(turn, kind="stable")]


def _evenly(rows: IntArray, most: int) -> IntArray:
    """At most `most` of the rows, spread evenly over their order."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _distinct(ordered: IntArray, space: FloatArray, apart: float, count: int) -> IntArray:
    """Take the first `count`, leaving out what lies within `apart` of one taken before."""
    taken: list[int] = []
    for row in ordered:
        if not taken or not space.shape[1] or _distance(space[taken], space[row]).min() > apart:
            taken.append(int(row))
        if len(taken) == count:
            break
    return np.array(taken, dtype=np.int64)


def _alike(taken: IntArray, among: IntArray, space: FloatArray, apart: float) -> IntArray:
    """(len(taken),) rows of `among` within `apart` of each row taken, which are left out."""
    found = np.zeros(len(taken), dtype=np.int64)
    left = among[~np.isin(among, taken)]
    if not space.shape[1] or not len(taken):
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


def _apart(space: FloatArray) -> float:
    """How near two samples lie that are near-duplicates; 0 where only the same place tells.

    At a uniform density in D dimensions, a sample has its nearest neighbour within r of it with
    probability 1 - 2^-((r / m)^D), m the median over samples; r is where that is `CHANCE`. D is
    told by the ratio of the second to the nearest distance, whose median is 2^(1/D).

    Source: Facco, d'Errico, Rodriguez and Laio 2017 (two nearest neighbours).
    """
    if space.shape[1] == 0 or len(space) < 3:
        return 0.0
    norm = np.einsum("nd,nd->n", space, space)
    some = _evenly(np.arange(len(space)), MAX_SPACED)
    square = norm[some, None] + norm - 2 * space[some] @ space.T
    square[np.arange(len(some)), some] = np.inf
    nearest, second = np.sqrt(np.partition(square, 1, axis=1)[:, :2].clip(min=0)).T
    median = float(np.median(nearest))
    if median == 0:
        return 0.0
    spread = float(np.median(np.log(second[nearest > 0] / nearest[nearest > 0])))
    dimensions = np.clip(np.log(2) / max(spread, 1e-9), 1, space.shape[1])
    return float(median * (CHANCE / np.log(2)) ** (1 / dimensions))


def _distance(space: FloatArray, point: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(((space - point) ** 2).sum(axis=-1)))
