"""Groups by position: k-means at several scales, and trees over small cells."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from aggressors.slicing.points import BoolArray, FloatArray, IntArray, Partition, Points, neighbours
from aggressors.slicing.protocol import Cells, Limits, Proposal

SCALES = (8, 16, 32, 64, 128)
SCALES_INSIDE = (2, 3, 4, 6, 8, 12)
PULLS = (2.0, 5.0)  # weight of the loss of a cell against its position, in deviations
SMOOTHING = 16  # neighbours whose mean loss stands for a sample's own
MAX_CELLS = 512
MAX_CELLS_INSIDE = 60


@dataclass(frozen=True, slots=True)
class KMeansSlicer:
    """One proposal a cluster, at several scales."""

    scales: tuple[int, ...] = SCALES
    name: str = "clusters"

    def propose(self, points: Points, signal: FloatArray, limits: Limits) -> list[Proposal]:
        """See `Slicer.propose`."""
        if points.space.shape[1] == 0:
            return []
        proposals = []
        for k in _feasible(self.scales, len(points), limits):
            partition, counts = kmeans(points.space, k, limits.seed)
            proposals += [
                Proposal(self.name, Cells(partition, np.arange(len(counts)) == cell))
                for cell in np.flatnonzero([limits.allow(n) for n in counts])
            ]
        return proposals


@dataclass(frozen=True, slots=True)
class TreeSlicer:
    """All nodes of a Ward tree over small cells: by position, and with the cells' loss as well.

    The loss shapes which cells are joined; a sample is a member by its position alone, or by what
    is left of it without the mean of its label if `centred`.
    """

    pulls: tuple[float, ...] = (0.0, *PULLS)
    centred: bool = False
    name: str = "tree"

    def propose(self, points: Points, signal: FloatArray, limits: Limits) -> list[Proposal]:
        """See `Slicer.propose`."""
        if len(points) < 2 * limits.smallest or points.space.shape[1] == 0:
            return []
        means = points.label_means() if self.centred else None
        if self.centred and len(np.unique(points.label)) < 2:
            return []  # the same as without
        space = points.space if means is None else points.centred(means)
        partition, counts = kmeans(space, min(len(points) // 20, MAX_CELLS), limits.seed)
        partition = replace(partition, label_means=means)
        smooth = _standard(smoothed(space, signal))
        cell_loss = np.bincount(points.cells(partition), smooth, len(counts)) / counts
        proposals = []
        for pull in self.pulls:
            position = np.column_stack([partition.centroids, pull * cell_loss])
            name = self.name if pull == 0 else f"{self.name} drawn by loss"
            proposals += [
                Proposal(name, Cells(partition, chosen))
                for chosen in ward_nodes(position, counts)
                if limits.allow(counts[chosen].sum())
            ]
        return proposals


@dataclass(frozen=True, slots=True)
class InsideLabelSlicer:
    """Clusters and tree nodes among the samples of one label, for each label."""

    scales: tuple[int, ...] = SCALES_INSIDE
    name: str = "inside one label"

    def propose(self, points: Points, signal: FloatArray, limits: Limits) -> list[Proposal]:
        """See `Slicer.propose`."""
        if points.space.shape[1] == 0:
            return []
        proposals = []
        for label in np.unique(points.label[points.label >= 0]):
            rows = np.flatnonzero(points.label == label)
            if len(rows) >= 2 * limits.smallest:
                proposals += self._inside(points.space[rows], int(label), limits)
        return proposals

    def _inside(self, space: FloatArray, label: int, limits: Limits) -> list[Proposal]:
        proposals = KMeansSlicer(self.scales).propose(_bare(space), np.empty(0), limits)
        micro = min(len(space) // 12, MAX_CELLS_INSIDE)
        partition, counts = kmeans(space, micro, limits.seed)
        proposals += [
            Proposal(self.name, Cells(partition, chosen))
            for chosen in ward_nodes(partition.centroids, counts)
            if limits.allow(counts[chosen].sum())
        ]
        return [replace(entry, found_by=self.name, labels=(label,)) for entry in proposals]


def kmeans(space: FloatArray, k: int, seed: int) -> tuple[Partition, IntArray]:
    """Partition (n, d) positions into at most k cells, none empty; also the (c,) counts."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    k = max(1, min(k, len(space)))
    with warnings.catch_warnings():  # fewer distinct positions than cells: fewer cells
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = KMeans(k, n_init=1, random_state=seed, max_iter=100).fit(space)
    partition = Partition(np.asarray(fitted.cluster_centers_, dtype=np.float64))
    counts = np.bincount(_bare(space).cells(partition), minlength=k)
    if (counts > 0).all():
        return partition, counts
    return Partition(partition.centroids[counts > 0]), counts[counts > 0]


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


def smoothed(space: FloatArray, signal: FloatArray) -> FloatArray:
    """(n,) mean signal of each sample's neighbours, itself left out."""
    near = neighbours(space, space, SMOOTHING, exclude=np.arange(len(space)))
    return signal[near].mean(axis=1) if near.shape[1] else np.zeros(len(signal))


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


def _bare(space: FloatArray) -> Points:
    return Points(space, np.full(len(space), -1), None, (), ())
