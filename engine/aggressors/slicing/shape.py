"""How well a group hangs together: what of its score its shape leaves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aggressors.slicing.literals import Rule, plainness
from aggressors.slicing.points import BoolArray, FloatArray, IntArray, Points, neighbours
from aggressors.slicing.protocol import Proposal, across_labels

NEIGHBOURS = 10
COHERENT = 3  # how much it matters that neighbours of members are members
COMPACT = 0.25  # how much it matters that members lie close together
GRAB_BAG = 0.05  # coherence beyond chance, from 0 to 1, below which members don't hang together
RULE_SHAPE = 0.8  # shape of a rule of one condition, whose members need not lie together
RULE_LENGTH = 0.6  # and what each further condition costs


@dataclass(frozen=True, eq=False)
class Shapes:
    """(m,) `factor` of each group's score, and (m,) `coherence`."""

    factor: FloatArray
    coherence: FloatArray


def shape(proposals: list[Proposal], members: BoolArray, points: Points) -> Shapes:
    """Judge the shape of groups: coherence^3 x (1.05 - compactness)^1/4 x purity.

    Coherence is the share of a member's neighbours that are members; compactness the variance
    within over the total, both in the space in which the group was found. Purity, of a group inside
    some labels, is the share of label-blind neighbours that carry them: it demotes samples of one
    label that lie among another's. It is that of the main space, since looks need not tell labels.
    Compactness does not count across labels: what they share moves a group, and leaves its spread.
    A rule is readable and need not lie together. A grab-bag, whose members lie together hardly more
    than any samples would, has the factor 0.

    Parameters
    ----------
    proposals : m groups.
    members : (m, n) over the samples of `points`.

    Returns
    -------
    Factors in [0, 1.02], and coherence in [0, 1], NaN where there is no space to lie in.
    """
    spaces = {name: _Space(points.seen_in(name)) for name in {"", *(p.space for p in proposals)}}
    factor, coherence = np.ones(len(proposals)), np.ones(len(proposals))
    for place, (proposal, member) in enumerate(zip(proposals, members, strict=True)):
        around, among = spaces[proposal.space].around(proposal), len(points)
        coherence[place] = around.coherence(member) if around.space.shape[1] else np.nan
        if proposal.labels:
            carries = np.isin(points.label, proposal.labels)
            among = int(carries.sum())
            factor[place] = _share(carries, spaces[""].blind.near[member])
        if isinstance(proposal.region, Rule):
            conditions = proposal.region.conditions
            factor[place] *= RULE_SHAPE * RULE_LENGTH ** max(len(conditions) - 1, 0)
            factor[place] *= plainness(conditions)
        elif _is_grab_bag(coherence[place], member.sum() / max(among, 1)):
            factor[place] = 0.0
        else:
            factor[place] *= np.nan_to_num(coherence[place], nan=1.0) ** COHERENT
            if proposal.labels or not across_labels(proposal.region):
                factor[place] *= around.tightness(member)
    return Shapes(factor, coherence)


def _is_grab_bag(coherence: float, share: float) -> bool:
    """Whether coherence barely exceeds the `share` that any members would have by chance."""
    return coherence - share < GRAB_BAG * (1 - share)


class _Space:
    """One space with its neighbours: of any label, of the same, and less the mean of the label."""

    def __init__(self, points: Points) -> None:
        self.points = points

    @cached_property
    def blind(self) -> _Surroundings:
        return _Surroundings.of(self.points.space)

    @cached_property
    def same(self) -> _Surroundings:
        return _Surroundings(self.points.space, _neighbours_inside(self.points))

    @cached_property
    def centred(self) -> _Surroundings:
        if not self.points.classes:
            return self.blind
        return _Surroundings.of(self.points.centred(self.points.label_means()))

    def around(self, proposal: Proposal) -> _Surroundings:
        """Where the members of a proposal should lie together."""
        if proposal.labels:
            return self.same
        return self.centred if across_labels(proposal.region) else self.blind


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
