"""Stage `correlate`: each metadata field against membership and loss.

Per concept, `membership` compares its members with the rest of the analysed population and `loss`
looks inside the members: what makes some of them worse than others. The rows of concept -1 hold
each field against loss over the whole population; their detail also says how the field differs
between the populations. Stratum `label` is the same within each label, averaged. Where the setting
`signal` names something else than the loss, `loss` stands for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from aggressors.contracts import POPULATIONS, Settings
from aggressors.stages import wording
from aggressors.stages.frame import Field, FloatArray, Frame, IntArray
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.tables import rows
from aggressors.stats.association import (
    Coded,
    Effect,
    Ranked,
    coded,
    correlation_ratio,
    cramers_v,
    rank_biserial,
    ranked,
    spearman,
)
from aggressors.stats.multiple import benjamini_hochberg
from aggressors.words import spoken

ALL_SAMPLES = -1
MAX_CATEGORIES = 100
STRATA = ("all", "label")
Detail = dict[str, object]


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of `correlations`, before its q-value."""

    field: str
    target: str
    stratum: str
    effect: Effect
    detail: Detail


@dataclass(frozen=True, slots=True)
class Prepared:
    """One field over the analysed population, ranked or counted once for all concepts."""

    field: Field
    plain: Ranked | Coded
    within: Ranked | Coded | None


def correlate(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Fill `correlations`; empty where no sample is analysed or no field varies."""
    frame = Frame.from_tables(tables, context)
    analysed = np.flatnonzero(frame.analysed & ~np.isnan(frame.signal))
    every = usable_fields(frame)
    label = frame.label[analysed] if frame.classes else None
    fields = [take(entry, analysed) for entry in every]
    prepared = [_prepare(entry, label) for entry in fields if _varies(entry)]
    loss = frame.signal[analysed]
    found = list(_loss_findings(prepared, loss, label, context.settings))
    shifts = {entry.name: _shifts(entry, frame, analysed) for entry in every}
    found = [replace(e, detail=e.detail | {"populations": shifts[e.field]}) for e in found]
    records = _records(ALL_SAMPLES, found)
    position = np.full(len(frame), -1, dtype=np.int64)
    position[analysed] = np.arange(len(analysed))
    members = members_by_concept(tables)
    for concept in context.progress(sorted(members), len(members), "correlate"):
        inside = position[members[concept]]
        inside = np.sort(inside[inside >= 0])
        found = list(_member_findings(prepared, inside, context.settings.level))
        own = [_prepare(e, _at(label, inside)) for e in (take(f, inside) for f in fields)]
        found += _loss_findings(
            [e for e in own if _varies(e.field)], loss[inside], _at(label, inside),
            context.settings,
        )  # fmt: skip
        records += _records(concept, found)
    return {"correlations": rows("correlations", records)}


def usable_fields(frame: Frame) -> list[Field]:
    """Numbers, categories and the label; not text, identifiers or more than 100 categories."""
    fields = [
        entry
        for entry in frame.fields
        if entry.kind == "number"
        or (entry.kind == "category" and len(entry.categories) <= MAX_CATEGORIES)
    ]
    if frame.classes and all(entry.name != "label" for entry in fields):
        fields.append(Field("label", "category", "", None, frame.label, frame.classes))
    return fields


def members_by_concept(tables: Tables) -> dict[int, IntArray]:
    """Row ids of each concept of `concepts`, sorted; a concept without members has none."""
    assignments = tables["assignments"]
    concept = assignments["concept_id"].to_numpy().astype(np.int64)
    row = assignments["row_id"].to_numpy().astype(np.int64)
    order = np.lexsort((row, concept))
    known = sorted(tables["concepts"]["concept_id"].to_pylist())
    edges = np.searchsorted(concept[order], [*known, np.iinfo(np.int32).max])
    ends = np.searchsorted(concept[order], known, side="right")
    return {
        entry: row[order[first:last]]
        for entry, first, last in zip(known, edges[:-1], ends, strict=True)
    }


def take(field: Field, at: IntArray) -> Field:
    """One field over the chosen samples."""
    return Field(
        field.name,
        field.kind,
        field.unit,
        None if field.numbers is None else field.numbers[at],
        None if field.codes is None else field.codes[at],
        field.categories,
    )


def _at(label: IntArray | None, inside: IntArray) -> IntArray | None:
    return None if label is None else label[inside]


def _varies(field: Field) -> bool:
    if field.numbers is not None:
        known = field.numbers[~np.isnan(field.numbers)]
        return len(known) > 1 and bool(known.min() < known.max())
    known_codes = _codes(field)[_codes(field) >= 0]
    return len(known_codes) > 1 and bool(known_codes.min() < known_codes.max())


def _codes(field: Field) -> IntArray:
    assert field.codes is not None
    return field.codes


def _prepare(field: Field, label: IntArray | None) -> Prepared:
    stratified = label is not None and field.name != "label"
    if field.numbers is not None:
        within = ranked(field.numbers, label) if stratified else None
        return Prepared(field, ranked(field.numbers), within)
    k = len(field.categories)
    return Prepared(
        field,
        coded(_codes(field), k),
        coded(_codes(field), k, label) if stratified else None,
    )


def _member_findings(prepared: list[Prepared], inside: IntArray, level: float) -> Iterator[Finding]:
    for entry in prepared:
        detail: Detail | None = None
        for stratum, base in zip(STRATA, (entry.plain, entry.within), strict=True):
            effect: Effect | None = None
            if isinstance(base, Ranked):
                effect = rank_biserial(base, inside, level=level)
            elif isinstance(base, Coded):
                effect = cramers_v(base, inside, level=level)
            if effect is not None:
                detail = detail or wording.membership(entry.field, inside)
                yield Finding(entry.field.name, "membership", stratum, effect, detail)


def _loss_findings(
    prepared: list[Prepared], loss: FloatArray, label: IntArray | None, settings: Settings
) -> Iterator[Finding]:
    for entry in prepared:
        detail: Detail | None = None
        for stratum, base in zip(STRATA, (entry.plain, entry.within), strict=True):
            effect = None if base is None else _against_loss(base, loss, settings.level)
            if effect is not None:
                detail = detail or wording.against_loss(entry.field, loss, spoken(settings.signal))
                yield Finding(entry.field.name, "loss", stratum, effect, detail)


def _against_loss(base: Ranked | Coded, loss: FloatArray, level: float) -> Effect | None:
    """Compare with loss: ranks for a number, loss cut at its 99th percentile for a category.

    Ranks alone would hide a category in which few samples fail, but badly; without the cut, one
    huge loss would decide.
    """
    if isinstance(base, Ranked):
        shared = np.where(np.isnan(base.rank), np.nan, loss)
        return spearman(base, ranked(shared, base.stratum), level=level)
    return correlation_ratio(base, np.minimum(loss, np.quantile(loss, 0.99)), level=level)


def _shifts(field: Field, frame: Frame, analysed: IntArray) -> Detail:
    """Compare the field in the analysed population with each other population."""
    shifts: Detail = {}
    for name in POPULATIONS:
        other = np.flatnonzero(frame.in_population(name))
        if name == frame.settings.analysed or len(other) == 0:
            continue
        if field.name == "label" and name == "unlabeled":
            continue
        both = take(field, np.concatenate([analysed, other]))
        inside = np.arange(len(analysed))
        base = _prepare(both, None).plain
        effect = (
            rank_biserial(base, inside, level=frame.settings.level)
            if isinstance(base, Ranked)
            else cramers_v(base, inside, level=frame.settings.level)
        )
        if effect is not None:
            words = wording.membership(both, inside, frame.settings.analysed, name)
            shifts[name] = {
                "effect": effect.value,
                "low": effect.low,
                "high": effect.high,
                "sentence": words["sentence"],
            }
    return shifts


def _records(concept: int, found: list[Finding]) -> list[dict[str, object]]:
    """Rows with q-values over the fields of each target and stratum."""
    q_value = np.ones(len(found))
    for key in {(entry.target, entry.stratum) for entry in found}:
        at = [i for i, entry in enumerate(found) if (entry.target, entry.stratum) == key]
        q_value[at] = benjamini_hochberg(np.array([found[i].effect.p_value for i in at]))
    return [
        {
            "concept_id": concept,
            "field": entry.field,
            "target": entry.target,
            "stratum": entry.stratum,
            "statistic": entry.effect.statistic,
            "effect": entry.effect.value,
            "low": entry.effect.low,
            "high": entry.effect.high,
            "q_value": float(q),
            "n": entry.effect.n,
            "detail": json.dumps(entry.detail),
        }
        for entry, q in zip(found, q_value, strict=True)
    ]


STAGE = Stage(
    name="correlate",
    inputs=("samples", "metadata", "metadata_fields", "concepts", "assignments"),
    outputs=("correlations",),
    run=correlate,
    optional=("metrics",),
)
