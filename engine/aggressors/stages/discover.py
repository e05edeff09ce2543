"""Concepts and aggressors: found on the discover half, confirmed on the other, applied to all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import POPULATIONS
from aggressors.queries.grammar import format_filter
from aggressors.slicing.concept import Reference, levels, parents, parts_last
from aggressors.slicing.confirm import Half
from aggressors.slicing.find import Finding, Search, find
from aggressors.slicing.literals import as_filter
from aggressors.slicing.name import Description, describe, distinct, name_of
from aggressors.slicing.points import BoolArray, FloatArray, IntArray, Points
from aggressors.slicing.show import representatives
from aggressors.slicing.space import Space, metadata_vectors
from aggressors.stages.frame import Frame
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.tables import empty, rows, table
from aggressors.stats.severity import floor_of, impact, loss_gaps

OUTPUTS = ("search", "concepts", "assignments", "concept_stats", "aggressors", "representatives")
MAX_SEARCHED = 10_000  # samples of each half among which groups are sought
MAX_DESCRIBED = 20_000  # analysed samples over which a name's precision and recall are counted
MAX_REFERENCE = 4_096  # analysed samples among which a member's neighbours are counted


@dataclass(frozen=True, eq=False)
class _Reported:
    """One finding applied to all n samples: (n,) members, (members,) score."""

    finding: Finding
    member: BoolArray
    score: FloatArray
    description: Description


def run(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Find, confirm, rank, name and show the groups on which the model underperforms.

    Returns
    -------
    The tables of `OUTPUTS`; all but `search` are empty where nothing is found. `action`
    is NULL and `reasons` an empty list until the diagnosis.
    """
    frame = Frame.from_tables(tables, context)
    usable = frame.analysed & np.isfinite(frame.signal)
    order = _canonical(frame, np.flatnonzero(usable))
    halves = order[frame.discover[order]], order[frame.confirm[order]]
    searched, judging = (rows[_sampled(frame, len(rows), MAX_SEARCHED)] for rows in halves)
    points = _points(frame, np.concatenate([searched, judging]))
    search = find(
        _half(frame, points.take(searched), searched),
        _half(frame, points.take(judging), judging),
        frame.settings,
        context.slicers,
    )
    done = {"search": _search(search, len(searched), len(judging))}
    if not search.findings:
        return {name: empty(name) for name in OUTPUTS} | done
    own = _own_fields(tables)
    reported = [_applied(each, frame, points, order, own) for each in search.findings]
    if len(judging) < len(halves[1]):
        reported = _settled(reported, search, frame, halves[1])
    return _tables(_ranked(reported, frame), frame, points, order) | done


def _search(search: Search, n_discover: int, n_confirm: int) -> pa.Table:
    tested = 0 if search.tested is None else len(search.tested)
    return table("search", n_discover=[n_discover], n_confirm=[n_confirm], tested=[tested])


def _canonical(frame: Frame, found: IntArray) -> IntArray:
    """Sort rows by their ids, so that the order of the tables does not matter."""
    ids = frame.sample_id[found]
    if len(ids) < 2 or bool(np.all(ids[:-1] <= ids[1:])):
        return found
    return found[np.argsort(ids, kind="stable")]


def _sampled(frame: Frame, n: int, most: int) -> IntArray:
    """At most `most` of n positions, ascending, drawn with the run's seed."""
    if n <= most:
        return np.arange(n)
    drawn = np.random.default_rng(frame.settings.seed).choice(n, most, replace=False)
    return np.sort(drawn)


def _points(frame: Frame, fit: IntArray) -> Points:
    """All samples, placed in spaces fitted on the rows `fit`."""
    vectors = frame.embedding
    if vectors is None:
        vectors = metadata_vectors(frame.fields, len(frame), fit).astype(np.float32)
    placed, *further = (
        _placed(each, fit, frame.settings.pca) for each in (vectors, *frame.spaces.values())
    )
    others = dict(zip(frame.spaces, further, strict=True))
    return Points(placed, frame.label, frame.probabilities, frame.classes, frame.fields, others)


def _placed(vectors: NDArray[np.float32], fit: IntArray, dimensions: int) -> FloatArray:
    """(n, p) positions of (n, d) vectors."""
    if not len(fit) or not vectors.shape[1]:
        return np.empty((len(vectors), 0))
    return Space.fit(vectors[fit], dimensions).place(vectors)


def _half(frame: Frame, points: Points, rows: IntArray) -> Half:
    group = None if frame.group is None else frame.group[rows]
    return Half(points, frame.signal[rows], frame.weight[rows], group)


def _settled(
    reported: list[_Reported], search: Search, frame: Frame, rows: IntArray
) -> list[_Reported]:
    """Judge by the whole half what was found with a part of it."""
    bare = Points(np.empty((len(rows), 0)), frame.label[rows], None, frame.classes, ())
    whole = _half(frame, bare, rows)
    return [
        replace(each, finding=search.settled(each.finding, each.member[rows], whole))
        for each in reported
    ]


def _own_fields(tables: Tables) -> frozenset[str]:
    described = tables["metadata_fields"]
    pairs = zip(described["field"].to_pylist(), described["source"].to_pylist(), strict=True)
    return frozenset(field for field, source in pairs if source != "built-in")


def _applied(
    finding: Finding, frame: Frame, points: Points, order: IntArray, own: frozenset[str]
) -> _Reported:
    reference = Reference(points.take(order[_sampled(frame, len(order), MAX_REFERENCE)]))
    member, score = reference.score(finding.concept, points)
    composition = order[_sampled(frame, len(order), MAX_DESCRIBED)]
    description = describe(
        member[composition], points.take(composition), own=own, best=finding.concept.best
    )
    return _Reported(finding, member, score, description)


def _ranked(reported: list[_Reported], frame: Frame) -> list[_Reported]:
    """Put confirmed before tentative and, within each, parts after the wholes."""
    confirmed = [each for each in reported if each.finding.status == "confirmed"]
    tentative = [each for each in reported if each.finding.status == "tentative"]
    found = []
    for group in (confirmed, tentative):
        members = np.array([each.member[frame.analysed] for each in group], dtype=np.bool_)
        found += [group[place] for place in parts_last(members)] if group else []
    return found


def _tables(
    reported: list[_Reported], frame: Frame, points: Points, order: IntArray
) -> dict[str, pa.Table]:
    members = np.array([each.member[order] for each in reported])
    composition = points.take(order)
    parent = parents(members)
    names = distinct(
        [
            name_of(each.description, member, composition, each.finding.concept.space)
            for each, member in zip(reported, members, strict=True)
        ]
    )
    stats = _stats(reported, frame)
    return {
        "concepts": _concepts(reported, names, parent),
        "assignments": _assignments(reported, frame),
        "concept_stats": rows("concept_stats", stats),
        "aggressors": _aggressors(reported, names, stats, frame),
        "representatives": _representatives(reported, frame, points, order),
    }


def _concepts(reported: list[_Reported], names: list[str], parent: list[int | None]) -> pa.Table:
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


def _rule(each: _Reported) -> str:
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


def _assignments(reported: list[_Reported], frame: Frame) -> pa.Table:
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


def _stats(reported: list[_Reported], frame: Frame) -> list[dict[str, object]]:
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
    reported: list[_Reported],
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
    reported: list[_Reported], names: list[str], stats: list[dict[str, object]], frame: Frame
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


def _representatives(
    reported: list[_Reported], frame: Frame, points: Points, order: IntArray
) -> pa.Table:
    records: list[dict[str, object]] = []
    for place, each in enumerate(reported):
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
