"""The shortest readable rule that describes a group, and how well it does."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from aggressors.contracts import Condition
from aggressors.slicing.literals import (
    LABEL,
    OBSCURE,
    Rule,
    holds,
    label_condition,
    literals,
    spoken,
)
from aggressors.slicing.points import BoolArray, Float32Array, FloatArray, IntArray, Points
from aggressors.slicing.protocol import Proposal

DEPTH = 3
WIDTH = 12
COST = 0.03  # of F1 that a further condition must gain
COST_BUILT_IN = 0.02  # more for a field the engine measured, which a person reads less easily
MORE_OFTEN = 0.15  # of the members, above its share of all samples, for a label to be near
CLEAR = 0.5  # precision and recall below which a rule does not describe a group


@dataclass(frozen=True, slots=True)
class Description:
    """The best rule for a group; it describes it if both shares are at least `CLEAR`.

    `precision` is the share of the rule's samples that are members, `recall` of the members that
    fulfil it.
    """

    conditions: tuple[Condition, ...]
    precision: float
    recall: float

    @property
    def clear(self) -> bool:
        """Whether the rule may stand as the group's name."""
        return bool(self.conditions) and min(self.precision, self.recall) >= CLEAR


def describe(
    members: BoolArray, points: Points, *, own: Collection[str], best: Proposal | None = None
) -> Description:
    """Search conjunctions of metadata and label for the one that fits the members best.

    Parameters
    ----------
    members : (n,) bool.
    points : the n samples over which precision and recall are counted.
    own : fields the user brought; preferred where two rules fit alike.
    best : the proposal behind the group; a rule that is its own description is taken as it is.
    """
    if not members.any():
        return Description((), 0.0, 0.0)
    conditions = _conditions(members, points)
    if not conditions:
        return Description((), 0.0, 0.0)
    masks = np.array([holds(each, points) for each in conditions], dtype=np.float32)
    costs = np.array([_cost(each, own) for each in conditions])
    rule = _search(masks, members, costs, conditions)
    chosen = tuple(conditions[place] for place in rule)
    exact = _of_proposal(best, points)
    if exact and _fit(exact, members, points)[2] >= _fit(chosen, members, points)[2] - COST:
        chosen = exact
    chosen = tuple(sorted(chosen, key=lambda each: each.field != LABEL))
    precision, recall, _ = _fit(chosen, members, points)
    return Description(chosen, precision, recall)


def clarity(members: BoolArray, points: Points) -> FloatArray:
    """(m,) F1 of the best description by a label, a condition, or both, of (m, n) groups.

    1 for all where there is no metadata to describe anything with.
    """
    conditions = literals(points, max(3, len(points) // 100))
    if not conditions or not len(members):
        return np.ones(len(members))
    masks = np.array([holds(each, points) for each in conditions], dtype=np.float32)
    matrix = members.astype(np.float32)
    size = matrix.sum(axis=1)
    best = _best_fit(matrix, masks, size)
    labels = np.array([np.bincount(points.label[each] + 1).argmax() - 1 for each in members])
    for label in np.unique(labels[labels >= 0]):
        rows, groups = points.label == label, labels == label
        inside = np.vstack([masks[:, rows], np.ones(rows.sum(), dtype=np.float32)])
        fit = _best_fit(matrix[groups][:, rows], inside, size[groups])
        best[groups] = np.maximum(best[groups], fit)
    return best


def _best_fit(matrix: Float32Array, masks: Float32Array, size: Float32Array) -> FloatArray:
    """(m,) best F1 of (m, n) groups of `size` members with any of (l, n) masks."""
    fit = 2 * (matrix @ masks.T) / (size[:, None] + masks.sum(axis=1))
    return np.asarray(fit.max(axis=1), dtype=np.float64)


def name_of(description: Description, members: BoolArray, points: Points, space: str = "") -> str:
    """`shirt · brightness < 0.18`; where no rule is clear, the labels among which the group lies.

    `space` is the further space in which it was found, '' for the main one.
    """
    if description.clear:
        return " · ".join(spoken(each) for each in description.conditions)
    region = f"unnamed region of {space}" if space else "unnamed region"
    known = points.label >= 0
    if len(np.unique(points.label[known])) < 2 or not (members & known).any():
        return region
    near = _near(points.label[members & known], points.label[known])
    if not near:
        return f"{region} across labels"
    return f"{region} near {' or '.join(points.classes[code] for code in near)}"


def _near(inside: IntArray, everywhere: IntArray) -> list[int]:
    """Up to two labels, the most frequent first, that members carry more often than all do."""
    k = int(everywhere.max()) + 1
    share, usual = (np.bincount(codes, minlength=k) / len(codes) for codes in (inside, everywhere))
    frequent = np.argsort(-share, kind="stable")[:2]
    return [int(code) for code in frequent if share[code] - usual[code] >= MORE_OFTEN]


def distinct(names: list[str]) -> list[str]:
    """Tell equal names apart: the second `shirt` becomes `shirt (2)`."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _conditions(members: BoolArray, points: Points) -> list[Condition]:
    fewest = max(3, int(members.sum()) // 10)
    counts = np.bincount(points.label[members & (points.label >= 0)], minlength=2)
    frequent = np.argsort(-counts, kind="stable")
    several = len(np.unique(points.label)) > 1  # a label that all carry says nothing
    labels = [label_condition([code], points) for code in frequent if several and counts[code]]
    if len(labels) > 1 and len(np.unique(points.label)) > 2:
        labels.append(label_condition(sorted(frequent[:2]), points))
    return labels + literals(points, fewest, around=members)


def _search(
    masks: Float32Array, members: BoolArray, costs: FloatArray, conditions: list[Condition]
) -> tuple[int, ...]:
    """Beam search for the conjunction with the best F1 less the cost of its conditions."""
    inside = members.astype(np.float32)
    beam: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    best: tuple[float, tuple[int, ...]] = (-1.0, ())
    for _ in range(DEPTH):
        scored: set[tuple[float, tuple[int, ...]]] = set()
        for _, rule in beam:
            held = masks[list(rule)].prod(axis=0) if rule else np.ones_like(inside)
            fit = 2 * (masks @ (held * inside)) / (masks @ held + inside.sum())
            value = fit - costs - costs[list(rule)].sum()
            used = {_side(conditions[place]) for place in rule}
            scored |= {
                (round(float(value[place]), 6), tuple(sorted((*rule, int(place)))))
                for place in np.argsort(-value, kind="stable")[: 4 * WIDTH]
                if _side(conditions[place]) not in used
            }
        beam = sorted(scored, key=lambda each: (-each[0], each[1]))[:WIDTH]
        if not beam or beam[0][0] <= best[0]:
            break
        best = beam[0]
    return best[1]


def _side(condition: Condition) -> tuple[str, str]:
    """Name what a rule says at most once: the label, and each bound of a field."""
    return condition.field, "" if condition.field == LABEL else condition.op


def _cost(condition: Condition, own: Collection[str]) -> float:
    if condition.field == LABEL or condition.field in own:
        return COST
    return COST + COST_BUILT_IN * (2 if condition.field in OBSCURE else 1)


def _of_proposal(proposal: Proposal | None, points: Points) -> tuple[Condition, ...]:
    if proposal is None or not isinstance(proposal.region, Rule):
        return ()
    conditions = proposal.region.conditions
    if not proposal.labels or np.isin(points.label, proposal.labels).all():
        return conditions
    return (label_condition(proposal.labels, points), *conditions)


def _fit(
    conditions: tuple[Condition, ...], members: BoolArray, points: Points
) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean."""
    held = Rule(conditions).holds(points)
    both = float((held & members).sum())
    precision = both / held.sum() if held.any() else 0.0
    return precision, both / members.sum(), 2 * both / float(held.sum() + members.sum())
