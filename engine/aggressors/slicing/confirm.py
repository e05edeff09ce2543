"""Test proposals on the half they were not found on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aggressors.slicing.points import BoolArray, FloatArray, Points
from aggressors.slicing.protocol import Limits, Proposal
from aggressors.stats.multiple import benjamini_hochberg
from aggressors.stats.severity import Gap, Gaps, loss_gap, loss_gaps


@dataclass(frozen=True, eq=False)
class Half:
    """The samples of one half with their signal, in canonical order.

    `signal` (n,) finite; `weight` (n,) not negative.
    """

    points: Points
    signal: FloatArray
    weight: FloatArray

    def take(self, rows: BoolArray | np.ndarray) -> Half:
        """Keep the chosen samples."""
        return Half(self.points.take(rows), self.signal[rows], self.weight[rows])


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


@dataclass(frozen=True, slots=True)
class Bar:
    """What a group must pass: false discovery rate, material gap (in units of the loss), level."""

    fdr: float
    material: float
    level: float

    def confirms(self, gap: Gap, q_value: float) -> bool:
        """Whether the gap is certain enough and large enough."""
        return q_value <= self.fdr and gap.low > self.material


def worth_testing(
    proposals: Sequence[Proposal], half: Half, limits: Limits
) -> tuple[list[Proposal], BoolArray]:
    """Drop repeats and what is not worse on the discover half.

    Returns
    -------
    The first of each set of proposals with equal members there, and the (m, a) members.
    """
    members = member_matrix(proposals, half.points)
    gap = loss_gaps(half.signal, members, weight=half.weight).value
    sizes = members.sum(axis=1)
    seen: set[bytes] = set()
    kept = []
    for place in np.flatnonzero(np.nan_to_num(gap, nan=-1.0) > 0):
        key = np.packbits(members[place]).tobytes()
        if key not in seen and limits.allow(sizes[place]):
            seen.add(key)
            kept.append(int(place))
    return [proposals[place] for place in kept], members[kept]


def confirm(
    proposals: list[Proposal], discover: BoolArray, half: Half, bar: Bar, smallest: int
) -> Tested:
    """Welch's one-sided test of each proposal on the confirm half, and its q over all of them.

    Tentative is what would pass if it were the only test and its gap certain: p below the rate,
    gap above the bar.
    """
    members = member_matrix(proposals, half.points)
    gaps = loss_gaps(half.signal, members, weight=half.weight, level=bar.level)
    q_value = benjamini_hochberg(gaps.p_value)
    enough = gaps.n >= smallest
    with np.errstate(invalid="ignore"):
        confirmed = enough & (q_value <= bar.fdr) & (gaps.low > bar.material)
        likely = (gaps.p_value <= bar.fdr) & (gaps.value > bar.material)
    return Tested(
        proposals, discover, members, gaps, q_value, confirmed, likely & enough & ~confirmed
    )


def retest(member: BoolArray, half: Half, tested: Tested, bar: Bar) -> tuple[Gap, float] | None:
    """Gap and q of a further group, counted among all proposals tested; None if too small."""
    if not 2 <= member.sum() <= len(member) - 2:
        return None
    gap = loss_gap(half.signal, member, weight=half.weight, level=bar.level)
    return gap, float(benjamini_hochberg(np.append(tested.gaps.p_value, gap.p_value))[-1])


def member_matrix(proposals: Sequence[Proposal], points: Points) -> BoolArray:
    """(m, n) members of every proposal."""
    members = np.empty((len(proposals), len(points)), dtype=np.bool_)
    for place, proposal in enumerate(proposals):
        members[place] = proposal.members(points)
    return members
