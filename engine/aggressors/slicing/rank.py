"""Which of the groups that passed to report, in which order: strong, compact and not yet told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

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
COHERENT = 3  # how much it matters that neighbours of members are members
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


def shape(proposals: list[Proposal], members: BoolArray, points: Points) -> FloatArray:
    """(m,) how well a group hangs together: coherence^3 x (1.05 - compactness)^1/4 x purity.

    Parameters
    ----------
    proposals : m groups.
    members : (m, n) over the samples of `points`.

    Coherence is the share of a member's neighbours that are members; compactness the variance
    within over the total, both in the space in which the group was found. Purity, of a group inside
    some labels, is the share of label-blind neighbours that carry them: it demotes samples of one
    label that lie among another's. It is that of the main space, since looks need not tell labels.
    """
    blind = _Surroundings.of(points.space)
    spaces = [each.space for each in proposals]
    shapes = np.empty(len(proposals))
    for name in dict.fromkeys(spaces):
        rows = np.flatnonzero([space == name for space in spaces])
        there = points.seen_in(name)
        around = _Surroundings.of(there.space) if name else blind
        shapes[rows] = _shape_in([proposals[row] for row in rows], members[rows], there, around)
    for place, proposal in enumerate(proposals):
        if proposal.labels:
            carries = np.isin(points.label, proposal.labels)
            shapes[place] *= _share(carries, blind.near[members[place]])
    return shapes


def _shape_in(
    proposals: list[Proposal], members: BoolArray, points: Points, blind: _Surroundings
) -> FloatArray:
    """(m,) the shape without purity, in the one space of `points`."""
    same = _Surroundings(points.space, _neighbours_inside(points))
    centred = blind
    if points.classes:
        centred = _Surroundings.of(points.centred(points.label_means()))
    shapes = np.empty(len(proposals))
    for place, proposal in enumerate(proposals):
        region = proposal.region
        if isinstance(region, Rule):
            shapes[place] = RULE_SHAPE * RULE_LENGTH ** max(len(region.conditions) - 1, 0)
            shapes[place] *= plainness(region.conditions)
        elif proposal.labels:
            shapes[place] = same.shape(members[place])
        elif across_labels(region):
            shapes[place] = centred.shape(members[place])
        else:
            shapes[place] = blind.shape(members[place])
    return shapes


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

    def shape(self, member: BoolArray) -> float:
        """coherence^3 x (1.05 - compactness)^1/4."""
        within = float(self.space[member].var(axis=0).sum()) / self.total if self.total else 1.0
        coherence = _share(member, self.near[member])
        return float(coherence**COHERENT * max(1.05 - within, 0.05) ** COMPACT)


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
    """
    matrix = members.astype(np.float32)
    size = matrix.sum(axis=1, dtype=np.float64)
    told = Told(signal, usual)
    remaining = size > 1
    for group in taken:
        told.add(group)
        remaining &= _jaccard(matrix, size, group) < SAME_STORY
    picks: list[Pick] = []
    while len(picks) < most:
        score = np.where(remaining, _scores(matrix, size, told.residual) * shapes, -np.inf)
        best = int(score.argmax())
        if score[best] <= 0:
            break
        if not is_news(told, best):
            remaining[best] = False
            continue
        overlap = _jaccard(matrix, size, members[best])
        picks.append(_pick(best, score, overlap))
        remaining &= overlap < SAME_STORY
        told.add(members[best])
    return picks


def _pick(best: int, score: FloatArray, overlap: FloatArray) -> Pick:
    voters = np.flatnonzero((overlap >= ALTERNATIVE) & (score >= ALTERNATIVE * score[best]))
    voters = voters[np.argsort(-score[voters], kind="stable")][:MAX_VOTERS]
    return Pick(best, voters, score[voters] / score[voters].sum())


def _scores(matrix: Float32Array, size: FloatArray, residual: FloatArray) -> FloatArray:
    """(m,) strength of every group."""
    mean = (matrix @ residual.astype(np.float32)) / size.clip(1)
    square = (matrix @ (residual**2).astype(np.float32)) / size.clip(1)
    error = np.sqrt(np.maximum(square - mean**2, 0.0) / size.clip(1))
    return strength(size, mean, error)


def _jaccard(matrix: Float32Array, size: FloatArray, group: BoolArray) -> FloatArray:
    """(m,) overlap of every group with one, as intersection over union."""
    both = (matrix @ group.astype(np.float32)).astype(np.float64)
    return np.asarray(both / np.maximum(size + group.sum() - both, 1.0))


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
