"""What speaks for one cause of failure or another: pure measures over samples and labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import BoolArray, FloatArray
from aggressors.stats.neighbours import IntArray

BINS = 10


def entropy(codes: IntArray, k: int) -> float:
    """Shannon entropy of (n,) class codes, in nats; codes below 0 take no part."""
    share = _shares(codes, k)
    kept = share[share > 0]
    return float(-(kept * np.log(kept)).sum()) + 0.0  # no negative zero


def divergence(inside: IntArray, whole: IntArray, k: int) -> float:
    """Kullback-Leibler divergence of the classes inside from those of the whole, in nats.

    Half a sample is added to each class of the whole, so that it is finite.
    """
    p = _shares(inside, k)
    q = (np.bincount(whole[whole >= 0], minlength=k) + 0.5) / ((whole >= 0).sum() + k / 2)
    kept = p > 0
    return float((p[kept] * np.log(p[kept] / q[kept])).sum())


def total_variation(one: IntArray, other: IntArray, k: int) -> float:
    """Half the summed difference of two distributions over k cells, in [0, 1]."""
    return float(np.abs(_shares(one, k) - _shares(other, k)).sum() / 2)


def binned(numbers: FloatArray, reference: BoolArray, bins: int = BINS) -> IntArray:
    """Sort (n,) numbers into cells that hold equally many of the reference; -1 where NaN."""
    known = numbers[reference & ~np.isnan(numbers)]
    if len(known) == 0:
        return np.full(len(numbers), -1, dtype=np.int64)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    cell = np.searchsorted(edges, numbers, side="right").astype(np.int64)
    return np.where(np.isnan(numbers), -1, cell)


def shortcut(typical: IntArray, others: IntArray, inside: IntArray, k: int) -> float:
    """How far a class is told by a field in train, while these members look like the others.

    Parameters
    ----------
    typical, others : cells of the field over train samples of the class, and of all others.
    inside : cells over the members.
    k : number of cells.

    Returns
    -------
    TV(typical, others) x [TV(typical, inside) - TV(inside, others)]+, in [0, 1].
    """
    contrast = total_variation(typical, inside, k) - total_variation(inside, others, k)
    return total_variation(typical, others, k) * max(contrast, 0.0)


def majority(neighbour_label: IntArray, k: int) -> IntArray:
    """Most frequent label of each sample's neighbours, (n,); ties to the nearer.

    `neighbour_label` (n, j) codes from nearest to farthest, below 0 where there is none; -1 is
    returned where no neighbour has a label.
    """
    n, j = neighbour_label.shape
    votes = np.zeros((n, k))
    row = np.arange(n)
    for place in range(j):
        there = neighbour_label[:, place] >= 0
        votes[row[there], neighbour_label[there, place]] += 1 + 1e-3 / (place + 1)
    best = votes.argmax(axis=1)
    return np.where(votes.max(axis=1) > 0, best, -1).astype(np.int64)


def confidently_other(probabilities: NDArray[np.floating], label: IntArray) -> BoolArray:
    """Which labeled samples the model confidently takes for another class, (n,).

    A class is confident where its probability reaches the mean that it has over its own samples.

    Source: Northcutt, Jiang and Chuang 2021 (confident learning).
    """
    n, k = probabilities.shape
    labeled = label >= 0
    own = np.where(labeled, label, 0)
    count = np.bincount(own[labeled], minlength=k)
    total = np.bincount(own[labeled], probabilities[np.arange(n), own][labeled], k)
    threshold = np.where(count > 0, total / np.maximum(count, 1), np.inf)
    reached = np.where(probabilities >= threshold, probabilities, -1.0)
    guess = reached.argmax(axis=1)
    return np.asarray(labeled & (reached.max(axis=1) >= 0) & (guess != label))


def confidence_gap(probabilities: NDArray[np.floating], label: IntArray) -> FloatArray:
    """How far the model's confidence misleads: max over j != label of p_j, minus p_label, (n,).

    In [-1, 1]: 1 where the model is certain of a wrong class, 0 where two classes tie, -1 where it
    is certain and right.

    Parameters
    ----------
    probabilities : (n, k) that sum to 1, k at least 2.
    label : (n,) codes of the true classes; below 0 where unknown, which gives NaN.

    Source: the negative of the margin of Schapire, Freund, Bartlett and Lee 1998; cleanlab ranks
    labels by it as `normalized_margin` (Northcutt, Jiang and Chuang 2021).
    """
    n, k = probabilities.shape
    labeled = label >= 0
    own = np.where(labeled, label, 0)
    true = probabilities[np.arange(n), own].astype(np.float64)
    others = np.where(np.arange(k) == own[:, None], -np.inf, probabilities).max(axis=1, initial=0.0)
    return np.where(labeled, others - true, np.nan)


def _shares(codes: IntArray, k: int) -> FloatArray:
    counts = np.bincount(codes[codes >= 0], minlength=k)
    return np.asarray(counts / max(int(counts.sum()), 1), dtype=np.float64)
