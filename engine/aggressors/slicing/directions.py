"""Groups far out along a direction: what moves some samples of a label, followed through all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from aggressors.slicing.points import BoolArray, FloatArray, Points
from aggressors.slicing.protocol import Proposal, Sight
from aggressors.slicing.rank import strength
from aggressors.slicing.seeds import seeds

INSIDE = 0.6  # share of a seed that carries a label, from which it is followed within that label
SHARES = (0.015, 0.022, 0.033, 0.05, 0.07, 0.1, 0.14, 0.2)  # of all samples, beyond a bound
SHARES_INSIDE = (0.05, 0.08, 0.12, 0.18, 0.25, 0.35, 0.5, 0.65)  # of the samples of one label
BOUNDS = 2  # best ones that are proposed for each direction
RIDGE = 0.1  # of the mean variance, added to each axis so that no direction is a matter of noise


@dataclass(frozen=True, eq=False)
class Tail:
    """Samples whose position, less the mean of their label, lies beyond a bound on a direction.

    `direction` is (d,), `label_means` (k, d); without them positions are taken as they are.
    """

    direction: FloatArray
    bound: float
    label_means: FloatArray | None

    def within(self, labels: tuple[int, ...]) -> Tail:
        """Say the same of one label alone, without its mean; no label leaves it as it is."""
        if not labels or self.label_means is None:
            return self
        shift = float(self.label_means[labels[0]] @ self.direction)
        return Tail(self.direction, self.bound + shift, None)

    def holds(self, points: Points) -> BoolArray:
        """(n,) True beyond the bound."""
        return np.asarray(points.centred(self.label_means) @ self.direction >= self.bound)


@dataclass(frozen=True, slots=True)
class DirectionSlicer:
    """What tells a bad group from its labels, as a direction, and all samples far out along it.

    A condition that moves samples of every label alike, such as a mark on them, is seen best in one
    label and leads from there to the others.

    Source: Fisher 1936, the linear discriminant, with a ridge.
    """

    name: str = "direction"

    def propose(self, sight: Sight) -> list[Proposal]:
        """See `Slicer.propose`."""
        points = sight.points
        if len(points) < 2 * sight.limits.smallest or not sight.dimensions:
            return []
        several = len(np.unique(sight.everyone.label)) > 1
        means = sight.everyone.label_means() if several else None
        space = points.centred(means)
        unlike = np.linalg.inv(_spread(sight.everyone.centred(means)))
        everywhere = np.ones(len(points), dtype=np.bool_)
        found: list[Proposal] = []
        for _, seed in sight.once(seeds):
            for rows, labels in [(everywhere, ()), *_own_labels(seed, points)]:
                inside, rest = seed & rows, rows & ~seed
                if rest.sum() < 2:
                    continue
                direction = unlike @ (space[inside].mean(axis=0) - space[rest].mean(axis=0))
                shares = SHARES_INSIDE if labels else SHARES
                for bound in _bounds(space @ direction, rows, shares, sight):
                    tail = Tail(direction, bound, means)
                    found.append(Proposal(self.name, tail.within(labels), labels))
        return found


def _own_labels(seed: BoolArray, points: Points) -> Iterator[tuple[BoolArray, tuple[int, ...]]]:
    """Yield the label that most of a seed carries, if any: its (n,) samples and its code."""
    codes = points.label[seed]
    for code in np.unique(codes[codes >= 0]):
        if (codes == code).mean() >= INSIDE:
            yield points.label == code, (int(code),)


def _bounds(
    along: FloatArray, rows: BoolArray, shares: tuple[float, ...], sight: Sight
) -> list[float]:
    """Find bounds beyond which the signal of the chosen `rows` is highest."""
    order = np.flatnonzero(rows)[np.argsort(-along[rows], kind="stable")]
    usual = float(sight.signal[rows].mean())
    sizes = [n for n in (int(share * len(order)) for share in shares) if sight.limits.allow(n)]
    scored = []
    for n in sizes:
        excess = sight.signal[order[:n]] - usual
        value = strength(n, excess.mean(), excess.std() / np.sqrt(n))
        scored.append((float(value), along[order[n - 1]]))
    return [float(bound) for value, bound in sorted(scored, reverse=True)[:BOUNDS] if value > 0]


def _spread(space: FloatArray) -> FloatArray:
    """(d, d) covariance with a ridge, which keeps it invertible where nothing varies."""
    ridge = max(RIDGE * space.var(axis=0).mean(), 1e-12)
    return np.asarray(np.atleast_2d(np.cov(space.T, bias=True)) + ridge * np.eye(space.shape[1]))
