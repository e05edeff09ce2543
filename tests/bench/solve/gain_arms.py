"""Ways of choosing which unlabeled samples to label: places in the pool, best first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.floating]
IntArray = NDArray[np.int64]


def at_random(n: int, count: int, seed: int) -> IntArray:
    """Draw `count` of n."""
    return np.random.default_rng([seed, 17]).permutation(n)[:count]


def by_entropy(probabilities: FloatArray, count: int) -> IntArray:
    """Those of whose label the model is least sure; `probabilities` (n, c)."""
    p = np.clip(probabilities.astype(np.float64), 1e-12, 1)
    entropy = -(p * np.log(p)).sum(axis=1)
    return np.argsort(-entropy, kind="stable")[:count]


def by_centroid(pool: FloatArray, labeled: FloatArray, member: BoolArray, count: int) -> IntArray:
    """Those most similar (cosine) to the mean of the members, all embeddings centred.

    `pool` (n, d), `labeled` (m, d), `member` (m,).
    """
    middle = labeled.mean(axis=0)
    centre = _unit(labeled[member] - middle).mean(axis=0)
    return np.argsort(-(_unit(pool - middle) @ centre), kind="stable")[:count]


def by_core_set(pool: FloatArray, labeled: FloatArray, count: int) -> IntArray:
    """Those that, one after another, lie farthest from all that is labeled or chosen.

    Source: Sener and Savarese 2018, algorithm 1 (k-center greedy), from what is in training.
    """
    squares = (pool**2).sum(axis=1)
    nearest = np.full(len(pool), np.inf)
    for start in range(0, len(labeled), 1000):
        part = labeled[start : start + 1000]
        distance = squares[:, None] - 2 * pool @ part.T + (part**2).sum(axis=1)
        nearest = np.minimum(nearest, distance.min(axis=1))
    chosen = np.empty(count, dtype=np.int64)
    for turn in range(count):
        chosen[turn] = best = int(np.argmax(nearest))
        nearest = np.minimum(nearest, squares - 2 * pool @ pool[best] + squares[best])
        nearest[best] = -np.inf
    return chosen


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
