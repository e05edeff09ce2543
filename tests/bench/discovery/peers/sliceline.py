"""SliceLine: the exact best conjunctions, by the package of that name.

Its own criterion is a score above 0; whatever it returns is found.

Source: Sagadeeva and Boehm 2021, SIGMOD, "SliceLine: fast, linear-algebra-based slice finding for
ML model debugging".
"""

from __future__ import annotations

import numpy as np

from bench.discovery.groups import Groups
from bench.discovery.peers.common import SMALLEST
from bench.discovery.peers.items import items, reported
from bench.discovery.setting import Setting

CANDIDATES = 200


def find(setting: Setting, seed: int, alpha: float = 0.95, depth: int = 3) -> Groups:
    """Search conjunctions of at most `depth` items; `alpha` weighs loss against size."""
    from sliceline.slicefinder import Slicefinder

    table = items(setting, seed)
    finder = Slicefinder(alpha=alpha, k=CANDIDATES, max_l=depth, min_sup=SMALLEST, verbose=False)
    finder.fit(table.to_numpy(), setting.loss)
    values = table.to_numpy()
    members = []
    for rule in finder.top_slices_:
        used = np.array([value is not None for value in rule], dtype=bool)
        members.append((values[:, used] == np.asarray(rule)[used]).all(axis=1))
    return reported(setting, members, [True] * len(members))
