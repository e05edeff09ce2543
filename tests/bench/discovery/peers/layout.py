"""Clusters on a UMAP of the embedding, ranked by loss: what most tools in the field show.

k-means, or HDBSCAN without its noise; ranked by sqrt(n) times the excess of the mean loss, or by
the mean loss alone. Found are those with p < .05, one-sided.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA

from bench.discovery.groups import Group, Groups
from bench.discovery.peers.common import LEVEL, SMALLEST, vectors, worse
from bench.discovery.setting import Setting

DIMENSIONS = 32


def find(
    setting: Setting, seed: int, clusters: int = 0, smallest: int = SMALLEST, pick: str = "eom"
) -> Groups:
    """Lay out, cluster (k-means where `clusters` is given, HDBSCAN else) and rank."""
    place = _placed(vectors(setting), seed)
    if clusters:
        fitted = KMeans(clusters, n_init=4, random_state=seed).fit(place)
        labels, sure = fitted.labels_, -fitted.transform(place).min(axis=1)
    else:
        fitted = HDBSCAN(min_cluster_size=smallest, cluster_selection_method=pick, copy=True).fit(
            place
        )
        labels, sure = fitted.labels_, fitted.probabilities_
    ranked: list[tuple[float, Group]] = []
    for cluster in range(labels.max() + 1):
        member = labels == cluster
        if member.sum() < SMALLEST:
            continue
        gap, p_value = worse(setting.loss, member)
        ranked.append((np.sqrt(member.sum()) * gap, Group(member, sure, p_value < LEVEL)))
    return [group for _, group in sorted(ranked, key=lambda pair: -pair[0])]


def _placed(space: NDArray, seed: int) -> NDArray:
    """(n, 2) the layout, of the first principal components."""
    from umap import UMAP

    space = PCA(min(DIMENSIONS, *space.shape), random_state=seed).fit_transform(space)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return UMAP(n_neighbors=15, min_dist=0.0, random_state=seed).fit_transform(space)
