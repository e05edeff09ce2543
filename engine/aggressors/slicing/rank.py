"""Which of the groups that passed to report, in which order: strong, compact and not yet told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggressors.slicing.points import (
    BoolArray,
    Float32Array,
    FloatArray,
    IntArray,
)
from aggressors.slicing.told import Told

DOUBT = 0.5  # standard errors taken off a mean
SAME_STORY = 0.4  # Jaccard from which a further group tells nothing new
ALTERNATIVE = 0.5  # Jaccard and share of the best score from which a group has a vote
MAX_VOTERS = 15
PART = 0.6  # share of a group inside a label that a whole across labels must hold
LARGER = 1.3  # times its size that the whole must have
AS_BAD = 0.5  # times its excess that the rest of the whole must have


@dataclass(frozen=True, eq=False)
class Pick:
    """One group to report.

    `best` and `voters` are places among the proposals; `votes` (v,) weights that sum to 1.
    """

    best: int
    voters: IntArray
    votes: FloatArray


def strength(n: ArrayLike, mean: ArrayLike, error: ArrayLike) -> FloatArray:
    """sqrt(n) x (mean - half its standard error) of the residual signal of n members."""
    return np.asarray(np.sqrt(n) * (np.asarray(mean) - DOUBT * np.asarray(error)), np.float64)


def choose(
    members: BoolArray,
    signal: FloatArray,
    shapes: FloatArray,
    most: int,
    taken: BoolArray,
    is_news: Callable[[Told, int], bool],
    usual: FloatArray | None = None,
    inside_labels: BoolArray | None = None,
) -> list[Pick]:
    """Take the best group, tell half of its loss, and go on with what is left.

    Parameters
    ----------
    members : (m, n) bool.
    signal : (n,) finite.
    shapes : (m,) factor of each group's score.
    most : most groups taken.
    taken : (t, n) groups that are reported already.
    is_news : whether a group, by its place, is worse than what is told already.
    usual : (n,) see `Told`.
    inside_labels : (m,) groups of some labels alone, which give way to the whole they belong to.
    """
    groups = _Groups(members)
    told = Told(signal, usual)
    remaining = groups.size > 1
    for group in taken:
        told.add(group)
        remaining &= groups.jaccard(group) < SAME_STORY
    picks: list[Pick] = []
    while len(picks) < most:
        score = np.where(remaining, groups.strengths(told.residual) * shapes, -np.inf)
        best = int(score.argmax())
        if score[best] <= 0:
            break
        if not is_news(told, best):
            remaining[best] = False
            continue
        if inside_labels is not None and inside_labels[best]:
            whole = groups.whole_of(best, told.residual, (score > 0) & ~inside_labels)
            best = whole if whole is not None and is_news(told, whole) else best
        overlap = groups.jaccard(members[best])
        picks.append(_pick(best, score, overlap))
        remaining &= overlap < SAME_STORY
        told.add(members[best])
    return picks


class _Groups:
    """(m, n) members of m groups, with their sizes."""

    def __init__(self, members: BoolArray) -> None:
        self.members = members
        self.matrix: Float32Array = members.astype(np.float32)
        self.size: FloatArray = self.matrix.sum(axis=1, dtype=np.float64)

    def strengths(self, residual: FloatArray) -> FloatArray:
        """(m,) strength of every group."""
        size = self.size.clip(1)
        mean, square = self._sums(residual) / size, self._sums(residual**2) / size
        error = np.sqrt(np.maximum(square - mean**2, 0.0) / size)
        return strength(self.size, mean, error)

    def jaccard(self, group: BoolArray) -> FloatArray:
        """(m,) overlap of every group with one, as intersection over union."""
        both = self._sums(group)
        return np.asarray(both / np.maximum(self.size + group.sum() - both, 1.0))

    def whole_of(self, part: int, residual: FloatArray, open_to: BoolArray) -> int | None:
        """Find the strongest group that holds a part and is about as bad outside it.

        Parameters
        ----------
        residual : (n,) what is left to tell.
        open_to : (m,) groups that may be the whole.
        """
        member = self.members[part]
        shared = self._sums(member)
        rest = self._sums(np.where(member, 0.0, residual)) / np.maximum(self.size - shared, 1.0)
        wholes = open_to & (shared >= PART * self.size[part]) & (self.size >= LARGER * member.sum())
        wholes &= rest >= AS_BAD * residual[member].mean()
        if not wholes.any():
            return None
        return int(np.where(wholes, self.strengths(residual), -np.inf).argmax())

    def _sums(self, value: NDArray[np.generic]) -> FloatArray:
        return np.asarray(self.matrix @ value.astype(np.float32), dtype=np.float64)


def _pick(best: int, score: FloatArray, overlap: FloatArray) -> Pick:
    voters = np.flatnonzero((overlap >= ALTERNATIVE) & (score >= ALTERNATIVE * score[best]))
    voters = voters[np.argsort(-score[voters], kind="stable")][:MAX_VOTERS]
    return Pick(best, voters, score[voters] / score[voters].sum())
