"""A claim about why a group fails, put to samples on which neither was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.codes import renumbered
from aggressors.stats.intervals import BoolArray, FloatArray, Interval, wilson
from aggressors.stats.severity import loss_gaps, p_within

Support = Literal["supported", "partly", "not supported", "no comparison", "too few samples"]
FEWEST = 20  # samples that a share or a gap needs on either side
HALF = 0.5  # coverage, share explained, and share of the group's gap from which a claim is a cause
COMPARED = 0.5  # share of the samples of a claim that have others of their strata to compare with


@dataclass(frozen=True, slots=True)
class Tested:
    """What a claim explains of a group; gaps are in the unit of the signal.

    Parameters
    ----------
    n_claim, n_group : samples that judged: those the claim holds for, and members.
    coverage : share of the members that the claim holds for.
    failing : share that fails of the samples that the claim holds for.
    gap : mean signal where the claim holds, minus that elsewhere.
    adjusted : the same within strata, so that these do not pose as the cause; None where too few
        samples have others of their stratum.
    p_value : that the claim does no harm within strata, one-sided.
    group_gap : adjusted gap of the group itself.
    left : gap of the members that the claim does not hold for, to others it does not hold for;
        None where there are too few.
    explained : share of the group's gap that goes with the claim, in [0, 1].
    strata : how many there are; 1 where nothing is held still.
    """

    n_claim: int
    n_group: int
    coverage: Interval | None
    failing: Interval | None
    gap: Interval | None
    adjusted: Interval | None
    p_value: float
    group_gap: Interval | None
    left: Interval | None
    explained: float | None
    strata: int

    @property
    def support(self) -> Support:
        """What the evidence says: the rule stands in the guide.

        Supported where the adjusted gap is surely above 0 and at least half of the group's, the
        claim surely covers half of the group and explains half of its gap; partly where only
        the gap is sure. No comparison where the claim or the group has no others of its strata, as
        where the label is what is claimed.
        """
        if self.coverage is None or self.failing is None or self.gap is None:
            return "too few samples"
        if self.adjusted is None or self.group_gap is None:
            return "no comparison"
        if self.adjusted.low <= 0:
            return "not supported"
        return "supported" if self.covers and self.explains and self.as_bad else "partly"

    @property
    def covers(self) -> bool:
        """Whether the claim surely holds for at least half of the group."""
        return self.coverage is not None and self.coverage.low >= HALF

    @property
    def misses_most(self) -> bool:
        """Whether it does not hold for most of the members that judge."""
        return self.coverage is not None and self.coverage.value < HALF

    @property
    def explains(self) -> bool:
        """Whether at least half of the group's gap goes with the claim."""
        return (self.explained or 0.0) >= HALF

    @property
    def as_bad(self) -> bool:
        """Whether it is at least half as bad where the claim holds as it is in the group."""
        if self.adjusted is None or self.group_gap is None:
            return False
        return self.adjusted.value >= HALF * self.group_gap.value


def judge_claim(
    claim: BoolArray,
    member: BoolArray,
    failing: BoolArray,
    signal: FloatArray,
    stratum: NDArray[np.int64],
    *,
    group: NDArray[np.int64] | None = None,
    level: float = 0.95,
) -> Tested:
    """Put a claim to samples on which neither it nor the group was found.

    Parameters
    ----------
    claim, member, failing : (n,) bool: whether the claim holds, the sample is of the group, and
        fails.
    signal : (n,) finite, in the unit of the loss.
    stratum : (n,) codes >= 0, such as the label, or the label and confounders together.
    group : (n,) codes of samples that belong together; see `loss_gaps`.
    level : coverage of the intervals, in (0, 1).

    Source: gaps of Welch 1947; adjusted by direct standardization to the strata of the claim;
    p-value of Mantel 1963; shares by Wilson 1927.
    """
    few = min(claim.sum(), (~claim).sum(), member.sum()) < FEWEST
    adjusted = None if few else gap_within(signal, claim, stratum, group=group, level=level)
    group_gap = None if few else gap_within(signal, member, stratum, group=group, level=level)
    left, explained = None, None
    if group_gap is not None and group_gap.value > 0:
        left, explained = _left(claim, member, signal, stratum, group_gap.value, group, level)
    return Tested(
        n_claim=int(claim.sum()),
        n_group=int(member.sum()),
        coverage=share(claim[member], level=level),
        failing=share(failing[claim], level=level),
        gap=_gap(signal, claim, group, level),
        adjusted=adjusted,
        p_value=float(p_within(signal, claim[None], stratum, group=group)[0]),
        group_gap=group_gap,
        left=left,
        explained=explained,
        strata=int(renumbered(stratum).max(initial=-1)) + 1,
    )


def gap_within(
    signal: FloatArray,
    inside: BoolArray,
    stratum: NDArray[np.int64],
    *,
    group: NDArray[np.int64] | None = None,
    level: float = 0.95,
) -> Interval | None:
    """Mean signal inside minus that of others of the same strata, each as frequent as inside.

    Returns
    -------
    None where less than `COMPARED` of those inside have others in their stratum.

    Source: direct standardization; the variance is pooled over strata on either side, with `group`
    that of the residuals summed over such groups (Liang and Zeger 1986).
    """
    stratum = renumbered(stratum)
    cell = 2 * stratum + inside  # of the strata outside and inside, in turns
    cells = 2 * (int(stratum.max(initial=-1)) + 1)
    sizes = np.bincount(cell, minlength=cells)
    theirs, ours = sizes.reshape(-1, 2).T
    used = (ours > 0) & (theirs > 0)
    if ours[used].sum() < max(COMPARED * ours.sum(), 2):
        return None
    share_of = np.where(used, ours, 0) / ours[used].sum()
    mean = np.bincount(cell, signal, cells) / np.maximum(sizes, 1)
    value = float(share_of @ (mean[1::2] - mean[::2]))
    weight = np.repeat(share_of, 2) / np.maximum(sizes, 1) * np.tile([-1.0, 1.0], len(ours))
    for side, size in ((0, theirs), (1, ours)):  # means cost freedom
        spare = size[used].sum() / max(size[used].sum() - used.sum(), 1)
        weight[side::2] *= np.sqrt(spare)
    apart = signal - mean[cell]
    if group is None:
        variance = float(weight**2 @ np.bincount(cell, apart**2, cells))
    else:
        influence = np.bincount(np.unique(group, return_inverse=True)[1], weight[cell] * apart)
        variance = float(influence @ influence)
    freedom = max(min(ours[used].sum(), theirs[used].sum()) - used.sum(), 1)
    if group is not None:
        freedom = max(min(len(np.unique(group[side])) for side in (inside, ~inside)) - 1, 1)
    from scipy.special import stdtrit

    half = float(stdtrit(freedom, (1 + level) / 2) * np.sqrt(variance))
    return Interval(value, value - half, value + half)


def share(hit: BoolArray, *, level: float = 0.95) -> Interval | None:
    """Share of (n,) that is True with its interval of Wilson; None of fewer than `FEWEST`."""
    if len(hit) < FEWEST:
        return None
    value = np.mean(hit, keepdims=True)
    (low,), (high,) = wilson(value, np.array([len(hit)]), level=level)
    return Interval(float(value[0]), float(low), float(high))


def _gap(
    signal: FloatArray, inside: BoolArray, group: NDArray[np.int64] | None, level: float
) -> Interval | None:
    if min(inside.sum(), (~inside).sum()) < FEWEST:
        return None
    gap = loss_gaps(signal, inside[None], group=group, level=level)[0]
    return None if np.isnan(gap.value) else Interval(gap.value, gap.low, gap.high)


def _left(
    claim: BoolArray,
    member: BoolArray,
    signal: FloatArray,
    stratum: NDArray[np.int64],
    gap: float,
    group: NDArray[np.int64] | None,
    level: float,
) -> tuple[Interval | None, float]:
    """Measure what stays of a gap where the claim does not hold, and the share that does not."""
    outside = ~claim
    there = member & outside
    if there.sum() < FEWEST:
        return None, 1.0 - float(there.sum() / member.sum())
    part = None if group is None else group[outside]
    left = gap_within(signal[outside], member[outside], stratum[outside], group=part, level=level)
    if left is None:
        return None, 1.0 - float(there.sum() / member.sum())
    stays = max(left.value, 0.0) * there.sum() / (gap * member.sum())
    return left, float(np.clip(1 - stays, 0, 1))
