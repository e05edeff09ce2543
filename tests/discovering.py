"""Runs the stage on planted data and holds what it finds against what was planted."""

import numpy as np
import pyarrow.compute as pc

import planted
from aggressors.contracts import Settings
from aggressors.stages.discover import STAGE
from aggressors.stages.protocol import Context


def discover(tables, classes=planted.CLASSES, settings=None, task="classification", slicers=()):
    return STAGE.run(tables, Context(settings or Settings(), classes, task, slicers=slicers))


def members(found, concept_id, prefix):
    rows = found["assignments"].filter(pc.field("concept_id") == concept_id)
    return {name for name in rows["sample_id"].to_pylist() if name.startswith(prefix)}


def overlap(found, truth, population):
    """Best F1 of each planted slice over the first five aggressors, with the rank it has there."""
    best = {}
    for name, planted_ids in truth.items():
        wanted = {each for each in planted_ids if each.startswith(population)}
        scores = []
        for concept_id in found["aggressors"]["concept_id"].to_pylist()[:5]:
            held = members(found, concept_id, population)
            scores.append(2 * len(held & wanted) / max(1, len(held) + len(wanted)))
        best[name] = max(scores, default=0.0), int(np.argmax(scores)) + 1 if scores else 0
    return best
