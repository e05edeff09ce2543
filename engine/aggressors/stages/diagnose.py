"""Stage `diagnose`: why each aggressor fails, what to do, and which samples to look at first."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa

from aggressors.contracts import ADDED
from aggressors.stages.clues import Scene
from aggressors.stages.correlate import members_by_concept
from aggressors.stages.frame import Frame
from aggressors.stages.probe import probes_of
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.saved import by_relabeling, by_removing
from aggressors.stages.suspects import Doubt, to_relabel, to_remove
from aggressors.stages.tables import rows
from aggressors.stats.recommend import recommend, remembering
from aggressors.stats.told import read, written

CONSIDERED = 2  # suspects are listed for the first so many actions


def diagnose(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Fill `action` and `reasons` of `aggressors`, and list `suspects`."""
    found = tables["aggressors"].to_pylist()
    if not found:
        return {"aggressors": tables["aggressors"], "suspects": rows("suspects", [])}
    frame = Frame.from_tables(tables, context)
    scene = Scene.of(frame)
    doubt = Doubt.of(frame, scene.neighbourhood)
    members = members_by_concept(tables)
    probes = probes_of(tables.get("probes"))
    suspects: list[dict[str, object]] = []
    for record in context.progress(found, len(found), "diagnose"):
        member = np.zeros(len(frame), dtype=np.bool_)
        member[members[record["concept_id"]]] = True
        relabel, remove = to_relabel(member, frame, doubt), to_remove(member, frame, scene)
        evidence = replace(
            scene.evidence(member),
            impact=record["impact"],
            probes=probes.get(record["concept_id"], ()),
            relabeled=by_relabeling(frame, member, relabel),
            removed=by_removing(frame, member, remove),
        )
        advice = recommend(evidence)
        record["action"] = advice.actions[0]
        record["reasons"] = written(advice)
        considered = advice.actions[:CONSIDERED]
        listed = [one for one in (*relabel, *remove) if one.kind in considered]
        suspects += [{"concept_id": record["concept_id"], **asdict(one)} for one in listed]
    return {"aggressors": rows("aggressors", found), "suspects": rows("suspects", suspects)}


def again(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Ask of each aggressor whether a field that was added is the shortcut that train offers.

    Everything else that speaks for an action takes the model's embeddings and probabilities, or
    says nothing of an added field, and stays as the reasons have it. So do the suspects.
    """
    described = tables["metadata_fields"].to_pylist()
    added = {row["field"] for row in described if row["source"] == ADDED}
    found = tables["aggressors"].to_pylist()
    if not found or not added:
        return {"aggressors": tables["aggressors"]}
    frame = Frame.from_tables(tables, context)
    scene = Scene.of_added(frame, added)
    members = members_by_concept(tables)
    for record in context.progress(found, len(found), "diagnose"):
        member = np.zeros(len(frame), dtype=np.bool_)
        member[members[record["concept_id"]]] = True
        reasons = read(record["reasons"])
        known = next((one.value for one in reasons if one.evidence == "shortcut"), None)
        told = scene.shortcut(member)
        if told is None or told.strength <= (known or 0.0):
            continue
        measured = replace(scene.evidence(member), impact=record["impact"])
        advice = recommend(remembering(measured, reasons))
        record["action"] = advice.actions[0]
        record["reasons"] = written(advice)
    return {"aggressors": rows("aggressors", found)}


STAGE = Stage(
    name="diagnose",
    inputs=("samples", "metadata", "metadata_fields", "concepts", "assignments", "aggressors"),
    outputs=("aggressors", "suspects"),
    run=diagnose,
    optional=("embeddings", "probabilities", "probes", "metrics"),
)
AGAIN = Stage(
    name="diagnose",
    inputs=STAGE.inputs,
    outputs=("aggressors",),
    run=again,
    optional=("metrics",),
)
