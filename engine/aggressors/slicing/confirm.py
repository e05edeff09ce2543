"""Test proposals on the half they were not found on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from aggressors.slicing.points import BoolArray, FloatArray, IntArray, Points
from aggressors.slicing.protocol import Limits, Proposal
from aggressors.slicing.told import label_usual
from aggressors.stats.multiple import benjamini_hochberg
from aggressors.stats.severity import Gap, Gaps, floor_of, loss_gaps, p_within


@dataclass(frozen=True, eq=False)
class Half:
    """The samples of one half with their signal, in canonical order.

    `signal` (n,) finite; `weight` (n,) not negative; `group` (n,) codes of samples that belong
    together, such as those of one patient, or None where each stands alone.
    """

    points: Points
    signal: FloatArray
    weight: FloatArray
    group: IntArray | None = None


@dataclass(frozen=True, eq=False)
class Tested:
    """m proposals with what the confirm half says of them.

    `discover` (m, a) and `confirm` (m, b) members of the two halves; `gaps` and `q_value` (m,) of
    the confirm half; `confirmed` and `tentative` (m,) bool.
    """

    proposals: list[Proposal]
    discover: BoolArray
    confirm: BoolArray
    gaps: Gaps
    q_value: FloatArray
    confirmed: BoolArray
    tentative: BoolArray

    def __len__(self) -> int:
        return len(self.proposals)


class Bar(Protocol):
    """What a group must pass, and how the signal is looked at to find such groups."""

    @property
    def fdr(self) -> float:
        """False discovery rate."""
        ...

    @property
    def confirms(self) -> bool:
        """Whether there is enough data to confirm anything."""
        ...

    def sought(self, signal: FloatArray) -> FloatArray:
        """(n,) the signal as the search sees it, where a few samples do not outweigh all others."""
        ...

    def usual(self, signal: FloatArray, label: IntArray) -> FloatArray | None:
        """(n,) signal that is no news; None where that is the mean of all."""
        ...

    def promising(self, members: BoolArray, half: Half) -> BoolArray:
        """(m,) which of (m, n) groups are worth a test, by the half they were found on."""
        ...

    def judge(self, members: BoolArray, half: Half) -> Judged:
        """Judge (m, n) groups by the half they were not found on."""
        ...


@dataclass(frozen=True, eq=False)
class Judged:
    """Gaps of m groups, and (m,) whether they surely matter, and whether they may."""

    gaps: Gaps
    matters: BoolArray
    may_matter: BoolArray


@dataclass(frozen=True, slots=True)
class GapBar:
    """What a group must pass to underperform.

    `fdr` : false discovery rate.
    `material` : least lower bound of the gap, as a share of the mean signal.
    `level` : coverage of the gap's interval.
    `ceiling` : where the signal is cut in the test, so that one terrible group does not hide the
    next.
    `confirms` : whether there is enough data to confirm anything.
    `ceiling_sought` : where it is cut in the search.
    """

    fdr: float
    material: float
    level: float
    ceiling: float = np.inf
    confirms: bool = True
    ceiling_sought: float = np.inf

    def sought(self, signal: FloatArray) -> FloatArray:
        """See `Bar.sought`."""
        return np.minimum(signal, self.ceiling_sought)

    def usual(self, signal: FloatArray, label: IntArray) -> FloatArray:
        """(n,) the mean of each sample's label: a hard class is no news."""
        return label_usual(signal, label)

    def promising(self, members: BoolArray, half: Half) -> BoolArray:
        """(m,) whether a group is worse than the rest."""
        gap = loss_gaps(half.signal, members, weight=half.weight).value
        return np.asarray(np.nan_to_num(gap, nan=-1.0) > 0)

    def judge(self, members: BoolArray, half: Half) -> Judged:
        """Judge (m, n) groups.

        The p-value is the larger of that of the gap with the signal cut and that within labels: a
        hard class is no news, nor is a group that holds more of it. A gap matters if it is positive
        as it is and beyond the bar as it is or cut: a few terrible samples make one, many bad ones
        the other.
        """
        cut = np.minimum(half.signal, self.ceiling)
        plain, tamed = (
            loss_gaps(signal, members, weight=half.weight, group=half.group, level=self.level)
            for signal in (half.signal, cut)
        )
        within = p_within(cut, members, half.points.label, weight=half.weight, group=half.group)
        bars = [self.material * _size(signal, half.weight) for signal in (half.signal, cut)]
        with np.errstate(invalid="ignore"):
            return Judged(
                replace(plain, p_value=np.maximum(tamed.p_value, within)),
                (plain.low > 0) & ((plain.low > bars[0]) | (tamed.low > bars[1])),
                (plain.value > 0) & ((plain.value > bars[0]) | (tamed.value > bars[1])),
            )


def worth_testing(
    proposals: Sequence[Proposal], half: Half, limits: Limits, bar: Bar
) -> tuple[list[Proposal], BoolArray]:
    """Drop repeats and what holds no promise on the discover half.

    Returns
    -------
    The first of each set of proposals with equal members there, and the (m, a) members.
    """
    members = member_matrix(proposals, half.points)
    sizes = members.sum(axis=1)
    seen: set[bytes] = set()
    kept = []
    for place in np.flatnonzero(bar.promising(members, half)):
        key = np.packbits(members[place]).tobytes()
        if key not in seen and limits.allow(sizes[place]):
            seen.add(key)
            kept.append(int(place))
    return [proposals[place] for place in kept], members[kept]


def confirm(
    proposals: list[Proposal], discover: BoolArray, half: Half, bar: Bar, smallest: int
) -> Tested:
    """Test each proposal one-sidedly on the confirm half; q over all of them.

    Tentative is what would pass if it were the only test and its gap certain: p below the rate,
    gap above the bar.
    """
    members = member_matrix(proposals, half.points)
    judged = bar.judge(members, half)
    p_value = judged.gaps.p_value
    q_value = benjamini_hochberg(p_value)
    enough = judged.gaps.n >= smallest
    confirmed = enough & (q_value <= bar.fdr) & judged.matters & bar.confirms
    likely = enough & (p_value <= bar.fdr) & judged.may_matter & ~confirmed
    return Tested(proposals, discover, members, judged.gaps, q_value, confirmed, likely)


def retest(
    member: BoolArray, half: Half, tested: Tested, bar: Bar
) -> tuple[Gap, float, bool] | None:
    """Gap and q of a further group, counted among all that were tested, and whether it passes.

    None where it is too small to be compared.
    """
    if not 2 <= member.sum() <= len(member) - 2:
        return None
    judged = bar.judge(member[None], half)
    gap = judged.gaps[0]
    q_value = float(benjamini_hochberg(np.append(tested.gaps.p_value, gap.p_value))[-1])
    return gap, q_value, bar.confirms and q_value <= bar.fdr and bool(judged.matters[0])


def _size(signal: FloatArray, weight: FloatArray) -> float:
    """Mean signal above 0, or above the least one where that is negative."""
    return float(np.average(signal, weights=weight)) - floor_of(signal)


def member_matrix(proposals: Sequence[Proposal], points: Points) -> BoolArray:
    """(m, n) members of every proposal."""
    members = np.empty((len(proposals), len(points)), dtype=np.bool_)
    for place, proposal in enumerate(proposals):
        members[place] = proposal.members(points)
    return members
