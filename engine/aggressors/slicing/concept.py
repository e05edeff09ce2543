"""A group as it is reported: the weighted majority of proposals that tell the same story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aggressors.slicing.literals import Rule
from aggressors.slicing.points import BoolArray, FloatArray, Points, neighbours
from aggressors.slicing.protocol import Proposal
from aggressors.slicing.rank import Pick
from aggressors.slicing.shape import NEIGHBOURS

NEIGHBOUR_WEIGHT = 0.3  # of the share of neighbours that are members, against the vote
MOSTLY = 0.65  # share of a group in those before it from which it comes after all others
CONTAINED = 0.8  # share of a group that must lie in a larger one to be a part of it


@dataclass(frozen=True, eq=False)
class Concept:
    """A function of the input side that says how surely a sample belongs.

    Parameters
    ----------
    voters : v proposals; the first is the best.
    votes : (v,) weights that sum to 1.
    """

    voters: tuple[Proposal, ...]
    votes: FloatArray

    @property
    def best(self) -> Proposal:
        """The proposal around which the others gather."""
        return self.voters[0]

    @property
    def space(self) -> str:
        """The further space in which the best was found; '' for the main one."""
        return self.best.space

    def vote(self, points: Points) -> FloatArray:
        """(n,) in [0, 1], the weighted share of voters that hold the sample."""
        total = np.zeros(len(points))
        for proposal, weight in zip(self.voters, self.votes, strict=True):
            total += weight * proposal.strength(points)
        return total

    def members(self, points: Points) -> BoolArray:
        """(n,) True where the vote is at least one half."""
        return np.asarray(self.vote(points) >= 0.5 - 1e-9)


def concept_of(pick: Pick, proposals: Sequence[Proposal]) -> Concept:
    """Gather a pick's voters; a rule stands alone, since it is its own definition."""
    best = proposals[pick.best]
    if isinstance(best.region, Rule):
        return alone(best)
    places = sorted(range(len(pick.voters)), key=lambda place: pick.voters[place] != pick.best)
    voters = tuple(proposals[pick.voters[place]] for place in places)
    return Concept(voters, pick.votes[places])


def alone(proposal: Proposal) -> Concept:
    """Make a concept of one proposal."""
    return Concept((proposal,), np.ones(1))


@dataclass(frozen=True, eq=False)
class Reference:
    """Analysed samples among which a member's neighbours are counted."""

    points: Points

    def score(self, concept: Concept, points: Points) -> tuple[BoolArray, FloatArray]:
        """Members among `points`, and how surely each is one.

        Returns
        -------
        (n,) bool, and (members,) float64 in [0.5, 1]: the vote plus `NEIGHBOUR_WEIGHT` times the
        share of neighbours that are members, rescaled.
        """
        vote = concept.vote(points)
        member = vote >= 0.5 - 1e-9
        rows = np.flatnonzero(member)
        share = np.zeros(len(rows))
        here, there = (each.seen_in(concept.space).space for each in (points, self.points))
        if there.shape[1] and len(rows):
            near = neighbours(here[rows], there, NEIGHBOURS)
            share = concept.members(self.points)[near].mean(axis=1)
        raw = vote[rows] + NEIGHBOUR_WEIGHT * share
        return member, np.clip(0.5 + 0.5 * (raw - 0.5) / (0.5 + NEIGHBOUR_WEIGHT), 0.5, 1.0)


def parents(members: BoolArray) -> list[int | None]:
    """For each of (m, n) groups the smallest clearly larger one that contains it, if any."""
    sizes = members.sum(axis=1)
    shared = members.astype(np.float32) @ members.T.astype(np.float32)
    found: list[int | None] = []
    for place in range(len(members)):
        containing = [
            other
            for other in range(len(members))
            if sizes[other] > sizes[place] > 0 and shared[place, other] >= CONTAINED * sizes[place]
        ]
        found.append(min(containing, key=lambda other: (sizes[other], other), default=None))
    return found


def levels(parent: Sequence[int | None]) -> list[int]:
    """Depth of each group below the top."""
    found = []
    for place in range(len(parent)):
        depth, above = 0, parent[place]
        while above is not None:
            depth, above = depth + 1, parent[above]
        found.append(depth)
    return found


def parts_last(members: BoolArray) -> list[int]:
    """Order of (m, n) ranked groups in which those that stand first hardly overlap.

    What lies mostly in groups that stand before it comes after all others.
    """
    told = np.zeros(members.shape[1], dtype=np.bool_)
    first, last = [], []
    for place, member in enumerate(members):
        if (member & told).sum() >= MOSTLY * max(member.sum(), 1):
            last.append(place)
        else:
            first.append(place)
            told |= member
    return first + last
