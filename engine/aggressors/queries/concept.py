"""What the members of one concept have in common, and what shows them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from aggressors.contracts import (
    EVERYTHING,
    MAPPED,
    MISLED,
    MISTAKEN,
    Condition,
    Filter,
    Provenance,
)
from aggressors.errors import UsageError
from aggressors.queries.cards import cards, row_ids
from aggressors.queries.grammar import both
from aggressors.queries.scope import fetch, fetch_rows, scope
from aggressors.stats.diagnosis import Reason
from aggressors.stats.told import apart, read

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MAP_SETS = (*MAPPED, MISLED, MISTAKEN)  # with a mean map, in reading order


@dataclass(frozen=True, slots=True)
class Rule:
    """The shortest filter that describes a concept, and how well.

    `text` is a filter, '' where no rule is clear; `precision` is the share of its samples that are
    members, `recall` the share of members it covers.
    """

    text: str
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class Concept:
    """One group of the run; `level` is its depth below the top."""

    concept_id: int
    name: str
    rule: Rule
    found: Provenance
    parent_id: int | None
    level: int


def concept(run: RunFile, concept_id: int) -> Concept:
    """Name, rule and place of a concept.

    Raises
    ------
    UsageError : the run has no concept of this id.
    """
    sql = """
        SELECT name, rule, parent_id, level, (SELECT max(tested) FROM search) AS tested
        FROM concepts WHERE concept_id = $concept
    """
    rows = fetch_rows(run, sql, params={"concept": concept_id})
    if not rows:
        raise UsageError(
            f"Run {run.info.name!r} has no concept {concept_id}; `aggressors show` lists them."
        )
    name, raw, parent_id, level, tested = rows[0]
    rule = json.loads(raw) if raw else {}
    return Concept(
        concept_id,
        name,
        Rule(
            str(rule.get("filter") or ""),
            _share(rule.get("precision")),
            _share(rule.get("recall")),
        ),
        Provenance(
            str(rule.get("found_by") or ""),
            str(rule.get("space") or ""),
            rule.get("merged"),
            tested,
            rule.get("n_confirm"),
            _share(rule.get("coherence")),
            bool(rule.get("inside_label")),
        ),
        parent_id,
        level,
    )


def _share(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def stats(run: RunFile, concept_id: int) -> pa.Table:
    """Loss inside against the rest by population and fold: the columns of `concept_stats`."""
    sql = """
        SELECT * REPLACE (population::VARCHAR AS population) FROM concept_stats t
        WHERE t.concept_id = $concept ORDER BY t.population, t.fold
    """
    return fetch(run, sql, params={"concept": concept_id})


def associations(
    run: RunFile,
    concept_id: int,
    target: Literal["membership", "loss"] = "membership",
    stratum: Literal["label", "all"] = "label",
) -> pa.Table:
    """Metadata against membership or loss, the strongest first: one row a field.

    `queries.findings` tells what of it to show, with all that was tested.

    Parameters
    ----------
    concept_id : -1 for all samples.
    stratum : label orders by the effect within labels, so that a class does not pose as a cause,
        and takes the plain effect of fields that have no other; all orders by the plain effect.

    Returns
    -------
    field, kind, unit, statistic, stratum, effect with low and high, plain_effect, q_value, n,
    sentence, detail (JSON text).
    """
    sql = """
        SELECT field, statistic, stratum, effect, low, high, q_value, n,
            detail ->> '$.sentence' AS sentence, detail::VARCHAR AS detail
        FROM correlations
        WHERE concept_id = $concept AND target = $target
            AND statistic NOT IN ('mutual-information', 'missing')
        ORDER BY abs(effect) DESC, field
    """
    rows = fetch(run, sql, params={"concept": concept_id, "target": target}).to_pylist()
    plain = {row["field"]: row["effect"] for row in rows if row["stratum"] == "all"}
    parted = {row["field"] for row in rows if row["stratum"] == stratum}
    found = []
    for row in rows:
        field = row["field"]
        if row["stratum"] == stratum or (row["stratum"] == "all" and field not in parted):
            info = run.fields.get(field)
            told = {"kind": info.kind, "unit": info.unit} if info else _UNKNOWN
            found.append(row | told | {"plain_effect": plain.get(field)})
    return pa.Table.from_pylist(found, schema=_ASSOCIATIONS)


_UNKNOWN = {"kind": "category", "unit": ""}  # of a field that is no metadata, such as the label
_ASSOCIATIONS = pa.schema(
    [
        ("field", pa.string()), ("kind", pa.string()), ("unit", pa.string()),
        ("statistic", pa.string()), ("stratum", pa.string()), ("effect", pa.float64()),
        ("low", pa.float64()), ("high", pa.float64()), ("plain_effect", pa.float64()),
        ("q_value", pa.float64()), ("n", pa.int64()), ("sentence", pa.string()),
        ("detail", pa.string()),
    ]
)  # fmt: skip


def representatives(run: RunFile, concept_id: int, reason: str | None = None) -> pa.Table:
    """Show the samples that stand for a concept, with their media and heatmaps.

    Parameters
    ----------
    reason : central, worst, diverse or counter; None for all of them.

    Returns
    -------
    row_id, reason, rank, alike (near-duplicates for which it stands), then what `cards` adds, by
    reason and rank.
    """
    sql = """
        SELECT reason, rank, sample_id, alike FROM representatives
        WHERE concept_id = $concept AND ($reason IS NULL OR reason = $reason)
        ORDER BY reason, rank
    """
    found = fetch(run, sql, params={"concept": concept_id, "reason": reason})
    return by_sample_id(run, found, heatmaps=True)


def mean_maps(run: RunFile, concept_id: int) -> pa.Table:
    """Averaged heatmaps: of, method, target, n, height, width, scale, pixels."""
    sql = """
        SELECT of, method, target, n, height, width, scale, pixels FROM mean_maps
        WHERE concept_id = $concept
        ORDER BY list_position($order, of), target DESC
    """
    return fetch(run, sql, params={"concept": concept_id, "order": list(MAP_SETS)})


def confusion(run: RunFile, filter: Filter = EVERYTHING, concept_id: int | None = None) -> pa.Table:
    """Labels against predictions, among labeled samples.

    Returns
    -------
    label, prediction, n, share (of the label), in the order of the classes; no rows for
    regression.
    """
    sql = """
        SELECT s.label::VARCHAR AS label, s.prediction::VARCHAR AS prediction, count(*) AS n,
            count(*) / sum(count(*)) OVER (PARTITION BY s.label) AS share
        FROM {source}
        WHERE s.label IS NOT NULL AND s.prediction IS NOT NULL AND {judged} AND {where}
        GROUP BY s.label, s.prediction ORDER BY s.label, s.prediction
    """
    if concept_id is not None:
        filter = both(Condition("concept", "=", (concept_id,)), filter)
    return fetch(run, sql, scope(run, filter), judged="TRUE" if run.classes else "FALSE")


def reasons(run: RunFile, concept_id: int) -> tuple[Reason, ...]:
    """Evidence for the recommended action, the weightiest first."""
    return apart(told(run, concept_id))[0]


def told(run: RunFile, concept_id: int) -> tuple[Reason, ...]:
    """Read reasons and wins of a concept as they were written; none where it is no aggressor."""
    rows = fetch_rows(
        run,
        "SELECT reasons FROM aggressors WHERE concept_id = $concept",
        params={"concept": concept_id},
    )
    return read(rows[0][0]) if rows else ()


def by_sample_id(run: RunFile, found: pa.Table, *, heatmaps: bool = False) -> pa.Table:
    """Show the samples of a short table that knows them by `sample_id`; see `cards`."""
    place = row_ids(run, found["sample_id"].to_pylist())
    rows = [place[sample_id] for sample_id in found["sample_id"].to_pylist()]
    found = found.append_column("row_id", pa.array(rows, pa.int64()))
    return cards(run, found.drop_columns(["sample_id"]), heatmaps=heatmaps)
