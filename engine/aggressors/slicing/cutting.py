"""Partitions of positions into any number of cells, all from one tree; nothing is drawn by lot."""

from __future__ import annotations

import warnings
from functools import cached_property

import numpy as np

from aggressors.slicing.points import FloatArray, IntArray, Partition

MAX_TREE = 2_000  # positions over which the tree is built
ROUNDS = 30  # of moving cells to the middle of their samples


class Cutting:
    """Cuts (n, d) positions: k-means that starts from a Ward tree instead of from a seed.

    The tree stands over at most `MAX_TREE` positions, spread evenly along the widest axis, so that
    neither a seed nor the order of the rows decides where a cell lies.
    """

    def __init__(self, space: FloatArray) -> None:
        self.space = space
        self.sown = space
        if len(space) > MAX_TREE:
            along = np.argsort(space[:, 0], kind="stable")
            self.sown = space[along[np.linspace(0, len(space) - 1, MAX_TREE).astype(np.int64)]]

    @cached_property
    def _tree(self) -> FloatArray:
        from scipy.cluster.hierarchy import linkage

        tree: FloatArray = linkage(self.sown, method="ward")
        return tree

    def cells(self, k: int) -> tuple[Partition, IntArray]:
        """Cut into at most k cells, none empty; also the (c,) number of positions in each."""
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        start = self._start(max(1, min(k, len(self.sown))))
        with warnings.catch_warnings():  # fewer distinct positions than cells: fewer cells
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = KMeans(len(start), init=start, n_init=1, max_iter=ROUNDS).fit(self.space)
        partition = Partition(np.asarray(fitted.cluster_centers_, dtype=np.float64))
        sizes = partition.counts(self.space)
        if (sizes > 0).all():
            return partition, sizes
        return Partition(partition.centroids[sizes > 0]), sizes[sizes > 0]

    def _start(self, k: int) -> FloatArray:
        """(c, d) means of the branches where the tree is cut into at most k."""
        from scipy.cluster.hierarchy import fcluster

        if k == 1 or len(self.sown) < 2:
            return np.asarray(self.sown.mean(axis=0, keepdims=True))
        branch = fcluster(self._tree, k, "maxclust") - 1
        sizes = np.bincount(branch)
        sums = np.array([np.bincount(branch, axis) for axis in self.sown.T])
        return np.asarray((sums / sizes).T)
