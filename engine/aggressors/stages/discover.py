"""Concepts and aggressors: found on the discover half, confirmed on the other, applied to all."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from aggressors.contracts import POPULATIONS
from aggressors.queries.grammar import format_filter
from aggressors.slicing.concept import levels, parents
from aggressors.slicing.literals import as_filter
from aggressors.slicing.points import BoolArray
from aggressors.slicing.show import representatives
from aggressors.stages.frame import Frame
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.searching import Reported, Searched, own_fields, search
from aggressors.stages.tables import empty, rows, table
from aggressors.stats.severity import floor_of, impact, loss_gaps

OUTPUTS = ("search", "concepts", "assignments", "concept_stats", "aggressors", "representatives")


def run(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Find, confirm, rank, name and show the groups on which the model underperforms.

    Returns
    -------
    The tables of `OUTPUTS`; all but `search` are empty where nothing is found. `action`
    is NULL and `reasons` an empty list until the diagnosis.
    """
    frame = Frame.from_tables(tables, context)
    searched = search(frame, own_fields(tables), context.slicers)
    done = {
        "search": table(
            "search",
            n_discover=[searched.n_discover],
            n_confirm=[searched.n_confirm],
            tested=[searched.tested],
        )
    }
    if not searched.reported:
        return {name: empty(name) for name in OUTPUTS} | done
    return _tables(searched, frame) | done


def _tables(searched: Searched, frame: Frame) -> dict[str, pa.Table]:
    reported, names = searched.reported, searched.names()
    parent = parents(searched.members())
    stats = _stats(reported, frame)
    return {
        "concepts": _concepts(reported, names, parent),
        "assignments": _assignments(reported, frame),
        "concept_stats": rows("concept_stats", stats),
        "aggressors": _aggressors(reported, names, stats, frame),
        "representatives": _representatives(searched, frame),
    }


def _concepts(reported: list[Reported], names: list[str], parent: list[int | None]) -> pa.Table:
    depth = levels(parent)
    return rows(
        "concepts",
        [
            {
                "concept_id": place + 1,
                "name": names[place],
                "rule": _rule(each),
                "parent_id": None if above is None else above + 1,
                "level": depth[place],
            }
            for place, (each, above) in enumerate(zip(reported, parent, strict=True))
        ],
    )


def _rule(each: Reported) -> str:
    """How the group is described, how well, and how it was found, as JSON."""
    description, finding = each.description, each.finding
    clear = description.clear
    return json.dumps(
        {
            "filter": format_filter(as_filter(description.conditions)) if clear else None,
            "precision": round(description.precision, 4) if clear else None,
            "recall": round(description.recall, 4) if clear else None,
            "found_by": finding.concept.best.found_by,
            "fdr": finding.q_value,
            "merged": finding.merged,
            "inside_label": bool(finding.concept.best.labels),
            "coherence": None if np.isnan(finding.coherence) else round(finding.coherence, 4),
            "n_confirm": finding.gap.n,
        }
        | ({"space": finding.concept.space} if finding.concept.space else {})
    )


def _assignments(reported: list[Reported], frame: Frame) -> pa.Table:
    found = [np.flatnonzero(each.member) for each in reported]
    concept = np.repeat(np.arange(1, len(found) + 1), [len(each) for each in found])
    row = np.concatenate(found)
    return pa.table(
        [
            pa.array(concept, pa.int32()),
            pa.array(row, pa.int64()),
            pa.array(frame.sample_id[row], pa.string()),
            pa.array(np.concatenate([each.score for each in reported]), pa.float32()),
        ],
        schema=empty("assignments").schema,
    )


def _stats(reported: list[Reported], frame: Frame) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    members = np.array([each.member for each in reported])
    for population in POPULATIONS:
        inside = frame.in_population(population)
        if not inside.any():
            continue
        if population == frame.settings.analysed:
            parts = [("discover", frame.discover), ("confirm", frame.confirm), ("both", inside)]
        else:
            parts = [("both", inside)]
        for fold, part in parts:
            found += _fold_stats(reported, members, frame, population, fold, part)
    return found


def _fold_stats(
    reported: list[Reported],
    members: BoolArray,
    frame: Frame,
    population: str,
    fold: str,
    part: BoolArray,
) -> Iterable[dict[str, object]]:
    known = part & np.isfinite(frame.signal)
    signal, weight = frame.signal[known], frame.weight[known]
    group = None if frame.group is None else frame.group[known]
    level = frame.settings.level
    gaps = loss_gaps(signal, members[:, known], weight=weight, group=group, level=level)
    everyone = frame.in_population(population) & np.isfinite(frame.signal)
    above = frame.signal[everyone] - floor_of(frame.signal[everyone])
    total = float(above @ frame.weight[everyone])
    for place, (each, member) in enumerate(zip(reported, members, strict=True)):
        gap = gaps[place]
        judged = fold == "confirm"
        # The half that confirms speaks for both.
        counted = (member & (everyone if judged else known)).astype(float) @ frame.weight
        sure = bool(np.isfinite(gap.value))
        yield {
            "concept_id": place + 1,
            "population": population,
            "fold": fold,
            "n": int((member & part).sum()),
            "mean_loss": gap.inside if np.isfinite(gap.inside) else None,
            "rest_loss": gap.rest if np.isfinite(gap.rest) else None,
            "gap": gap.value if sure else None,
            "gap_low": gap.low if sure else None,
            "gap_high": gap.high if sure else None,
            "p_value": each.finding.gap.p_value if judged else None,
            "q_value": each.finding.q_value if judged else None,
            "severity": gap.low if sure else None,
            "impact": impact(counted, gap.value, total) if sure else None,
        }


def _aggressors(
    reported: list[Reported], names: list[str], stats: list[dict[str, object]], frame: Frame
) -> pa.Table:
    judged = [row for row in stats if row["fold"] == "confirm"]
    return rows(
        "aggressors",
        [
            {
                "concept_id": place + 1,
                "rank": place + 1,
                "name": names[place],
                "status": each.finding.status,
                "severity": row["severity"],
                "impact": row["impact"],
                "n": int((each.member & frame.analysed).sum()),
                "n_known": int((each.member & frame.analysed & np.isfinite(frame.signal)).sum()),
                "n_core": int(_core(each.member, frame).sum()),
                "action": None,
                "reasons": "[]",
            }
            for place, (each, row) in enumerate(zip(reported, judged, strict=True))
        ],
    )


def _core(member: BoolArray, frame: Frame) -> BoolArray:
    """(n,) members in the analysed population that fail, compared with the rest of it."""
    known = frame.analysed & np.isfinite(frame.signal)
    return np.asarray(member & frame.failing(known & ~member))


def _representatives(searched: Searched, frame: Frame) -> pa.Table:
    points, order = searched.points, searched.order
    records: list[dict[str, object]] = []
    for place, each in enumerate(searched.reported):
        score = np.zeros(len(frame))
        score[each.member] = each.score
        shown = representatives(
            each.member[order],
            score[order],
            points.seen_in(each.finding.concept.space).space[order],
            frame.signal[order],
            frame.label[order],
            frame.settings.representatives,
        )
        records += [
            {
                "concept_id": place + 1,
                "reason": reason,
                "rank": rank,
                "sample_id": frame.sample_id[order[row]],
                "alike": int(alike),
            }
            for reason, chosen in shown.items()
            for rank, (row, alike) in enumerate(
                zip(chosen.rows, chosen.alike, strict=True), start=1
            )
        ]
    return rows("representatives", records)


STAGE = Stage(
    name="discover",
    inputs=("samples", "metadata", "metadata_fields"),
    outputs=OUTPUTS,
    run=run,
    optional=("embeddings", "spaces", "probabilities", "metrics"),
)
