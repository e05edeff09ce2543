"""The Spotlight: a soft region of the embedding with the highest weighted loss, found by descent.

Runs the authors' code, which the Domino package carries: centre and precision of a Gaussian kernel
are moved by Adam under a barrier that keeps the region from growing smaller than a share of the
data; then the losses inside are weighted down and the search repeats. Members are as many of the
surest as the region's weights sum up to: its size in the authors' terms. Losses are clipped at
their 99th percentile and divided by it: the barrier is of height 1 and does not hold losses of 16.
Found, as the authors have no test: p < .05, one-sided.

Source: d'Eon, d'Eon, Wright and Leyton-Brown 2022, FAccT, "The Spotlight: a general method for
discovering systematic errors in deep learning models".
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.decomposition import PCA

from bench.discovery.groups import Group, Groups
from bench.discovery.peers.authors import domino
from bench.discovery.peers.common import LEVEL, SMALLEST, vectors, worse
from bench.discovery.setting import Setting

DIMENSIONS = 32
STEPS = 1_000
SPOTLIGHTS = 8
RATE = 1e-2


def find(setting: Setting, seed: int, share: float = 0.02) -> Groups:
    """Shine one light after another, each of at least `share` of the samples."""
    import torch

    warnings.simplefilter("ignore")
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    authors = domino("spotlight")
    space = vectors(setting)
    space = PCA(min(DIMENSIONS, *space.shape), random_state=seed).fit_transform(space)
    space = torch.tensor(space / space.std(), dtype=torch.float32)
    highest = float(np.quantile(setting.loss, 0.99))
    losses = torch.tensor(np.minimum(setting.loss / highest, 1), dtype=torch.float32)
    least = share * len(losses)
    groups = []
    for _ in range(SPOTLIGHTS):
        _, weight, _, _ = authors.run_spotlight(
            embeddings=space,
            losses=losses,
            min_weight=least,
            barrier_x_schedule=np.geomspace(len(losses) - least, 0.05 * least, STEPS),
            learning_rate=RATE,
            device="cpu",
        )
        size = round(float(np.nan_to_num(weight.sum())))
        losses = losses * torch.tensor(1 - weight / weight.max())
        member = np.zeros(len(weight), dtype=bool)
        member[np.argsort(-weight, kind="stable")[:size]] = True
        if SMALLEST <= size < len(weight):
            sure = worse(setting.loss, member)[1] < LEVEL
            groups.append(Group(member, weight.astype(np.float64), sure))
    return groups
