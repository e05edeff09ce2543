"""Subgroup discovery by beam search over conjunctions, by the package `pysubgroup`.

Quality is n^a times the excess of the mean loss. Found are those with p < .05, one-sided.

Source: Lemmerich and Becker 2018, ECML PKDD, "pysubgroup: easy-to-use subgroup discovery in
Python".
"""

from __future__ import annotations

import warnings

import numpy as np

from bench.discovery.groups import Groups
from bench.discovery.peers.common import SMALLEST
from bench.discovery.peers.items import items, reported
from bench.discovery.setting import Setting

WIDTH = 100  # of the beam, and rules kept before overlaps are removed


def find(setting: Setting, seed: int, exponent: float = 0.5, depth: int = 3) -> Groups:
    """Search conjunctions of at most `depth` items."""
    import pysubgroup as ps

    table = items(setting, seed).assign(loss=setting.loss)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task = ps.SubgroupDiscoveryTask(
            table,
            ps.NumericTarget("loss"),
            ps.create_selectors(table, ignore=["loss"]),
            result_set_size=WIDTH,
            depth=depth,
            qf=ps.StandardQFNumeric(exponent),
            constraints=[ps.MinSupportConstraint(SMALLEST)],
        )
        found = ps.BeamSearch(beam_width=WIDTH).execute(task)
    members = [np.asarray(rule.covers(table), dtype=bool) for _, rule, _ in found.results]
    return reported(setting, [member for member in members if member.sum() >= SMALLEST])
