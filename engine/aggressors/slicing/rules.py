"""Groups by metadata: a beam search over conjunctions of readable conditions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.contracts import Condition
from aggressors.slicing.literals import Rule, plainness
from aggressors.slicing.points import Float32Array, FloatArray, Points
from aggressors.slicing.protocol import Limits, Proposal, Sight

MAX_LITERALS = 1_000
SAME_SHAPE = 2  # rules kept in a beam that differ in their thresholds alone


@dataclass(frozen=True, slots=True)
class Beam:
    """How deep and how wide to search."""

    depth: int
    width: int


@dataclass(frozen=True, slots=True)
class RuleSlicer:
    """Conjunctions across labels, inside each label and inside two labels that look alike.

    Their quality is sqrt(n) x (mean inside - mean of all), within the labels.

    Source: subgroup discovery, e.g. Klösgen 1996, with a beam as in Clark and Niblett 1989.
    """

    across: Beam = Beam(3, 20)
    inside: Beam = Beam(2, 8)
    name: str = "rule"

    def propose(self, sight: Sight) -> list[Proposal]:
        """See `Slicer.propose`."""
        points, signal, limits = sight.points, sight.signal, sight.limits
        if len(points) < 2 * limits.smallest:
            return []
        conditions, masks = sight.conditions, sight.masks
        proposals = [
            Proposal(self.name, Rule(rule))
            for rule in beam_search(conditions, masks, signal, self.across, limits)
        ]
        for labels in (*_each_label(points), *_alike(points)):
            rows = np.isin(points.label, labels)
            if rows.sum() >= 2 * limits.smallest and conditions:
                found = beam_search(conditions, masks[:, rows], signal[rows], self.inside, limits)
                proposals += [Proposal(self.name, Rule(rule), labels) for rule in found]
        return proposals


def _each_label(points: Points) -> list[tuple[int, ...]]:
    return [(int(label),) for label in np.unique(points.label[points.label >= 0])]


def _alike(points: Points) -> list[tuple[int, ...]]:
    """Pairs of labels of which one is the other's nearest in the space of discovery."""
    labels = np.unique(points.label[points.label >= 0])
    if len(labels) < 3 or points.space.shape[1] == 0:
        return []
    means = points.label_means()[labels]
    distance = ((means[:, None] - means[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    pairs = {tuple(sorted((label, labels[near]))) for label, near in
             zip(labels, distance.argmin(axis=1), strict=True)}  # fmt: skip
    return sorted((int(one), int(two)) for one, two in pairs)


def beam_search(
    conditions: list[Condition], masks: Float32Array, signal: FloatArray, beam: Beam, limits: Limits
) -> list[tuple[Condition, ...]]:
    """Best conjunctions of each depth, best first within a depth.

    Parameters
    ----------
    conditions : m literals.
    masks : (m, n) float32, 1 where a literal holds.
    signal : (n,) what should be high inside.
    """
    if len(conditions) > MAX_LITERALS:
        quality = _quality(masks, np.ones(len(signal)), signal)[1]
        best = np.sort(np.argsort(-quality, kind="stable")[:MAX_LITERALS])
        conditions, masks = [conditions[place] for place in best], masks[best]
    found: list[tuple[int, ...]] = []
    rules: list[tuple[int, ...]] = [()]
    for _ in range(beam.depth if conditions else 0):
        rules = _extended(rules, conditions, masks, signal, beam.width, limits)
        # A rule that is too large to be a group may still be the start of one.
        found += [rule for rule in rules if limits.allow(_inside(masks, rule).sum())]
    return [tuple(conditions[place] for place in rule) for rule in found]


def _extended(
    rules: list[tuple[int, ...]],
    conditions: list[Condition],
    masks: Float32Array,
    signal: FloatArray,
    width: int,
    limits: Limits,
) -> list[tuple[int, ...]]:
    """Keep the best `width` rules with one literal more; every literal must remove samples."""
    plain = np.array([plainness([each]) for each in conditions])
    scored: list[tuple[float, int, tuple[int, ...]]] = []
    for rule in rules:
        inside = _inside(masks, rule)
        n, quality = _quality(masks, inside, signal)
        quality *= plain * plainness([conditions[place] for place in rule])
        useful = (n >= limits.smallest) & (n <= 0.98 * inside.sum()) & (quality > 0)
        used = {(conditions[place].field, conditions[place].op) for place in rule}
        scored += [
            (-float(quality[place]), int(n[place]), tuple(sorted((*rule, int(place)))))
            for place in np.flatnonzero(useful)
            if (conditions[place].field, conditions[place].op) not in used
        ]
    return _varied(sorted(set(scored)), conditions, width)


def _varied(
    scored: list[tuple[float, int, tuple[int, ...]]], conditions: list[Condition], width: int
) -> list[tuple[int, ...]]:
    kept: list[tuple[int, ...]] = []
    seen: set[tuple[float, int]] = set()
    shapes: dict[tuple[tuple[str, str], ...], int] = {}
    for quality, n, rule in scored:
        shape = tuple((conditions[place].field, conditions[place].op) for place in rule)
        same = (round(quality, 9), n)  # almost surely the same samples
        if same in seen or shapes.get(shape, 0) >= SAME_SHAPE:
            continue
        seen.add(same)
        shapes[shape] = shapes.get(shape, 0) + 1
        kept.append(rule)
        if len(kept) == width:
            break
    return kept


def _inside(masks: Float32Array, rule: tuple[int, ...]) -> Float32Array:
    """(n,) float32, 1 where all literals of the rule hold."""
    return masks[list(rule)].prod(axis=0) if rule else np.ones(masks.shape[1], dtype=np.float32)


def _quality(
    masks: Float32Array, inside: NDArray[np.floating], signal: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(m,) sizes and sqrt(n) x (mean inside - mean of all) of each literal within `inside`."""
    centred = (signal - signal.mean()) * inside
    n = (masks @ inside.astype(np.float32)).astype(np.float64)
    summed = (masks @ centred.astype(np.float32)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return n, np.nan_to_num(summed / np.sqrt(n), nan=-1.0, posinf=-1.0, neginf=-1.0)
