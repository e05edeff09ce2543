"""Bad regions from which further searches start."""

from __future__ import annotations

import numpy as np

from aggressors.slicing.clusters import ACROSS_LABELS, InsideLabelSlicer, TreeSlicer
from aggressors.slicing.confirm import member_matrix
from aggressors.slicing.points import BoolArray
from aggressors.slicing.protocol import Proposal, Sight, Slicer

MAX_SEEDS = 40
SAME_SEED = 0.5  # Jaccard from which two seeds are one


def seeds(sight: Sight) -> list[tuple[Proposal, BoolArray]]:
    """Choose proposals by position that are worse than their labels, each unlike the others.

    Returns
    -------
    Proposals with their (n,) members among the samples of the discover half, worst first.
    """
    labeled = bool((sight.points.label >= 0).any())
    slicers: tuple[Slicer, ...] = (TreeSlicer(),)
    if labeled:
        slicers = (InsideLabelSlicer(), ACROSS_LABELS)
    proposals = [each for slicer in slicers for each in sight.proposals_of(slicer)]
    members = member_matrix(proposals, sight.points)
    value = members @ sight.excess / np.sqrt(members.sum(axis=1).clip(1))
    chosen: list[tuple[Proposal, BoolArray]] = []
    for place in np.argsort(-value, kind="stable"):
        if value[place] <= 0 or len(chosen) == MAX_SEEDS:
            break
        member = members[place]
        if all((member & seed).sum() < SAME_SEED * (member | seed).sum() for _, seed in chosen):
            chosen.append((proposals[place], member))
    return chosen
