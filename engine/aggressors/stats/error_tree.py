"""A small tree that parts failing samples from others, one question about one field at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import BoolArray, FloatArray

IntArray = NDArray[np.int64]
MOST_TOGETHER = 6  # categories that one question may name
CHANCE = 0.05  # a question is asked where chance would part as well this seldom, over all of them


@dataclass(frozen=True)
class Coded:
    """One field of n samples, cut into k parts.

    `code` is (n,) in 0..k-1, k where the field has no value. Parts of an `ordered` field are
    neighbours in the order of their codes.
    """

    code: IntArray
    k: int
    ordered: bool


@dataclass(frozen=True, slots=True)
class Question:
    """Whether the code of `field` (its place in the list) is one of `codes`; k means no value."""

    field: int
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One node: the samples of `parent` for which `question` holds, or does not.

    The root has no parent (-1) and no question. Nodes stand parents first.
    """

    parent: int
    question: Question | None
    holds: bool


@dataclass(frozen=True, slots=True)
class _Best:
    question: Question
    gain: float


def grow(
    fields: Sequence[Coded], fails: BoolArray, weight: FloatArray, *, depth: int, fewest: int
) -> tuple[Node, ...]:
    """Grow a tree greedily, each time by the question that parts failing from other samples best.

    Parameters
    ----------
    fields : what may be asked about, each of the same n samples.
    fails : (n,) bool.
    weight : (n,) not negative.
    depth : questions from the root to a leaf, at most.
    fewest : samples on either side of a question, at least.

    Returns
    -------
    The nodes, the root first. A node stays whole where no question parts it beyond chance, counted
    over all questions that could be asked there (`CHANCE`).

    Source: Breiman et al. 1984, regression by Gini (categories ordered by their rate); the bound of
    Bonferroni on the chi-squared statistic of the parting.
    """
    nodes = [Node(-1, None, True)]
    level: list[tuple[int, IntArray]] = [(0, np.arange(len(fails)))]
    for _ in range(depth):
        following: list[tuple[int, IntArray]] = []
        for place, rows in level:
            question = _best(fields, fails, weight, rows, fewest)
            if question is None:
                continue
            met = np.isin(fields[question.field].code[rows], question.codes)
            for holds in (True, False):
                nodes.append(Node(place, question, holds))
                following.append((len(nodes) - 1, rows[met == holds]))
        level = following
    return tuple(nodes)


def _best(
    fields: Sequence[Coded], fails: BoolArray, weight: FloatArray, rows: IntArray, fewest: int
) -> Question | None:
    w = weight[rows]
    f = w * fails[rows]
    whole, failed = float(w.sum()), float(f.sum())
    if len(rows) < 2 * fewest or not 0 < failed < whole:
        return None
    size = whole**2 / float(w @ w)  # Kish's effective size
    scale = size / whole / (failed / whole * (1 - failed / whole))
    found: _Best | None = None
    for place, field in enumerate(fields):
        code = field.code[rows]
        sums = np.array([np.bincount(code, part, field.k + 1) for part in (None, w, f)])
        for codes, freedom, tried in _questions(field, sums):
            sides = sums[:, list(codes)].sum(axis=1)
            others = (len(rows), whole, failed) - sides
            if min(sides[0], others[0]) < fewest or min(sides[1], others[1]) <= 0:
                continue
            gain = sides[2] ** 2 / sides[1] + others[2] ** 2 / others[1] - failed**2 / whole
            beats = found is None or gain > found.gain * (1 + 1e-9)
            if beats and _chance(gain * scale, freedom) * tried * len(fields) < CHANCE:
                found = _Best(Question(place, codes), float(gain))
    return None if found is None else found.question


def _questions(field: Coded, sums: FloatArray) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """Yield codes that may be asked for, the degrees of freedom of the parting, and how many.

    Parameters
    ----------
    sums : (3, k + 1) samples, their weight, and the weight of those that fail.
    """
    k, missing = field.k, bool(sums[0, field.k])
    if missing:
        yield (k,), 1, 1
    if field.ordered:
        for cut in range(1, k):
            yield tuple(range(cut)), 1, 2 * (k - 1)
            if missing:  # no value goes with the other side
                yield tuple(range(cut, k)), 1, 2 * (k - 1)
        return
    used = np.flatnonzero(sums[0, :k])
    if len(used) < 2 and not missing:
        return
    rate = sums[2, used] / np.maximum(sums[1, used], 1e-300)
    order = used[np.argsort(-rate, kind="stable")]
    # The best of all ways to part categories is no better than all of them apart.
    freedom = max(len(used) - 1 + missing, 1)
    for together in range(1, min(len(order), MOST_TOGETHER) + 1):
        yield tuple(sorted(order[:together].tolist())), freedom, 1
    for together in range(1, min(len(order), MOST_TOGETHER)):
        yield tuple(sorted(order[-together:].tolist())), freedom, 1


def _chance(statistic: float, freedom: int) -> float:
    """How often chance parts so well: the upper tail of chi-squared."""
    from scipy.special import chdtrc

    return float(chdtrc(freedom, statistic))
