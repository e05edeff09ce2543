"""Stage `correlate`: each metadata field against membership and loss.

Per concept, `membership` compares its members with the rest of the analysed population and `loss`
looks inside the members: what makes some of them worse than others. The rows of concept -1 hold
each field against loss over the whole population; their detail also says how the field differs
between the populations. Stratum `label` is the same within each label, averaged. Where the setting
`signal` names something else than the loss, `loss` stands for that.

Beside it `combinations` holds pairs of fields that say together what neither says alone, and
`fields_aside` the fields that are not shown on their own, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa

from aggressors.contracts import POPULATIONS
from aggressors.stages import associate, combine, wording
from aggressors.stages.associate import ALL_SAMPLES, Analysed, Finding, relate
from aggressors.stages.frame import Field, Frame, IntArray
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.screening import Aside, families, screen
from aggressors.stages.tables import rows
from aggressors.stats.association import Codes, coded, cramers_v, rank_biserial, ranked, relative
from aggressors.stats.clustering import Clusters
from aggressors.stats.multiple import holm
from aggressors.stats.splits import Placed
from aggressors.words import percent

MISSING_MATTERS = 0.1  # difference between populations in the share without a value that is named
Detail = dict[str, object]


def correlate(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Fill the three tables; the first is empty where no sample is analysed or no field varies."""
    frame = Frame.from_tables(tables, context)
    analysed = np.flatnonzero(frame.analysed & ~np.isnan(frame.signal))
    usable, aside = screen(frame)
    described = tables["metadata_fields"]
    source = dict(zip(described["field"].to_pylist(), described["source"].to_pylist(), strict=True))
    varying = [entry for entry in usable if _varies(entry, analysed)]
    aside += families(frame, varying, source, analysed)
    data = _analysed(frame, analysed, members_by_concept(tables))
    found: dict[int, list[Finding]] = {concept: [] for concept in (ALL_SAMPLES, *data.groups)}
    for entry in context.progress(usable, len(usable), "correlate"):
        shifts = _shifts(entry, frame, analysed)
        for concept, finding in relate(entry.at(analysed), data):
            if concept == ALL_SAMPLES:
                finding = replace(finding, detail=finding.detail | {"populations": shifts})
            found[concept].append(finding)
    shown = [entry for entry in varying if entry.name not in {one.field for one in aside}]
    pairs = combine.records(frame, analysed, shown, data)
    judged = {concept: _judged(each, pairs.get(concept, [])) for concept, each in found.items()}
    joint = [{"concept_id": concept} | one for concept, (_, each) in judged.items() for one in each]
    return {
        "correlations": rows(
            "correlations",
            [_record(concept, *one) for concept, (each, _) in judged.items() for one in each],
        ),
        "combinations": rows("combinations", joint),
        "fields_aside": rows("fields_aside", [asdict(one) for one in _ordered(aside, frame)]),
    }


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


def _analysed(frame: Frame, analysed: IntArray, members: dict[int, IntArray]) -> Analysed:
    """Members among the analysed samples, by position there."""
    position = np.full(len(frame), -1, dtype=np.int64)
    position[analysed] = np.arange(len(analysed))
    loss = frame.signal[analysed]
    narrow = np.int16 if len(frame.classes) < 2**15 else np.int64  # gathered often
    label: Codes | None = frame.label[analysed].astype(narrow) if frame.classes else None
    inside = {concept: position[members[concept]] for concept in sorted(members)}
    known = {concept: np.sort(at[at >= 0]) for concept, at in inside.items()}
    together = None if frame.group is None else Clusters.of(frame.group[analysed])
    return associate.analysed(loss, label, together, known, frame.settings)


def _varies(field: Field, at: IntArray) -> bool:
    if field.numbers is not None:
        known = field.numbers[at]
        known = known[~np.isnan(known)]
        return len(known) > 1 and bool(known.min() < known.max())
    assert field.codes is not None
    codes = field.codes[at]
    codes = codes[codes >= 0]
    return len(codes) > 1 and bool(codes.min() < codes.max())


def _ordered(aside: list[Aside], frame: Frame) -> list[Aside]:
    place = {entry.name: at for at, entry in enumerate(frame.fields)}
    return sorted(aside, key=lambda one: place[one.field])


# --- How the populations differ ---


def _shifts(field: Field, frame: Frame, analysed: IntArray) -> Detail:
    """Compare the field in the analysed population with each other population."""
    shifts: Detail = {}
    for name in POPULATIONS:
        other = np.flatnonzero(frame.in_population(name))
        if name == frame.settings.analysed or len(other) == 0:
            continue
        if field.name == "label" and name == "unlabeled":
            continue
        rows_of_both = np.concatenate([analysed, other])
        clusters = None if frame.group is None else Clusters.of(frame.group[rows_of_both])
        sides = wording.Sides(frame.settings.analysed, name)
        shift = _shift(field.at(rows_of_both), len(analysed), sides, frame.settings.level, clusters)
        if shift is not None:
            shifts[name] = shift
    return shifts


def _shift(
    field: Field, n: int, sides: wording.Sides, level: float, clusters: Clusters | None
) -> Detail | None:
    """Compare the first `n` samples with the others; None where either side has no value."""
    if not n:
        return None
    inside = np.arange(n)
    if field.numbers is not None:
        missing = np.isnan(field.numbers)
    else:
        assert field.codes is not None
        missing = field.codes < 0
    here, there = float(missing[:n].mean()), float(missing[n:].mean())
    sides = replace(sides, gaps=max(here, there) > associate.NAMED)
    first = (np.arange(len(missing)) < n).astype(np.float64)
    member = clusters.likeness(first) if clusters else 0.0
    if field.numbers is not None:
        base = ranked(field.numbers)
        alike = clusters.likeness(relative(base)) if clusters else 0.0
        widened = clusters.inflation(alike, member) if clusters else 1.0
        effect = rank_biserial(base, inside, level=level, inflation=widened)
        words = wording.number_membership(field, Placed.of(base, inside), sides)
    else:
        assert field.codes is not None
        k = len(field.categories)
        alike = clusters.likeness_of_codes(field.codes) if clusters else 0.0
        widened = clusters.inflation(alike, member) if clusters else 1.0
        counted = coded(field.codes, k)
        effect = cramers_v(counted, inside, level=level, inflation=widened)
        ours, theirs = (
            np.bincount(part[part >= 0], minlength=k) for part in np.split(field.codes, [n])
        )
        words = wording.category_membership(field, ours, theirs, sides) if k else {}
    if effect is None:
        return None
    sentence = str(words["sentence"])
    if abs(here - there) > MISSING_MATTERS:
        sentence += (
            f"; missing for {percent(here)} of {sides.ours}, {percent(there)} of {sides.theirs}"
        )
    return {
        "effect": effect.value,
        "low": effect.low,
        "high": effect.high,
        "sentence": sentence,
    }


def _judged(
    found: Sequence[Finding], pairs: Sequence[tuple[float, combine.Record]]
) -> tuple[list[tuple[Finding, float]], list[combine.Record]]:
    """Give what one concept has its q-values: over the whole list that is told of a target.

    A field is told within labels where it can be; what it says over all is judged apart. Pairs,
    with their p-values, stand in the list of what goes with membership.
    """
    within = {
        (one.field, one.target, one.effect.statistic) for one in found if one.stratum == "label"
    }
    lists: dict[tuple[str, bool], list[int]] = {}
    for at, one in enumerate(found):
        told = one.stratum == "label" or (one.field, one.target, one.effect.statistic) not in within
        lists.setdefault((one.target, told), []).append(at)
    q_values, of_pairs = np.ones(len(found)), np.ones(len(pairs))
    for key, listed in lists.items():
        p_values = [found[at].effect.p_value for at in listed]
        joined = [p_value for p_value, _ in pairs] if key == ("membership", True) else []
        adjusted = holm(np.array([*p_values, *joined]))
        q_values[listed] = adjusted[: len(listed)]
        if joined:
            of_pairs = adjusted[len(listed) :]
    return (
        list(zip(found, q_values.tolist(), strict=True)),
        [one | {"q_value": q} for (_, one), q in zip(pairs, of_pairs.tolist(), strict=True)],
    )


def _record(concept: int, entry: Finding, q_value: float) -> dict[str, object]:
    """One row of `correlations`."""
    return {
        "concept_id": concept,
        "field": entry.field,
        "target": entry.target,
        "stratum": entry.stratum,
        "statistic": entry.effect.statistic,
        "effect": entry.effect.value,
        "low": entry.effect.low,
        "high": entry.effect.high,
        "q_value": q_value,
        "n": entry.effect.n,
        "detail": json.dumps(entry.detail),
    }


STAGE = Stage(
    name="correlate",
    inputs=("samples", "metadata", "metadata_fields", "concepts", "assignments"),
    outputs=("correlations", "combinations", "fields_aside"),
    run=correlate,
    optional=("metrics",),
)
