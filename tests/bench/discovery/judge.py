"""How good is a report? Pure functions of memberships; nothing here knows a method or a file.

A planted slice is recovered if one of the first five groups overlaps it with F1 >= 0.5. A natural
weakness, as bad in a model without the planting, is a true finding: it takes a place among the
five, and a second figure leaves it out of the count. Slices of one setting share a model and a
search, so that intervals resample settings, never slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.discovery.groups import BoolArray, FloatArray, Group

SHORT_LIST = 5
RECOVERED = 0.5  # F1 from which a slice counts as recovered
SAME = 0.5  # Jaccard from which two groups count as one
RESAMPLES = 2_000


@dataclass(frozen=True)
class Judged:
    """One planted slice against one report.

    Parameters
    ----------
    f1 : best within the first five; 0 where nothing overlaps.
    f1_beside : the same within the first five that are no natural weakness.
    rank : of the group that has it, 0 for none.
    p10, p100 : share of its 10 (100) surest members that are in the slice, NaN without a group.
    later_f1, later_rank : the same for all groups after the fifth.
    rule_precision, rule_recall : of the matched group's name, NaN where it has none.
    """

    f1: float
    f1_beside: float
    rank: int
    p10: float
    p100: float
    later_f1: float
    later_rank: int
    rule_precision: float
    rule_recall: float

    @property
    def recovered(self) -> bool:
        """Whether the first five hold the slice."""
        return self.f1 >= RECOVERED

    @property
    def recovered_beside(self) -> bool:
        """Whether the first five that are no natural weakness hold the slice."""
        return self.f1_beside >= RECOVERED


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval."""

    value: float
    low: float
    high: float


def judge(
    groups: Sequence[Group], truth: BoolArray, natural: Sequence[bool] | None = None
) -> Judged:
    """Hold a report against one planted slice.

    Parameters
    ----------
    groups : best first.
    truth : (n,) True inside the planted slice.
    natural : whether each group is a natural weakness; default none is.
    """
    values = [f1(group.member, truth) for group in groups]
    rank = _best(values[:SHORT_LIST])
    later = _best(values[SHORT_LIST:])
    later = later + SHORT_LIST if later else 0
    matched = groups[rank - 1] if rank else None
    is_natural = natural or [False] * len(values)
    beside = [value for value, skip in zip(values, is_natural, strict=True) if not skip]
    return Judged(
        f1=values[rank - 1] if rank else 0.0,
        f1_beside=max(beside[:SHORT_LIST], default=0.0),
        rank=rank,
        p10=precision_at(matched, truth, 10) if matched else float("nan"),
        p100=precision_at(matched, truth, 100) if matched else float("nan"),
        later_f1=values[later - 1] if later else 0.0,
        later_rank=later,
        rule_precision=matched.rule_precision if matched else float("nan"),
        rule_recall=matched.rule_recall if matched else float("nan"),
    )


def _best(values: Sequence[float]) -> int:
    """Return the place of the first best value above 0, counted from 1; 0 for none."""
    return int(np.argmax(values)) + 1 if max(values, default=0.0) > 0 else 0


def f1(member: BoolArray, truth: BoolArray) -> float:
    """F1 of two sets of samples; 0 where both are empty."""
    both = int(member.sum() + truth.sum())
    return float(2 * (member & truth).sum() / both) if both else 0.0


def jaccard(first: BoolArray, second: BoolArray) -> float:
    """Intersection over union of two sets of samples; 0 where both are empty."""
    union = int((first | second).sum())
    return float((first & second).sum() / union) if union else 0.0


def precision_at(group: Group, truth: BoolArray, count: int) -> float:
    """Share of the `count` surest members (of all, where there are fewer) that are in `truth`.

    Ties in the score take the share of the tied members, so that row order says nothing.
    """
    rows = np.flatnonzero(group.member)
    count = min(count, len(rows))
    if not count:
        return float("nan")
    score, right = group.score[rows], truth[rows]
    bar = np.sort(score)[::-1][count - 1]
    above, tied = score > bar, score == bar
    hits = right[above].sum() + (count - above.sum()) * right[tied].mean()
    return float(hits / count)


def duplicates(groups: Sequence[Group]) -> float:
    """Share of the first five that overlap an earlier one with Jaccard >= 0.5; 0 for none."""
    listed = groups[:SHORT_LIST]
    again = [
        any(jaccard(group.member, earlier.member) >= SAME for earlier in listed[:place])
        for place, group in enumerate(listed)
    ]
    return float(np.mean(again)) if again else 0.0


def agreement(first: Sequence[BoolArray], second: Sequence[BoolArray]) -> float:
    """Mean best-match Jaccard of the first five of two reports, both ways.

    Returns
    -------
    1 where both say nothing, 0 where one does.
    """
    first, second = first[:SHORT_LIST], second[:SHORT_LIST]
    if not first or not second:
        return float(not first and not second)
    table = np.array([[jaccard(one, other) for other in second] for one in first])
    return float((table.max(axis=1).mean() + table.max(axis=0).mean()) / 2)


# --- Over settings ---


def interval(values: FloatArray, settings: NDArray[np.str_], seed: int = 0) -> Interval:
    """Mean over slices with a percentile bootstrap over settings.

    Parameters
    ----------
    values : (s,) one number a slice; NaN is left out.
    settings : (s,) the setting of each.

    Source: Efron and Tibshirani 1993, ch. 13; whole settings are drawn, as they are the units.
    """
    values, settings = np.asarray(values, dtype=float), np.asarray(settings)
    known = np.isfinite(values)
    values, settings = values[known], settings[known]
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"))
    _, place = np.unique(settings, return_inverse=True)
    sums, counts = np.bincount(place, weights=values), np.bincount(place)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def paired(
    ours: FloatArray, theirs: FloatArray, settings: NDArray[np.str_], seed: int = 0
) -> Interval:
    """Mean of ours minus theirs over the same slices, with an interval over settings.

    Parameters
    ----------
    ours, theirs : (s,) one number a slice, in the same order.
    settings : (s,) the setting of each.
    """
    difference = np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)
    return interval(difference, settings, seed)
