"""Answers of the run files, remembered; the only file of the dashboard that caches.

Run files never change, so an answer is kept under the run's id and the text of the filter. What
people change in a workspace (queues, saved tests) is read afresh, or kept under the listing of its
files. Over 400 lines, since every read that a page repeats stands here and nowhere else.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from aggressors import words
from aggressors.contracts import (
    Aggressor,
    Attention,
    DiscoveryFacts,
    Provenance,
    RunSummary,
)
from aggressors.errors import AggressorsError, RunNotFound
from aggressors.queries import attention as attended
from aggressors.queries import (
    concept,
    explore,
    fields,
    maps,
    overview,
    samples,
    solve,
    telling,
    track,
    unusual,
)
from aggressors.queries import findings as findings_of
from aggressors.queries.grammar import parse
from aggressors.store.hypotheses import Hypothesis, UnreadableHypothesis, list_hypotheses
from aggressors.store.read import RunFile, open_run, read_original, read_summary
from aggressors.store.workspace import Workspace
from aggressors_app.about import with_facts
from aggressors_app.catalogue import Catalogue, files_in
from aggressors_app.format import typeset

if TYPE_CHECKING:  # only Track needs it, and it loads the statistics of paired comparisons
    from aggressors import gate

HISTOGRAM_BINS = 10  # of the signal, in the ranked table

_remember = st.cache_data(show_spinner=False, max_entries=64)


# --- Workspace ---


def workspace() -> Workspace | None:
    """Return the workspace, or None where a single run file is shown."""
    return None if single_run() else Workspace.open()


def single_run() -> Path | None:
    """Path of the one run file that is shown without a workspace."""
    named = os.environ.get("AGGRESSORS_RUN", "")
    path = Path(named)
    return path if named and path.suffix == ".duckdb" and path.is_file() else None


@st.cache_data(show_spinner=False, max_entries=16)
def original(uri: str) -> bytes | None:
    """Full-size image below one of the media roots of `aggressors app`, or None."""
    roots = os.environ.get("AGGRESSORS_MEDIA_ROOTS", "")
    return read_original(uri, [Path(root) for root in roots.split(os.pathsep) if root])


def preferred_run() -> str:
    """Name or id of the run to show first; '' for the newest."""
    return "" if single_run() else os.environ.get("AGGRESSORS_RUN", "")


def catalogue() -> Catalogue:
    """List the runs.

    Raises
    ------
    WorkspaceError : the workspace is not there.
    """
    found = workspace()
    if found is None:
        return _catalogue((), str(single_run()))
    return _catalogue(files_in(found.runs, "*.duckdb"), str(found.root))


@_remember
def _catalogue(listing: tuple[object, ...], place: str) -> Catalogue:
    if place.endswith(".duckdb"):
        return Catalogue((read_summary(place),), ())
    runs, broken = Workspace(Path(place)).catalogue()
    return Catalogue(tuple(runs), tuple(broken))


def run_file(run_id: str) -> RunFile:
    """Open a run, once for all sessions.

    Raises
    ------
    RunNotFound : there is no such run; and what `open_run` raises.
    """
    known = catalogue().find(run_id)
    if known is None:
        raise RunNotFound(f"There is no run {run_id!r} here. Choose one from the list on Runs.")
    path = Path(known.path)
    return _open(known.path, path.stat().st_mtime_ns)


@st.cache_resource(show_spinner=False, max_entries=32)
def _open(path: str, changed: int) -> RunFile:
    return open_run(path)


@_remember
def kind(run_id: str) -> tuple[str, str]:
    """Give task and loss of a run; figures of two runs compare only where both agree."""
    run = run_file(run_id)
    nothing_named = run.info.task == "classification" and not run.classes
    return "loss only" if nothing_named else run.info.task, run.info.loss_name


def signal(run_id: str) -> str:
    """Name what must be bad inside an aggressor of this run, as sentences say it."""
    return words.spoken(run_file(run_id).info.settings.signal)


def like(run_id: str) -> list[RunSummary]:
    """List the models' runs of the task and loss of this one, newest first; no derived ones.

    Raises
    ------
    StoreError : this run cannot be opened.
    """
    found, wanted = [], kind(run_id)
    for run in catalogue().versions:
        try:
            if kind(run.run_id) == wanted:
                found.append(run)
        except AggressorsError:  # a file that is damaged where the listing does not look
            continue
    return found


def older(run_id: str) -> list[RunSummary]:
    """List the models' runs before that of this one, of the same task and loss, newest first."""
    runs, lead = like(run_id), catalogue().version(run_id)
    ids = [run.run_id for run in runs]
    return runs[ids.index(lead) + 1 :] if lead in ids else []


def before(run_id: str) -> RunSummary | None:
    """Return the run before the model of this one, among those of the same task and loss."""
    return next(iter(older(run_id)), None)


def derivation(run_id: str) -> str:
    """Say what a run is derived from, and what was added; '' for a run of its own."""
    run = run_file(run_id)
    return words.derivation(run.info.derived_from_name, run.added)


# --- The run as a whole ---


@_remember
def totals(run_id: str, filter: str) -> overview.Totals:
    """Count samples, average loss and error under a filter."""
    return overview.totals(run_file(run_id), parse(filter))


@_remember
def aggressors(run_id: str) -> list[Aggressor]:
    """All aggressors by rank, with their names as they stand on screen."""
    found = overview.aggressors(run_file(run_id))
    return [replace(one, name=typeset(one.name)) for one in found]


@_remember
def in_scope(run_id: str, filter: str) -> pa.Table:
    """How much of each aggressor the filter leaves."""
    return overview.in_scope(run_file(run_id), parse(filter))


@_remember
def explained(run_id: str) -> overview.Explained:
    """Read what the confirmed aggressors account for together."""
    return overview.loss_explained(run_file(run_id))


@_remember
def histograms(
    run_id: str, filter: str, bins: int = HISTOGRAM_BINS
) -> dict[int, tuple[float, ...]]:
    """Share of samples per bin of the signal, by concept; -1 for all."""
    found = overview.loss_histograms(run_file(run_id), parse(filter), bins)
    counts: dict[int, list[int]] = {}
    for concept_id, n in zip(found["concept_id"].to_pylist(), found["n"].to_pylist(), strict=True):
        counts.setdefault(concept_id, []).append(n)
    return {
        concept_id: tuple(n / max(sum(found), 1) for n in found)
        for concept_id, found in counts.items()
    }


@_remember
def discovery(run_id: str) -> DiscoveryFacts:
    """How the search went."""
    return overview.discovery_facts(run_file(run_id))


# --- Fields ---


@_remember
def field_list(run_id: str) -> dict[str, fields.FieldSummary]:
    """Every field that has a value in this run, by name."""
    run = run_file(run_id)
    everyone = sum(run.populations.values())
    return {
        entry.name: entry
        for entry in fields.fields(run)
        if entry.missing < everyone or not everyone
    }


@_remember
def prominent(run_id: str) -> list[str]:
    """Metadata fields that a filter can use: the user's own first, then what says most of loss."""
    run = run_file(run_id)
    ordered = concept.associations(run, overview.EVERYONE, "loss")["field"].to_pylist()
    usable = [name for name, info in run.fields.items() if info.kind in ("number", "category")]
    found = [name for name in dict.fromkeys([*ordered, *usable]) if name in usable]
    return sorted(found, key=lambda name: run.fields[name].source == "built-in")


@_remember
def field_values(run_id: str, field: str, limit: int) -> list[tuple[str, int]]:
    """List the most frequent values of a field, and how many samples have each."""
    found = fields.values(run_file(run_id), field, limit=limit)
    return list(zip(found["value"].to_pylist(), found["n"].to_pylist(), strict=True))


@st.cache_resource(show_spinner=False, max_entries=4)
def yardsticks(run_id: str) -> unusual.Yardsticks:
    """Summarise what the values of a sample are compared with; read only."""
    return unusual.yardsticks(run_file(run_id))


# --- Comparisons ---


@_remember
def field_vs_loss(run_id: str, filter: str, field: str) -> pa.Table:
    """Mean signal by value of a field."""
    return explore.field_vs_loss(run_file(run_id), parse(filter), field, bins=16, top=14)


@_remember
def inside_outside(run_id: str, filter: str, field: str, concept_id: int) -> pa.Table:
    """How members and the rest are spread over a field."""
    return explore.inside_outside(run_file(run_id), parse(filter), field, concept_id, top=12)


@_remember
def compare_datasets(run_id: str, filter: str, field: str, by: str) -> pa.Table:
    """How each dataset is spread over a field."""
    return explore.compare_datasets(run_file(run_id), parse(filter), field, by)


@_remember
def differences(run_id: str, filter: str, left: str, right: str, by: str) -> pa.Table:
    """Fields in which two datasets differ, the most first."""
    return explore.differences(run_file(run_id), parse(filter), left, right, by)


# --- Map ---


@_remember
def extent(run_id: str) -> maps.View:
    """Find the view that shows every sample."""
    return maps.extent(run_file(run_id))


@_remember
def has_map(run_id: str) -> bool:
    """Whether samples lie at different places of the map."""
    return maps.has_map(run_file(run_id))


@_remember
def map_bins(
    run_id: str, filter: str, color_by: str | None, view: maps.View, size: int
) -> maps.MapBins:
    """Count samples by cell of the map, coloured by a field."""
    return maps.map_bins(run_file(run_id), parse(filter), color_by, view, size)


@_remember
def outlines(run_id: str) -> tuple[maps.Outline, ...]:
    """Where the aggressors lie on the map."""
    return maps.outlines(run_file(run_id), cells=32)


# --- One aggressor ---


@_remember
def found(run_id: str, concept_id: int) -> Provenance:
    """How a concept was found."""
    return concept.concept(run_file(run_id), concept_id).found


def how_found(run_id: str, one: Aggressor) -> str:
    """Say in a sentence what was done to find an aggressor."""
    return words.how_found(found(run_id, one.concept_id), one.q_value)


@_remember
def stats(run_id: str, concept_id: int) -> pa.Table:
    """Signal inside against the rest by population and fold."""
    return concept.stats(run_file(run_id), concept_id)


@_remember
def associations(run_id: str, concept_id: int) -> pa.Table:
    """List what the members share, the strongest within labels first."""
    return concept.associations(run_file(run_id), concept_id)


@_remember
def findings(run_id: str, concept_id: int, target: findings_of.Target) -> findings_of.Findings:
    """List what is characteristic of a concept, or of the loss in it; -1 for all samples."""
    return findings_of.findings(run_file(run_id), concept_id, target)


@_remember
def representatives(run_id: str, concept_id: int, reason: str) -> pa.Table:
    """List samples that show a concept."""
    found = concept.representatives(run_file(run_id), concept_id, reason)
    return with_facts(run_file(run_id), found, prominent(run_id), lambda: yardsticks(run_id))


@_remember
def words_of(run_id: str, concept_id: int) -> telling.Telling:
    """Words that tell the texts of a concept from the rest."""
    return telling.telling(run_file(run_id), concept_id)


@_remember
def explanation(run_id: str) -> attended.Explanation:
    """How heatmaps were made, or why there are none."""
    return attended.explanation(run_file(run_id))


@_remember
def looks(run_id: str, concept_id: int) -> attended.Looks:
    """Averaged heatmaps of a concept, and how they differ."""
    return attended.looks(run_file(run_id), concept_id)


@_remember
def attention(run_id: str, concept_id: int) -> tuple[Attention, ...]:
    """Numbers of the heatmaps of a concept."""
    return attended.attention(run_file(run_id), concept_id)


@_remember
def confusion(run_id: str, filter: str, concept_id: int | None) -> pa.Table:
    """Labels against predictions."""
    return concept.confusion(run_file(run_id), parse(filter), concept_id)


# --- Samples ---


@_remember
def count(run_id: str, filter: str) -> int:
    """Count the samples a filter lets through."""
    return samples.count(run_file(run_id), parse(filter))


@_remember
def page(
    run_id: str, filter: str, order: str, descending: bool, offset: int, limit: int
) -> pa.Table:
    """One page of samples with pictures and heatmaps."""
    found = samples.samples_page(
        run_file(run_id), parse(filter), order, descending, offset, limit, heatmaps=True
    )
    return with_facts(run_file(run_id), found, prominent(run_id), lambda: yardsticks(run_id))


@_remember
def sample(run_id: str, sample_id: str) -> samples.SampleDetail:
    """Everything about one sample."""
    return samples.sample(run_file(run_id), sample_id)


@_remember
def odd(run_id: str, row_id: int) -> tuple[unusual.Odd, ...]:
    """Judge every metadata value of one sample, the most unusual first."""
    return unusual.unusual(run_file(run_id), [row_id], yardsticks(run_id))[0]


# --- What to do ---


@_remember
def action(run_id: str, concept_id: int) -> solve.Recommendation:
    """Recommended action of an aggressor, with its evidence."""
    return solve.action(run_file(run_id), concept_id)


@_remember
def candidates(run_id: str, concept_id: int, filter: str, offset: int, limit: int) -> pa.Table:
    """One page of unlabeled samples, the first to label first."""
    run = run_file(run_id)
    found = solve.candidates(run, concept_id, parse(filter), offset, limit)
    return with_facts(run, found, prominent(run_id), lambda: yardsticks(run_id))


@_remember
def candidate_count(run_id: str, concept_id: int, filter: str) -> int:
    """Count the candidates of an aggressor in scope."""
    return solve.candidate_count(run_file(run_id), concept_id, parse(filter))


@_remember
def suspects(run_id: str, concept_id: int, offset: int, limit: int) -> pa.Table:
    """One page of samples whose label or input should be looked at."""
    return solve.suspects(run_file(run_id), concept_id, offset, limit)


@_remember
def yields(run_id: str, concept_id: int) -> pa.Table:
    """Read the expected share of such samples among the first candidates."""
    return solve.yields(run_file(run_id), concept_id)


@_remember
def matched(run_id: str, other: str) -> pa.Table:
    """Pair the aggressors of two runs by the samples they share."""
    return track.matched(run_file(run_id), run_file(other))


# --- Hypotheses and saved tests ---


def hypotheses() -> tuple[tuple[Hypothesis, ...], tuple[UnreadableHypothesis, ...]]:
    """Read all hypotheses, the newest first, and what cannot be read; none without a workspace."""
    found = workspace()
    if found is None:
        return (), ()
    return _hypotheses(files_in(found.hypotheses, "*.json"), str(found.root))


@_remember
def _hypotheses(
    key: tuple[object, ...], root: str
) -> tuple[tuple[Hypothesis, ...], tuple[UnreadableHypothesis, ...]]:
    found, wrong = list_hypotheses(Workspace(Path(root)))
    return tuple(found), tuple(wrong)


def history() -> gate.History | None:
    """All saved tests over all runs; None without a workspace."""
    found = workspace()
    if found is None:
        return None
    key = (
        files_in(found.tests, "*"),
        files_in(found.runs, "*.duckdb"),
        files_in(found.verdicts, "*.json"),
    )
    return _history(key, str(found.root))


@_remember
def _history(key: tuple[object, ...], root: str) -> gate.History:
    from aggressors import gate

    return gate.history(Workspace(Path(root)))


def forget() -> None:
    """Forget every answer; for tests."""
    st.cache_data.clear()
    _open.clear()
    yardsticks.clear()
