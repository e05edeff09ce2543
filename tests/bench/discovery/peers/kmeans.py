"""The plain baseline that is hard to beat: k-means inside each label, clusters ranked by loss.

Ranked by sqrt(n) times the excess of the mean loss; found are those with p < .05, one-sided.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

from bench.discovery.groups import Group, Groups
from bench.discovery.peers.common import LEVEL, SMALLEST, vectors, worse
from bench.discovery.setting import Setting


def find(setting: Setting, seed: int, clusters: int = 8) -> Groups:
    """Cluster each label and rank."""
    space = vectors(setting)
    ranked: list[tuple[float, Group]] = []
    for label in np.unique(setting.label):
        rows = np.flatnonzero(setting.label == label)
        if len(rows) >= clusters:
            fitted = KMeans(clusters, n_init=4, random_state=seed).fit(space[rows])
            distance = fitted.transform(space[rows])
            ranked += _ranked(setting, rows, fitted.labels_, distance)
    return [group for _, group in sorted(ranked, key=lambda pair: -pair[0])]


def _ranked(
    setting: Setting, rows: np.ndarray, cluster: np.ndarray, distance: np.ndarray
) -> list[tuple[float, Group]]:
    found = []
    for number in range(distance.shape[1]):
        member, score = np.zeros((2, len(setting.loss)))
        inside = rows[cluster == number]
        if len(inside) < SMALLEST:
            continue
        member[inside], score[inside] = 1, -distance[cluster == number, number]
        gap, p_value = worse(setting.loss, member.astype(bool))
        group = Group(member.astype(bool), score, p_value < LEVEL)
        found.append((np.sqrt(len(inside)) * gap, group))
    return found
