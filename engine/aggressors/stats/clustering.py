"""Samples that belong together, such as frames of one video, are worth less than as many apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aggressors.stats.association import Codes, IntArray
from aggressors.stats.intervals import FloatArray

MOST_CELLS = 20_000_000  # clusters by categories that are counted without sorting


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which of n samples belong together.

    `code` (n,) is equal for samples of one cluster; `size` (c,) counts them by code.
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
        """How much alike values of one cluster are, 0 to 1.

        Parameters
        ----------
        values : (n,) as the test uses them: ranks for a rank test, centred in its strata.
            NaN where there is none.

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

    def likeness_of_codes(self, codes: Codes, stratum: Codes | None = None) -> float:
        """How much alike categories of one cluster are, 0 to 1; within strata where there are any.

        Parameters
        ----------
        codes, stratum : (n,) category and stratum, -1 where there is none.

        Source: Fleiss' kappa, the pairs of a cluster compared with pairs drawn at random.
        """
        stratum = np.zeros(len(codes), dtype=np.int64) if stratum is None else stratum
        known = (codes >= 0) & (stratum >= 0)
        if not known.any():
            return 0.0
        category, strata = codes[known].astype(np.int64), int(stratum[known].max()) + 1
        k = int(category.max()) + 1
        part = self.code[known] * strata + stratum[known]
        parts = len(self.size) * strata
        pairs = _pairs(_counted(part, parts)).sum()
        agreed = _pairs(_counted(part * k + category, parts * k)).sum()
        if not pairs:
            return 0.0
        cells = np.bincount(stratum[known].astype(np.int64) * k + category, minlength=strata * k)
        share = cells.reshape(strata, k) / np.maximum(cells.reshape(strata, k).sum(1), 1)[:, None]
        weight = np.bincount(stratum[known], minlength=strata) / known.sum()
        chance = float(weight @ (share**2).sum(axis=1))
        return float(np.clip((agreed / pairs - chance) / (1 - chance), 0, 1)) if chance < 1 else 0.0

    def inflation(self, one: float, other: float) -> float:
        """By how much clusters widen the variance of an association of two fields, at least 1.

        Parameters
        ----------
        one, other : `likeness` of each.

        Source: Moulton 1986; both must be alike within clusters for these to matter. What clusters
        add is widened as Student's t with two degrees fewer than there are clusters is, since
        few of them hardly tell how alike they are.
        """
        n, clusters = float(self.size.sum()), len(self.size)
        few = max(clusters - 2, 1) / max(clusters - 4, 1)
        return 1 + max(float(self.size @ self.size) / n - 1, 0.0) * one * other * few


def _counted(codes: IntArray, most: int) -> FloatArray:
    """How often each code below `most` occurs; those that do not may be left out."""
    if most <= MOST_CELLS:
        return np.bincount(codes, minlength=most).astype(float)
    return np.unique(codes, return_counts=True)[1].astype(float)


def _pairs(count: FloatArray) -> FloatArray:
    return count * (count - 1)
