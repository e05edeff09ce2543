"""Samples that belong together, such as frames of one video, are worth less than as many apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import FloatArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which of n samples belong together.

    `code` (n,) is equal for samples of one cluster, -1 for a sample that takes no part; `size` (c,)
    counts them by code.
    """

    code: IntArray
    size: FloatArray

    @classmethod
    def of(cls, group: IntArray) -> Clusters | None:
        """Gather the samples of each (n,) group; None where each sample stands alone."""
        names, code = np.unique(group, return_inverse=True)
        if len(names) == len(group):
            return None
        return cls(code.astype(np.int64), np.bincount(code, minlength=len(names)).astype(float))

    def at(self, rows: IntArray) -> Clusters | None:
        """Gather the clusters of some samples."""
        return Clusters.of(self.code[rows])

    def likeness(self, values: FloatArray) -> float:
        """How much alike (n,) values of one cluster are, 0 to 1; NaN where a value is missing.

        Source: intraclass correlation of one-way analysis of variance (Donner 1986), not below 0.
        """
        known = ~np.isnan(values)
        code, value = self.code[known], values[known]
        size = np.bincount(code, minlength=len(self.size))
        size = size[size > 0]
        n, clusters = len(value), len(size)
        if clusters < 2 or n == clusters:
            return 0.0
        value = value - value.mean()
        total = np.bincount(code, value, len(self.size))
        counted = np.maximum(np.bincount(code, minlength=len(self.size)), 1)
        between = float((total**2 / counted).sum())
        within = float(value @ value) - between
        typical = (n - float((size.astype(float) ** 2).sum()) / n) / (clusters - 1)
        among, inside = between / (clusters - 1), max(within, 0.0) / (n - clusters)
        spread = among + (typical - 1) * inside
        return float(np.clip((among - inside) / spread, 0, 1)) if spread > 0 else 0.0

    def likeness_of_codes(self, codes: IntArray) -> float:
        """How much alike (n,) categories of one cluster are, 0 to 1; -1 where one is missing.

        Source: Fleiss' kappa, the pairs of a cluster compared with pairs drawn at random.
        """
        known = codes >= 0
        code, category = self.code[known], codes[known].astype(np.int64)
        if not len(code):
            return 0.0
        k = int(category.max()) + 1
        both = np.unique(code * k + category, return_counts=True)[1].astype(float)
        size = np.bincount(code).astype(float)
        pairs = float((size * (size - 1)).sum())
        share = np.bincount(category) / len(category)
        chance = float(share @ share)
        if not pairs or chance >= 1:
            return 0.0
        agreed = float((both * (both - 1)).sum()) / pairs
        return float(np.clip((agreed - chance) / (1 - chance), 0, 1))

    def inflation(self, one: float, other: float) -> float:
        """By how much clusters widen the variance of an association of two fields, at least 1.

        Parameters
        ----------
        one, other : `likeness` of each.

        Source: Moulton 1986; both must be alike within clusters for these to matter.
        """
        n = float(self.size.sum())
        return max(1.0, 1 + (float(self.size @ self.size) / n - 1) * one * other)
