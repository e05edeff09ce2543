"""Groups by position and metadata at once: what of a bad region fulfils a condition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aggressors.slicing.literals import Rule
from aggressors.slicing.points import BoolArray, FloatArray, Points
from aggressors.slicing.protocol import Proposal, Region, Sight, label_means_of
from aggressors.slicing.seeds import seeds

BEST = 2  # conditions tried for each region
REMOVED = 0.05  # share of a region that a condition must at least take out


@dataclass(frozen=True, eq=False)
class Both:
    """What lies in a region and fulfils a rule."""

    region: Region
    rule: Rule

    @property
    def label_means(self) -> FloatArray | None:
        """Means that are taken off positions before the region is looked at, if any."""
        return label_means_of(self.region)

    def holds(self, points: Points) -> BoolArray:
        """(n,) True where both hold."""
        return np.asarray(self.region.holds(points) & self.rule.holds(points))


@dataclass(frozen=True, slots=True)
class MixedSlicer:
    """Bad regions, each cut down by the conditions that make it worst.

    A cut is kept if sqrt(n) x (mean inside - mean of the label) grows by it.
    """

    name: str = "region and rule"

    def propose(self, sight: Sight) -> list[Proposal]:
        """See `Slicer.propose`."""
        points, limits = sight.points, sight.limits
        if len(points) < 2 * limits.smallest or not sight.dimensions:
            return []
        conditions, masks, excess = sight.conditions, sight.masks, sight.excess
        if not conditions:
            return []
        found = []
        for whole, member in sight.once(seeds):
            n = masks @ member.astype(np.float32)
            quality = masks @ (excess * member).astype(np.float32) / np.sqrt(n.clip(1))
            quality[(n < limits.smallest) | (n > (1 - REMOVED) * member.sum())] = -np.inf
            least = (excess * member).sum() / np.sqrt(member.sum())
            for place in np.argsort(-quality, kind="stable")[:BEST]:
                if quality[place] > least:
                    region = Both(whole.region, Rule((conditions[place],)))
                    found.append(Proposal(self.name, region, whole.labels))
        return found
