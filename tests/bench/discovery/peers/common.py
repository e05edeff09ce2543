"""What several peers share: the vectors they see, the test behind an alarm, removing overlaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.discovery.groups import MOST_REPORTED, BoolArray, FloatArray, Groups
from bench.discovery.judge import SAME, jaccard
from bench.discovery.setting import Setting

SMALLEST = 25
LEVEL = 0.05


def vectors(setting: Setting) -> FloatArray:
    """(n, d) the embedding; for a table its columns, numbers standardised, categories one-hot."""
    if setting.embedding is not None:
        return setting.embedding.astype(np.float64)
    blocks = [_block(column) for column in setting.metadata.values()]
    return np.hstack(blocks) if blocks else np.zeros((len(setting.loss), 1))


def _block(column: NDArray) -> FloatArray:
    if column.dtype.kind in "fiu":
        known = column[np.isfinite(column)]
        centre, spread = (known.mean(), known.std()) if len(known) else (0.0, 1.0)
        return np.nan_to_num((column - centre) / (spread or 1.0))[:, None]
    values, codes = np.unique(column.astype(str), return_inverse=True)
    return np.eye(len(values))[codes] if len(values) <= SMALLEST else np.zeros((len(column), 0))


def worse(loss: FloatArray, member: BoolArray) -> tuple[float, float]:
    """Excess of the mean loss inside, and the p-value of its one-sided Welch test."""
    inside, rest = loss[member], loss[~member]
    if min(len(inside), len(rest)) < 2:
        return 0.0, 1.0
    test = stats.ttest_ind(inside, rest, equal_var=False, alternative="greater")
    return float(inside.mean() - rest.mean()), float(np.nan_to_num(test.pvalue, nan=1.0))


def distinct(groups: Groups) -> Groups:
    """Keep each group that overlaps no better one with Jaccard >= 0.5."""
    kept: Groups = []
    for group in groups:
        if len(kept) == MOST_REPORTED:
            break
        if all(jaccard(group.member, better.member) < SAME for better in kept):
            kept.append(group)
    return kept
