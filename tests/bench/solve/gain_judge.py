"""What labels are worth: judged by rules that were written down before any result was seen.

- A cell is one planted slice and seed; a setting all seeds of a slice. Intervals, 95 %, resample
  settings. All accuracies are of held-out samples, inside the planted slice or in the rest.
- closed = (inside after - inside before) / (rest before - inside before).
- The same is told of the samples that the engine itself counts to the aggressor, in held out as
  handed in as test: what a user sees. It stands beside the headline, which is of the whole slice.
- A cell whose gap before is below .15 is left out of all figures, since there is little to close
  and the quotient is noise; how many are is reported.
- In each cell closed is capped to [-1, 1], so that no one cell rules the mean: the headline. The
  mean without caps stands beside it, with its own interval.
- Where no aggressor was found, ours and the centroid label nothing: they stay in, with closed near
  nothing.
- Share of the ceiling = mean closed of an arm / mean closed of the ceiling, both capped.
- Lost elsewhere = accuracy of the rest under random - under the arm, in points, at the same budget
  and weight.
- The default weight is 3, unless on the developing split 5 closes at least .03 more than 3 with
  100 labels and costs at most .2 points more elsewhere. All arms are compared at the default.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.discovery.judge import RESAMPLES, Interval, interval

LEAST_GAP = 0.15
FloatArray = NDArray[np.float64]
Line = dict[str, object]  # as `gain_train` writes them
Key = tuple[str, float]  # name and weight of an arm
BEFORE: Key = ("before", 1.0)


@dataclass(frozen=True, eq=False)
class Judged:
    """One arm at one weight over the k cells that count, in one order for all arms.

    Attributes
    ----------
    cells, settings : (k,) str, names of the cells and of their slices.
    closed : (k,) share of the gap, not capped.
    inside, rest : (k,) accuracy after.
    rest_change : (k,) points that the accuracy of the rest rose.
    hits : (k,) share of the added samples that are of the slice; NaN where none was added.
    of_aggressor : (k,) share closed of the aggressor's own gap, not capped; NaN where there is none
        or its gap is too small.
    """

    cells: NDArray[np.str_]
    settings: NDArray[np.str_]
    closed: FloatArray
    inside: FloatArray
    rest: FloatArray
    rest_change: FloatArray
    hits: FloatArray
    of_aggressor: FloatArray

    @property
    def capped(self) -> FloatArray:
        """(k,) closed in [-1, 1]."""
        return np.clip(self.closed, -1, 1)


def judged(
    lines: Sequence[Line], wanted: Sequence[Key] = ()
) -> tuple[dict[Key, Judged], list[str]]:
    """Judge each wanted arm and weight (all if empty) over the cells that have them all.

    Returns
    -------
    The arms, and the names of the cells that are left out because their gap is too small.
    """
    table: dict[str, dict[Key, Line]] = {}
    for line in lines:
        table.setdefault(str(line["cell"]), {})[(str(line["arm"]), float(line["weight"]))] = line
    keys = set(wanted) or {key for arms in table.values() for key in arms} - {BEFORE}
    complete = sorted(cell for cell, arms in table.items() if keys | {BEFORE} <= set(arms))
    kept = [cell for cell in complete if gap_of(table[cell]) >= LEAST_GAP]
    pairs = {key: [(table[cell][BEFORE], table[cell][key]) for cell in kept] for key in keys}
    left_out = [cell for cell in complete if cell not in kept]
    return {key: _judged(pairs[key]) for key in sorted(keys) if kept}, left_out


def gap_of(arms: dict[Key, Line]) -> float:
    """Accuracy of the rest minus accuracy inside, before anything is labeled."""
    before = arms[BEFORE]
    return float(before["rest"]) - float(before["inside"])


def _judged(pairs: Sequence[tuple[Line, Line]]) -> Judged:
    inside, rest, own_inside, own_rest = np.array(
        [[b["inside"], b["rest"], a["inside"], a["rest"]] for b, a in pairs], dtype=np.float64
    ).T
    added = np.array([a["added"] for _, a in pairs], dtype=np.float64)
    hits = np.array([a["hits"] for _, a in pairs], dtype=np.float64)
    aggressor, own_aggressor = np.array(
        [[b.get("aggressor"), a.get("aggressor")] for b, a in pairs], dtype=np.float64
    ).T  # None becomes NaN
    gap = np.where(rest - aggressor >= LEAST_GAP, rest - aggressor, np.nan)
    return Judged(
        of_aggressor=(own_aggressor - aggressor) / gap,
        cells=np.array([str(a["cell"]) for _, a in pairs]),
        settings=np.array([str(a["slice"]) for _, a in pairs]),
        closed=(own_inside - inside) / (rest - inside),
        inside=own_inside,
        rest=own_rest,
        rest_change=100 * (own_rest - rest),
        hits=np.where(added > 0, hits / np.maximum(added, 1), np.nan),
    )


def ahead(ours: Judged, other: Judged) -> tuple[Interval, int, int]:
    """Mean difference of closed, capped, cell by cell; settings won and lost."""
    difference = ours.capped - other.capped
    _, place = np.unique(ours.settings, return_inverse=True)
    means = np.bincount(place, weights=difference) / np.bincount(place)
    return interval(difference, ours.settings), int((means > 0).sum()), int((means < 0).sum())


def of_ceiling(arm: Judged, ceiling: Judged, seed: int = 0) -> Interval:
    """Ratio of the mean closed of an arm to that of the ceiling; whole settings are drawn."""
    _, place = np.unique(arm.settings, return_inverse=True)
    sums = np.array([np.bincount(place, weights=each.capped) for each in (arm, ceiling)])
    drawn = np.random.default_rng(seed).integers(0, sums.shape[1], (RESAMPLES, sums.shape[1]))
    low, high = np.quantile(sums[0][drawn].sum(axis=1) / sums[1][drawn].sum(axis=1), [0.025, 0.975])
    return Interval(float(sums[0].sum() / sums[1].sum()), float(low), float(high))


def default_weight(arms: dict[Key, Judged], arm: str = "ours 100") -> float:
    """Apply the rule for the default weight to the developing split."""
    light, heavy = arms[(arm, 3.0)], arms[(arm, 5.0)]
    gains = heavy.capped.mean() - light.capped.mean() >= 0.03
    costs = light.rest_change.mean() - heavy.rest_change.mean() > 0.2
    return 5.0 if gains and not costs else 3.0
