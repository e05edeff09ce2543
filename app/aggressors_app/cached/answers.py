"""Answers of the run files, each kept under the run's id and the text of the filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa
import streamlit as st

from aggressors import words
from aggressors.contracts import Aggressor, Attention, DiscoveryFacts, Provenance
from aggressors.errors import FilterError
from aggressors.queries import alike as nearest
from aggressors.queries import attention as attended
from aggressors.queries import (
    claims,
    concept,
    drift,
    explore,
    fields,
    maps,
    marks,
    overview,
    points,
    samples,
    solve,
    telling,
    track,
    unusual,
)
from aggressors.queries import findings as findings_of
from aggressors.queries.claims import Judged
from aggressors.queries.grammar import parse
from aggressors.stats.alignment import Similarity
from aggressors.stats.calibration import Calibration
from aggressors_app.about import with_facts
from aggressors_app.cached.runs import remember, run_file
from aggressors_app.format import typeset

HISTOGRAM_BINS = 10  # of the signal, in the ranked table


# --- The run as a whole ---


@remember
def totals(run_id: str, filter: str) -> overview.Totals:
    """Count samples, average loss and error under a filter."""
    return overview.totals(run_file(run_id), parse(filter))


@remember
def aggressors(run_id: str) -> tuple[Aggressor, ...]:
    """All aggressors by rank, with their names as they stand on screen."""
    found = overview.aggressors(run_file(run_id))
    return tuple(replace(one, name=typeset(one.name)) for one in found)


@remember
def in_scope(run_id: str, filter: str) -> pa.Table:
    """How much of each aggressor the filter leaves."""
    return overview.in_scope(run_file(run_id), parse(filter))


@remember
def explained(run_id: str) -> overview.Explained:
    """Read what the confirmed aggressors account for together."""
    return overview.loss_explained(run_file(run_id))


@remember
def histograms(
    run_id: str, filter: str, bins: int = HISTOGRAM_BINS
) -> Mapping[int, tuple[float, ...]]:
    """Share of samples per bin of the signal, by concept; -1 for all."""
    found = overview.loss_histograms(run_file(run_id), parse(filter), bins)
    counts: dict[int, list[int]] = {}
    for concept_id, n in zip(found["concept_id"].to_pylist(), found["n"].to_pylist(), strict=True):
        counts.setdefault(concept_id, []).append(n)
    return {
        concept_id: tuple(n / max(sum(found), 1) for n in found)
        for concept_id, found in counts.items()
    }


@remember
def discovery(run_id: str) -> DiscoveryFacts:
    """How the search went."""
    return overview.discovery_facts(run_file(run_id))


# --- Fields ---


@remember
def field_list(run_id: str) -> Mapping[str, fields.FieldSummary]:
    """Every field that has a value in this run, by name."""
    run = run_file(run_id)
    everyone = sum(run.populations.values())
    return {
        entry.name: entry
        for entry in fields.fields(run)
        if entry.missing < everyone or not everyone
    }


@remember
def prominent(run_id: str) -> tuple[str, ...]:
    """Metadata fields that a filter can use: the user's own first, then what says most of loss."""
    run = run_file(run_id)
    ordered = concept.associations(run, overview.EVERYONE, "loss")["field"].to_pylist()
    usable = [name for name, info in run.fields.items() if info.kind in ("number", "category")]
    found = [name for name in dict.fromkeys([*ordered, *usable]) if name in usable]
    return tuple(sorted(found, key=lambda name: run.fields[name].source == "built-in"))


@remember
def field_values(
    run_id: str, field: str, limit: int, search: str = ""
) -> tuple[tuple[str, int], ...]:
    """List the most frequent values of a field that hold a text, and how many samples have each."""
    found = fields.values(run_file(run_id), field, search, limit)
    return tuple(zip(found["value"].to_pylist(), found["n"].to_pylist(), strict=True))


@remember
def not_found(run_id: str, field: str, listed: tuple[str, ...]) -> tuple[str, ...]:
    """Tell which listed values of a field no sample has, in the order of the list."""
    return fields.not_found(run_file(run_id), field, listed)


@st.cache_resource(show_spinner=False, max_entries=4)
def yardsticks(run_id: str) -> unusual.Yardsticks:
    """Summarise what the values of a sample are compared with; read only."""
    return unusual.yardsticks(run_file(run_id))


# --- Comparisons ---


@remember
def field_vs_loss(run_id: str, filter: str, field: str) -> pa.Table:
    """Mean signal by value of a field."""
    return explore.field_vs_loss(run_file(run_id), parse(filter), field, bins=16, top=14)


@remember
def fields_vs_loss(run_id: str, filter: str, across: str, up: str) -> pa.Table:
    """Mean signal by the values of two fields at once."""
    return explore.fields_vs_loss(run_file(run_id), parse(filter), across, up)


@remember
def compared(run_id: str, pair: drift.Pair, field: str) -> drift.Compared:
    """How a field is spread over two groups of samples."""
    return drift.compared(run_file(run_id), pair, field)


@remember
def differences(run_id: str, pair: drift.Pair, skip: tuple[str, ...] = ()) -> pa.Table:
    """Fields in which two groups of samples differ, the most first."""
    return drift.differences(run_file(run_id), pair, skip)


@remember
def reliability(run_id: str, filter: str) -> Calibration | None:
    """How sure the model is against how often it is right."""
    return explore.reliability(run_file(run_id), parse(filter))


# --- Map ---


@remember
def has_map(run_id: str) -> bool:
    """Whether samples lie at different places of the map."""
    return maps.has_map(run_file(run_id))


@remember
def map_bins(
    run_id: str, filter: str, color: str, view: maps.View, size: int, placed: Similarity
) -> maps.MapBins:
    """Count samples by cell of the map, coloured by what `points.color_of` knows."""
    run = run_file(run_id)
    by = points.color_of(run, color)
    return maps.map_bins(run, parse(filter), by, view, size, placed)


@remember
def map_points(
    run_id: str, filter: str, colors: tuple[str, ...], view: maps.View, placed: Similarity
) -> pa.Table:
    """Read the samples in view one by one, with what they are coloured by."""
    run = run_file(run_id)
    by = [points.color_of(run, color) for color in colors]
    return points.points(run, parse(filter), by, view=view, placed=placed).table


@remember
def thumbnails(run_id: str, row_ids: tuple[int, ...]) -> Mapping[int, bytes]:
    """Pictures of some samples."""
    return points.thumbnails(run_file(run_id), row_ids)


@remember
def outlines(run_id: str) -> tuple[maps.Outline, ...]:
    """Where the aggressors lie on the map."""
    return maps.outlines(run_file(run_id), cells=32)


# --- One aggressor ---


@remember
def found(run_id: str, concept_id: int) -> Provenance:
    """How a concept was found."""
    return concept.concept(run_file(run_id), concept_id).found


def how_found(run_id: str, one: Aggressor) -> str:
    """Say in a sentence what was done to find an aggressor."""
    return words.how_found(found(run_id, one.concept_id), one.q_value)


@remember
def stats(run_id: str, concept_id: int) -> pa.Table:
    """Signal inside against the rest by population and fold."""
    return concept.stats(run_file(run_id), concept_id)


@remember
def associations(run_id: str, concept_id: int) -> pa.Table:
    """List what the members share, the strongest within labels first."""
    return concept.associations(run_file(run_id), concept_id)


@remember
def findings(run_id: str, concept_id: int, target: findings_of.Target) -> findings_of.Findings:
    """List what is characteristic of a concept, or of the loss in it; -1 for all samples."""
    return findings_of.findings(run_file(run_id), concept_id, target)


@remember
def representatives(run_id: str, concept_id: int, reason: str) -> pa.Table:
    """List samples that show a concept."""
    found = concept.representatives(run_file(run_id), concept_id, reason)
    return with_facts(run_file(run_id), found, prominent(run_id), lambda: yardsticks(run_id))


@remember
def words_of(run_id: str, concept_id: int) -> telling.Telling:
    """Words that tell the texts of a concept from the rest."""
    return telling.telling(run_file(run_id), concept_id)


@remember
def explanation(run_id: str) -> attended.Explanation:
    """How heatmaps were made, or why there are none."""
    return attended.explanation(run_file(run_id))


@remember
def looks(run_id: str, concept_id: int) -> attended.Looks:
    """Averaged heatmaps of a concept, and how they differ."""
    return attended.looks(run_file(run_id), concept_id)


@remember
def attention(run_id: str, concept_id: int) -> tuple[Attention, ...]:
    """Numbers of the heatmaps of a concept."""
    return attended.attention(run_file(run_id), concept_id)


@remember
def confusion(run_id: str, filter: str, concept_id: int | None) -> pa.Table:
    """Labels against predictions."""
    return concept.confusion(run_file(run_id), parse(filter), concept_id)


@remember
def group(run_id: str, concept_id: int) -> str | None:
    """Name the group of an aggressor as marks do."""
    return marks.groups(run_file(run_id)).get(concept_id)


# --- Samples ---


@remember
def count(run_id: str, filter: str) -> int:
    """Count the samples a filter lets through."""
    return samples.count(run_file(run_id), parse(filter))


@remember
def judged(run_id: str, claim: str, concept_id: int, confounders: tuple[str, ...]) -> Judged:
    """Test whether a claim is why a concept fails; see `queries.claims`."""
    return claims.judged(run_file(run_id), parse(claim), concept_id, confounders)


def refused(run_id: str, filter: str) -> str:
    """Say why a run cannot be filtered so, such as by another run's fields; '' where it can."""
    try:
        count(run_id, filter)
    except FilterError as error:
        return str(error)
    return ""


@remember
def page(
    run_id: str, filter: str, order: str, descending: bool, offset: int, limit: int
) -> pa.Table:
    """One page of samples with pictures and heatmaps."""
    found = samples.samples_page(
        run_file(run_id), parse(filter), order, descending, offset, limit, heatmaps=True
    )
    return with_facts(run_file(run_id), found, prominent(run_id), lambda: yardsticks(run_id))


@remember
def values(run_id: str, row_ids: tuple[int, ...], fields: tuple[str, ...]) -> pa.Table:
    """Metadata values of some samples, one column a field."""
    return samples.metadata(run_file(run_id), row_ids, fields)


@remember
def has_media(run_id: str) -> bool:
    """Whether some sample has a picture or a text."""
    return points.has_media(run_file(run_id))


@remember
def has_pictures(run_id: str) -> bool:
    """Whether some sample has a picture."""
    return points.has_pictures(run_file(run_id))


@remember
def sample(run_id: str, sample_id: str) -> samples.SampleDetail:
    """Everything about one sample."""
    return samples.sample(run_file(run_id), sample_id)


@remember
def alike(run_id: str, row_id: int, count: int) -> pa.Table:
    """List the samples that the model sees most like one."""
    return nearest.alike(run_file(run_id), row_id, count)


@remember
def odd(run_id: str, row_id: int) -> tuple[unusual.Odd, ...]:
    """Judge every metadata value of one sample, the most unusual first."""
    return unusual.unusual(run_file(run_id), [row_id], yardsticks(run_id))[0]


# --- What to do ---


@remember
def suspects(
    run_id: str, concept_id: int, offset: int, limit: int, kind: str | None = None
) -> pa.Table:
    """One page of samples whose label or input should be looked at."""
    return solve.suspects(run_file(run_id), concept_id, offset, limit, kind)


@remember
def matched(run_id: str, other: str) -> pa.Table:
    """Pair the aggressors of two runs by the samples they share."""
    return track.matched(run_file(run_id), run_file(other))
