"""Groups by position: k-means at several scales, and trees over small cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from aggressors.slicing.cutting import Cutting
from aggressors.slicing.points import BoolArray, FloatArray, IntArray, neighbours
from aggressors.slicing.protocol import Cells, Limits, Proposal, Sight

SCALES = (8, 16, 32, 64, 128)
SCALES_INSIDE = (2, 3, 4, 6, 8, 12)
PULLS = (2.0, 5.0)  # weight of the loss of a cell against its position, in deviations
SMOOTHING = 48  # samples around a cell whose mean loss stands for the cell's
SAMPLES_A_CELL = 40  # of both halves, so that the cells don't depend on where these part
SAMPLES_A_CELL_INSIDE = 24  # one label
MAX_CELLS = 512
MAX_CELLS_INSIDE = 60


@dataclass(frozen=True, slots=True)
class KMeansSlicer:
    """One proposal a cluster, at several scales."""

    scales: tuple[int, ...] = SCALES
    name: str = "clusters"

    def propose(self, sight: Sight) -> list[Proposal]:
        """See `Slicer.propose`."""
        if not sight.dimensions:
            return []
        return [
            Proposal(self.name, region)
            for k in _feasible(self.scales, len(sight.points), sight.limits)
            for region in _single_cells(sight.cutting, k, sight.points.space, sight.limits)
        ]


@dataclass(frozen=True, slots=True)
class TreeSlicer:
    """All nodes of a Ward tree over small cells: by position, and with the cells' loss as well.

    The loss shapes which cells are joined; a sample is a member by its position alone, or by what
    is left of it without the mean of its label if `centred`.
    """

    pulls: tuple[float, ...] = (0.0, *PULLS)
    centred: bool = False
    name: str = "tree"

    def propose(self, sight: Sight) -> list[Proposal]:
        """See `Slicer.propose`."""
        points, everyone = sight.points, sight.everyone
        if len(points) < 2 * sight.limits.smallest or not sight.dimensions:
            return []
        means = everyone.label_means() if self.centred else None
        if self.centred and len(np.unique(everyone.label)) < 2:
            return []  # the same as without
        space = points.centred(means)
        cutting = Cutting(everyone.centred(means)) if self.centred else sight.cutting
        partition, sizes = cutting.cells(min(len(everyone) // SAMPLES_A_CELL, MAX_CELLS))
        counts = partition.counts(space)
        loss = _standard(smoothed(partition.centroids, space, sight.signal))
        partition = replace(partition, label_means=means)
        proposals = []
        for pull in self.pulls:
            position = np.column_stack([partition.centroids, pull * loss])
            name = self.name if pull == 0 else f"{self.name} drawn by loss"
            proposals += [
                Proposal(name, Cells(partition, chosen))
                for chosen in ward_nodes(position, sizes)
                if sight.limits.allow(counts[chosen].sum())
            ]
        return proposals


ACROSS_LABELS = TreeSlicer(centred=True, name="tree across labels")


@dataclass(frozen=True, slots=True)
class InsideLabelSlicer:
    """Clusters, tree nodes and what large nodes leave, among the samples of one label, for each."""

    scales: tuple[int, ...] = SCALES_INSIDE
    name: str = "inside one label"

    def propose(self, sight: Sight) -> list[Proposal]:
        """See `Slicer.propose`."""
        if not sight.dimensions:
            return []
        points, everyone = sight.points, sight.everyone
        proposals = []
        for label in np.unique(points.label[points.label >= 0]):
            space = points.space[points.label == label]
            if len(space) >= 2 * sight.limits.smallest:
                cutting = Cutting(everyone.space[everyone.label == label])
                regions = self._inside(space, cutting, sight.limits)
                proposals += [Proposal(self.name, region, (int(label),)) for region in regions]
        return proposals

    def _inside(self, space: FloatArray, cutting: Cutting, limits: Limits) -> Iterator[Cells]:
        for k in _feasible(self.scales, len(space), limits):
            yield from _single_cells(cutting, k, space, limits)
        partition, sizes = cutting.cells(
            min(len(cutting.space) // SAMPLES_A_CELL_INSIDE, MAX_CELLS_INSIDE)
        )
        counts = partition.counts(space)
        for chosen in ward_nodes(partition.centroids, sizes):
            if limits.allow(counts[chosen].sum()):
                yield Cells(partition, chosen)
            if limits.allow(counts[~chosen].sum()) and counts[chosen].sum() >= limits.smallest:
                yield Cells(partition, ~chosen)


def ward_nodes(position: FloatArray, size: IntArray) -> Iterator[BoolArray]:
    """Yield every node of the size-weighted Ward tree over (c, d) cells, leaves first.

    A node is (c,) bool, True for the cells in it.

    Source: Ward 1963, merging the pair whose union adds least to the within-group variance.
    """
    cells = len(position)
    position, weight = position.copy(), size.astype(np.float64)
    content = np.eye(cells, dtype=np.bool_)
    cost = np.full((cells, cells), np.inf)
    for row in range(cells):
        yield content[row].copy()
        cost[row, :row] = _merge_cost(position[:row], weight[:row], position[row], weight[row])
    cost = np.minimum(cost, cost.T)
    for _ in range(cells - 1):
        kept, gone = sorted(divmod(int(cost.argmin()), cells))
        total = weight[kept] + weight[gone]
        position[kept] = (weight[kept] * position[kept] + weight[gone] * position[gone]) / total
        weight[kept], content[kept] = total, content[kept] | content[gone]
        cost[gone, :] = cost[:, gone] = np.inf
        alive = np.isfinite(cost[kept])
        merged = _merge_cost(position[alive], weight[alive], position[kept], total)
        cost[kept, alive] = cost[alive, kept] = merged
        yield content[kept].copy()


def smoothed(places: FloatArray, space: FloatArray, signal: FloatArray) -> FloatArray:
    """(c,) mean signal of the `SMOOTHING` samples that lie nearest to each of (c, d) places."""
    return np.asarray(signal[neighbours(places, space, SMOOTHING)].mean(axis=1))


def _single_cells(cutting: Cutting, k: int, space: FloatArray, limits: Limits) -> Iterator[Cells]:
    partition, _ = cutting.cells(k)
    counts = partition.counts(space)
    for cell in np.flatnonzero([limits.allow(n) for n in counts]):
        yield Cells(partition, np.arange(len(counts)) == cell)


def _merge_cost(
    position: FloatArray, weight: FloatArray, other: FloatArray, other_weight: float
) -> FloatArray:
    distance = ((position - other) ** 2).sum(axis=1)
    return np.asarray(weight * other_weight / (weight + other_weight) * distance)


def _feasible(scales: tuple[int, ...], n: int, limits: Limits) -> list[int]:
    """Scales at which an average cluster is not far below the smallest group allowed."""
    return [k for k in scales if n >= 2 * limits.smallest and n / k >= limits.smallest / 4]


def _standard(value: FloatArray) -> FloatArray:
    spread = value.std()
    return (value - value.mean()) / spread if spread > 0 else np.zeros(len(value))
