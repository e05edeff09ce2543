"""Groups by metadata: branches and leaves of a shallow regression tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from aggressors.contracts import Condition
from aggressors.slicing.literals import Rule, readable, spread_of
from aggressors.slicing.points import FloatArray, Points
from aggressors.slicing.protocol import Proposal, Sight
from aggressors.slicing.space import MAX_CATEGORIES

DEPTH = 3
LARGEST = 1e30  # numbers are cut there: the tree holds them in single precision


@dataclass(frozen=True, slots=True)
class ShallowTreeSlicer:
    """Nodes of a tree that tells high from low signal by metadata, less the labels' means.

    A beam finds the worst corners; a tree also what is bad once these are set aside. Left out is
    what has *not* a category, which is no group, and all below it.

    Source: Breiman et al. 1984, regression trees.
    """

    name: str = "metadata tree"

    def propose(self, sight: Sight) -> list[Proposal]:
        """See `Slicer.propose`."""
        points, limits = sight.points, sight.limits
        if len(points) < 2 * limits.smallest:
            return []
        splits = list(_splits(points))
        if not splits:
            return []
        from sklearn.tree import DecisionTreeRegressor

        columns = np.column_stack([split.values for split in splits])
        tree = DecisionTreeRegressor(
            max_depth=DEPTH, min_samples_leaf=limits.smallest, random_state=0
        )
        rules = [Rule(path) for path in _paths(tree.fit(columns, sight.excess).tree_, splits)]
        # Rounded bounds and missing values may hold fewer or more samples than the node.
        return [
            Proposal(self.name, rule) for rule in rules if limits.allow(rule.holds(points).sum())
        ]


@dataclass(frozen=True, eq=False)
class _Split:
    """A column of the tree: the (n,) numbers of a field, or whether it has one `category`."""

    field: str
    values: FloatArray
    category: str | None = None

    def sides(self, bound: float) -> tuple[Condition | None, Condition | None]:
        """Say what holds below and above a bound; what has not one category is no group.

        An infinite bound parts what is known from what is missing.
        """
        if self.category is not None:
            return None, Condition(self.field, "=", (self.category,))
        if not np.isfinite(bound):
            return None, Condition(self.field, "missing")
        known = self.values[np.isfinite(self.values)]
        spread, whole = spread_of(known)
        # Whole numbers are parted between two of them, of which the upper one is named.
        cut = readable(float(np.ceil(bound)) if whole else bound, spread, whole=whole)
        return Condition(self.field, "<", (cut,)), Condition(self.field, ">=", (cut,))


def _splits(points: Points) -> Iterator[_Split]:
    for entry in points.fields:
        if entry.kind == "number" and entry.numbers is not None:
            numbers = np.clip(entry.numbers, -LARGEST, LARGEST)
            if np.isfinite(numbers).any():
                yield _Split(entry.name, numbers)
        elif entry.kind == "category" and entry.codes is not None:
            counts = np.bincount(entry.codes + 1, minlength=len(entry.categories) + 1)[1:]
            for code in np.argsort(-counts, kind="stable")[:MAX_CATEGORIES]:
                has = (entry.codes == code).astype(np.float64)
                yield _Split(entry.name, has, entry.categories[code])


def _paths(tree: Any, splits: list[_Split]) -> Iterator[tuple[Condition, ...]]:
    """Yield the conjunction that leads to each node; below what can't be said there are none.

    `tree` is scikit-learn's `tree_`, whose features are the places of `splits`.
    """
    open_: list[tuple[int, tuple[Condition, ...]]] = [(0, ())]
    while open_:
        node, path = open_.pop()
        if path:
            yield path
        if tree.children_left[node] < 0:
            continue
        sides = splits[tree.feature[node]].sides(float(tree.threshold[node]))
        children = tree.children_left[node], tree.children_right[node]
        open_ += [
            (int(child), _narrowed(path, said))
            for child, said in zip(children, sides, strict=True)
            if said is not None
        ]


def _narrowed(path: tuple[Condition, ...], said: Condition) -> tuple[Condition, ...]:
    """Add a condition, which takes the place of a wider bound on the same side."""
    kept = [each for each in path if (each.field, each.op) != (said.field, said.op)]
    return (*kept, said)
