"""sliceguard: a hierarchical clustering of embedding and metadata, slices by drop of accuracy.

Its own criterion is a drop of at least `drop`; whatever it returns is found.

Source: the package `sliceguard` by Renumics, its defaults but where an option is named.
"""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score

from bench.discovery.groups import Groups
from bench.discovery.peers.authors import sliceguard
from bench.discovery.peers.common import SMALLEST, vectors
from bench.discovery.peers.items import MOST_VALUES, reported
from bench.discovery.setting import Setting


def find(setting: Setting, seed: int, order: str = "drop*support", columns: str = "all") -> Groups:
    """Search with the label and, where `columns` is all, the metadata beside the embedding."""
    np.random.seed(seed)  # noqa: NPY002 (the package knows no seed of its own)
    table = pd.DataFrame({"label": setting.label, "prediction": setting.prediction}).astype(object)
    if columns == "all":
        table = table.join(_described(setting))
    features = [name for name in table.columns if name != "prediction"]
    kinds = {name: "nominal" for name in features if table[name].dtype == object}
    embedded = {"vectors": vectors(setting)} if setting.embedding is not None else {}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        issues = sliceguard()().find_issues(
            table,
            [*features, *embedded],
            "label",
            "prediction",
            accuracy_score,
            min_support=SMALLEST,
            min_drop=0.05,
            n_slices=100,
            criterion=order,
            feature_types=kinds,
            precomputed_embeddings=embedded,
        )
    return _in_order(setting, issues, order)


def _described(setting: Setting) -> pd.DataFrame:
    """Metadata that its encoders accept: no gaps, few categories."""
    described = pd.DataFrame({name: column for name, column in setting.metadata.items()})
    for name in described:
        if described[name].dtype.kind in "fiu":
            described[name] = described[name].fillna(described[name].median())
        else:
            described[name] = described[name].astype(object).fillna("missing").astype(object)
            if described[name].nunique() > MOST_VALUES:
                described = described.drop(columns=name)
    return described


def _in_order(setting: Setting, issues: list[dict], order: str) -> Groups:
    """Sort as asked: the package hands its issues out level by level."""
    overall = float(np.mean(setting.label == setting.prediction))
    members, keys = [], []
    for issue in issues:
        member = np.zeros(len(setting), dtype=bool)
        member[issue["rows"]] = True
        drop = overall - float(issue["metric"])
        members.append(member)
        keys.append(drop if order == "drop" else drop * member.sum())
    ranked = [members[place] for place in np.argsort(-np.array(keys), kind="stable")]
    return reported(setting, ranked, [True] * len(ranked))
