"""The table that peers who search metadata are given: columns, label, clusters of the embedding.

Clusters stand in as two columns, over all samples and inside each label; numbers are cut into
quantiles. So that such a peer, which has no eye for embeddings, can answer all the same.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from bench.discovery.groups import BoolArray, FloatArray, Group, Groups
from bench.discovery.peers.common import LEVEL, distinct, vectors, worse
from bench.discovery.setting import Setting

MOST_VALUES = 50


def items(setting: Setting, seed: int, clusters: int = 8, bins: int = 5) -> pd.DataFrame:
    """(n, columns) text: metadata, label, a cluster over all and one inside the label."""
    columns = {name: cut(column, bins) for name, column in setting.metadata.items()}
    columns = {name: column for name, column in columns.items() if column is not None}
    space = vectors(setting)
    columns["label"] = setting.label.astype(object)
    columns["cluster"] = _clustered(space, 2 * clusters, seed)
    inside = np.empty(len(setting), dtype=object)
    for label in np.unique(setting.label):
        rows = np.flatnonzero(setting.label == label)
        inside[rows] = [f"{label} {name}" for name in _clustered(space[rows], clusters, seed)]
    columns["cluster in label"] = inside
    return pd.DataFrame(columns).astype(object)


def cut(column: NDArray, bins: int) -> NDArray[np.object_] | None:
    """(n,) text of a column, numbers cut at quantiles; None where it has too many values."""
    if column.dtype.kind in "fiu":
        known = np.isfinite(column)
        edges = np.unique(np.quantile(column[known], np.linspace(0, 1, bins + 1)[1:-1]))
        text = np.array([f"bin {each}" for each in range(len(edges) + 1)], dtype=object)
        return np.where(known, text[np.searchsorted(edges, column, side="right")], "missing")
    text = np.array(["missing" if value is None else str(value) for value in column], dtype=object)
    return text if len(np.unique(text)) <= MOST_VALUES else None


def _clustered(space: FloatArray, clusters: int, seed: int) -> NDArray[np.object_]:
    fitted = KMeans(min(clusters, len(space)), n_init=4, random_state=seed).fit(space)
    return np.array([f"c{label}" for label in fitted.labels_], dtype=object)


def reported(setting: Setting, members: list[BoolArray], found: list[bool] | None = None) -> Groups:
    """Groups of rules, best first and overlaps removed.

    The surest members of a rule are those nearest to its centre: it has no order of its own.
    Found are those that `found` names, or else those with p < .05, one-sided.
    """
    space, groups = vectors(setting), []
    for place, member in enumerate(members):
        if not member.any():
            continue
        distance = np.linalg.norm(space - space[member].mean(axis=0), axis=1)
        sure = worse(setting.loss, member)[1] < LEVEL if found is None else found[place]
        groups.append(Group(member, -distance, sure))
    return distinct(groups)
