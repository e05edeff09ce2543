"""What a group must pass to be one on which a new model is worse than the accepted one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from aggressors.contracts import FEWEST_TO_CONFIRM, Settings
from aggressors.slicing.confirm import Half, Judged
from aggressors.slicing.find import CEILING, CEILING_JUDGED, ceiling_of
from aggressors.slicing.literals import Rule, label_condition
from aggressors.slicing.points import BoolArray, FloatArray, IntArray
from aggressors.slicing.protocol import Proposal, Sight
from aggressors.stats.severity import loss_gaps
from aggressors.stats.worsening import mean_changes

# Times the materiality of discovery: another seed alone makes a model worse in some group by that.
MATERIAL = 1.5
MOST = 0.6  # share of the samples that one group may have: of two classes, the one that got worse


@dataclass(frozen=True, slots=True)
class WorseBar:
    """The signal of a half is the change of each sample: the new model's less the accepted one's.

    Parameters
    ----------
    least : what the lower bound of the mean change inside must exceed, in the unit of the signal.
    fdr, level, confirms : see `confirm.GapBar`.
    ceiling_sought, ceiling : how far from 0 a change counts, on either side, in the search and in
        the comparison with the rest.
    """

    fdr: float
    least: float
    level: float
    ceiling: float
    confirms: bool
    ceiling_sought: float

    @classmethod
    def of(cls, change: FloatArray, size: float, settings: Settings) -> WorseBar:
        """Set the bar by the (n,) changes of both halves.

        `size` is the mean signal under the accepted model, of which a change that matters is a
        share: the mean change itself may be near 0.
        """
        far = np.abs(change)
        return cls(
            settings.fdr,
            MATERIAL * settings.materiality * size,
            settings.level,
            ceiling_of(far, CEILING_JUDGED),
            len(change) >= FEWEST_TO_CONFIRM,
            ceiling_of(far, CEILING),
        )

    def sought(self, signal: FloatArray) -> FloatArray:
        """See `Bar.sought`."""
        return np.clip(signal, -self.ceiling_sought, self.ceiling_sought)

    def usual(self, signal: FloatArray, label: IntArray) -> None:
        """No change is expected of any label: a class that got worse is news."""

    def promising(self, members: BoolArray, half: Half) -> BoolArray:
        """(m,) whether a group got worse by enough, and by more than the rest."""
        inside = mean_changes(half.signal, members, weight=half.weight).value
        gap = loss_gaps(half.signal, members, weight=half.weight).value
        with np.errstate(invalid="ignore"):
            return np.asarray((inside > self.least) & (gap > 0))

    def judge(self, members: BoolArray, half: Half) -> Judged:
        """Judge (m, n) groups.

        The p-value is the larger of two: that the mean change inside is not above 0, since a group
        that merely gained less than the rest is no regression; and that it is not above the rest's,
        since what got worse everywhere is no group. It matters if the mean change inside is surely
        larger than the least that does.
        """
        weight, group, level = half.weight, half.group, self.level
        inside = mean_changes(half.signal, members, weight=weight, group=group, level=level)
        cut = np.clip(half.signal, -self.ceiling, self.ceiling)
        plain, tamed = (
            loss_gaps(signal, members, weight=weight, group=group, level=level)
            for signal in (half.signal, cut)
        )
        p_value = np.maximum(inside.p_value, tamed.p_value)
        with np.errstate(invalid="ignore"):
            matters = np.asarray(inside.low > max(self.least, 0.0))
        # What may have got worse is no finding: there are always such groups.
        return Judged(replace(plain, p_value=p_value), matters, np.zeros_like(matters))


@dataclass(frozen=True, slots=True)
class LabelSlicer:
    """Each label as a whole, which discovery takes for granted and a comparison must not."""

    name: str = "label"

    def propose(self, sight: Sight) -> list[Proposal]:
        """See `Slicer.propose`."""
        return list(self._labels(sight))

    def _labels(self, sight: Sight) -> Iterator[Proposal]:
        codes, counts = np.unique(sight.points.label, return_counts=True)
        for code, n in zip(codes.tolist(), counts.tolist(), strict=True):
            if code >= 0 and sight.limits.allow(n):
                yield Proposal(self.name, Rule((label_condition([code], sight.points),)))
