"""Which of the groups that passed to report, in which order: strong, compact and not yet told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggressors.slicing.literals import Rule, plainness
from aggressors.slicing.points import (
    BoolArray,
    Float32Array,
    FloatArray,
    IntArray,
    Points,
    neighbours,
)
from aggressors.slicing.protocol import Proposal, across_labels
from aggressors.slicing.told import Told

NEIGHBOURS = 10
DOUBT = 0.5  # standard errors taken off a mean
SAME_STORY = 0.4  # Jaccard from which a further group tells nothing new
ALTERNATIVE = 0.5  # Jaccard and share of the best score from which a group has a vote
MAX_VOTERS = 15
PART = 0.6  # share of a group inside a label that a whole across labels must hold
LARGER = 1.3  # times its size that the whole must have
AS_BAD = 0.5  # times its excess that the rest of the whole must have
COHERENT = 3  # how much it matters that neighbours of members are members
GRAB_BAG = 0.05  # coherence beyond chance, from 0 to 1, below which members don't hang together
COMPACT = 0.25  # how much it matters that members lie close together
RULE_SHAPE = 0.8  # shape of a rule of one condition, whose members need not lie together
RULE_LENGTH = 0.6  # and what each further condition costs


@dataclass(frozen=True, eq=False)
class Pick:
    """One group to report.

    `best` and `voters` are places among the proposals; `votes` (v,) weights that sum to 1.
    """

    best: int
    voters: IntArray
    votes: FloatArray


@dataclass(frozen=True, eq=False)
class Shapes:
    """How well m groups hang together: (m,) `factor` of their scores, and (m,) `coherence`."""

    factor: FloatArray
    coherence: FloatArray


def shape(proposals: list[Proposal], members: BoolArray, points: Points) -> Shapes:
    """Judge the shape of groups: coherence^3 x (1.05 - compactness)^1/4 x purity.

    Parameters
    ----------
    proposals : m groups.
    members : (m, n) over the samples of `points`.

    Coherence is the share of a member's neighbours that are members; compactness the variance
    within over the total; purity, of a group inside some labels, the share of label-blind
    neighbours that carry them: it demotes samples of one label that lie among another's. A rule
    is readable and need not lie together. A grab-bag, whose members lie together hardly more than
    any samples would, has the factor 0.
    """
    blind = _Surroundings.of(points.space)
    same = _Surroundings(points.space, _neighbours_inside(points))
    centred = blind
    if points.classes:
        centred = _Surroundings.of(points.centred(points.label_means()))
    factor, coherence = np.ones(len(proposals)), np.ones(len(proposals))
    for place, (proposal, member) in enumerate(zip(proposals, members, strict=True)):
        region, among = proposal.region, len(points)
        around = centred if across_labels(region) else blind
        if proposal.labels:
            carries = np.isin(points.label, proposal.labels)
            around, among = same, int(carries.sum())
            factor[place] = _share(carries, blind.near[member])
        coherence[place] = around.coherence(member)
        if isinstance(region, Rule):
            factor[place] *= RULE_SHAPE * RULE_LENGTH ** max(len(region.conditions) - 1, 0)
            factor[place] *= plainness(region.conditions)
        elif _is_grab_bag(coherence[place], member.sum() / max(among, 1)):
            factor[place] = 0.0
        else:
            factor[place] *= coherence[place] ** COHERENT * around.tightness(member)
    return Shapes(factor, coherence)


def _is_grab_bag(coherence: float, share: float) -> bool:
    """Whether coherence barely exceeds the `share` that any members would have by chance."""
    return coherence - share < GRAB_BAG * (1 - share)


@dataclass(frozen=True, eq=False)
class _Surroundings:
    """A space (n, d) with each sample's neighbours (n, k) in it."""

    space: FloatArray
    near: IntArray

    @classmethod
    def of(cls, space: FloatArray) -> _Surroundings:
        return cls(space, neighbours(space, space, NEIGHBOURS, exclude=np.arange(len(space))))

    @cached_property
    def total(self) -> float:
        return float(self.space.var(axis=0).sum())

    def coherence(self, member: BoolArray) -> float:
        """Share of the members' neighbours that are members."""
        return _share(member, self.near[member])

    def tightness(self, member: BoolArray) -> float:
        """(1.05 - variance within / total)^1/4."""
        within = float(self.space[member].var(axis=0).sum()) / self.total if self.total else 1.0
        return float(max(1.05 - within, 0.05) ** COMPACT)


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
    is_news : whether a group, by its place, is worse than what is told says.
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
            best = groups.whole_of(best, told.residual, remaining & ~inside_labels)
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

    def whole_of(self, part: int, residual: FloatArray, open_to: BoolArray) -> int:
        """Find the strongest group that holds a part and is about as bad outside it.

        Parameters
        ----------
        residual : (n,) what is left to tell.
        open_to : (m,) groups that may be the whole; without one the part stands for itself.
        """
        member = self.members[part]
        shared = self._sums(member)
        rest = self._sums(np.where(member, 0.0, residual)) / np.maximum(self.size - shared, 1.0)
        wholes = open_to & (shared >= PART * self.size[part]) & (self.size >= LARGER * member.sum())
        wholes &= rest >= AS_BAD * residual[member].mean()
        if not wholes.any():
            return part
        return int(np.where(wholes, self.strengths(residual), -np.inf).argmax())

    def _sums(self, value: NDArray[np.generic]) -> FloatArray:
        return np.asarray(self.matrix @ value.astype(np.float32), dtype=np.float64)


def _pick(best: int, score: FloatArray, overlap: FloatArray) -> Pick:
    voters = np.flatnonzero((overlap >= ALTERNATIVE) & (score >= ALTERNATIVE * score[best]))
    voters = voters[np.argsort(-score[voters], kind="stable")][:MAX_VOTERS]
    return Pick(best, voters, score[voters] / score[voters].sum())


def _share(member: BoolArray, near: IntArray) -> float:
    return float(member[near].mean()) if near.size else 1.0


def _neighbours_inside(points: Points) -> IntArray:
    """(n, k) neighbours of the same label; a label with few samples repeats them."""
    found = np.tile(np.arange(len(points))[:, None], NEIGHBOURS)
    for label in np.unique(points.label[points.label >= 0]):
        rows = np.flatnonzero(points.label == label)
        space = points.space[rows]
        near = neighbours(space, space, NEIGHBOURS, exclude=np.arange(len(rows)))
        if near.shape[1]:
            found[rows] = rows[near[:, np.arange(NEIGHBOURS) % near.shape[1]]]
    return found
