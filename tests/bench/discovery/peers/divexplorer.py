"""DivExplorer: all frequent conjunctions, by how far their mean loss diverges.

Its own criterion is the t-value of the divergence, here at least 2, as in its authors' examples.

Source: Pastor, de Alfaro and Baralis 2021, SIGMOD, "Looking for trouble: analyzing classifier
behavior via pattern divergence".
"""

from __future__ import annotations

import numpy as np

from bench.discovery.groups import Groups
from bench.discovery.peers.items import items, reported
from bench.discovery.setting import Setting

CANDIDATES = 200
SIGNIFICANT = 2.0
SUPPORT = 0.02  # it lists every frequent conjunction: minutes a table at .006


def find(
    setting: Setting, seed: int, order: str = "t", outcome: str = "loss", support: float = SUPPORT
) -> Groups:
    """Mine and sort by t-value, by divergence, or by divergence times the root of the support."""
    from divexplorer import DivergenceExplorer

    table = items(setting, seed, bins=4)
    names = list(table.columns)
    table = table.rename(columns={name: f"c{place}" for place, name in enumerate(names)})
    wrong = (setting.label != setting.prediction).astype(float)
    table["outcome"] = setting.loss if outcome == "loss" else wrong
    told = {"quantitative_outcomes": ["outcome"]}
    if outcome != "loss":
        told = {"boolean_outcomes": ["outcome"]}
    explorer = DivergenceExplorer(table)
    found = explorer.get_pattern_divergence(min_support=support, **told)
    found = found[(found["outcome_div"] > 0) & (found["length"] > 0)]
    key = {
        "t": found["outcome_t"],
        "divergence": found["outcome_div"],
        "both": found["outcome_div"] * np.sqrt(found["support"]),
    }[order]
    found = found.loc[key.sort_values(ascending=False, kind="stable").index[:CANDIDATES]]
    members = [_members(table, itemset) for itemset in found["itemset"]]
    return reported(setting, members, list(found["outcome_t"] >= SIGNIFICANT))


def _members(table, itemset: frozenset[str]) -> np.ndarray:
    member = np.ones(len(table), dtype=bool)
    for item in itemset:
        column, _, value = item.partition("=")
        member &= (table[column] == value).to_numpy()
    return member
