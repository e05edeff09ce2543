"""Answers of run files and workspaces, remembered; the only part of the dashboard that caches.

Run files never change, so an answer is kept under the run's id and the text of the filter. What
people change in a workspace is read afresh, or kept under the listing of its files.
"""

from __future__ import annotations

import streamlit as st

from aggressors_app.cached import kept, runs
from aggressors_app.cached.answers import (
    action,
    aggressors,
    associations,
    attention,
    candidate_count,
    candidates,
    compare_datasets,
    confusion,
    count,
    differences,
    discovery,
    explained,
    explanation,
    extent,
    field_list,
    field_values,
    field_vs_loss,
    findings,
    found,
    group,
    has_map,
    histograms,
    how_found,
    in_scope,
    inside_outside,
    looks,
    map_bins,
    matched,
    odd,
    outlines,
    page,
    prominent,
    refused,
    representatives,
    sample,
    stats,
    suspects,
    totals,
    words_of,
    yardsticks,
    yields,
)
from aggressors_app.cached.kept import (
    history,
    hypotheses,
    marked,
    marks,
)
from aggressors_app.cached.runs import (
    before,
    catalogue,
    derivation,
    kind,
    like,
    older,
    original,
    preferred_run,
    run_file,
    signal,
    single_run,
    workspace,
)

__all__ = [
    "action",
    "aggressors",
    "associations",
    "attention",
    "before",
    "candidate_count",
    "candidates",
    "catalogue",
    "compare_datasets",
    "confusion",
    "count",
    "derivation",
    "differences",
    "discovery",
    "explained",
    "explanation",
    "extent",
    "field_list",
    "field_values",
    "field_vs_loss",
    "findings",
    "forget",
    "found",
    "group",
    "has_map",
    "histograms",
    "history",
    "how_found",
    "hypotheses",
    "in_scope",
    "inside_outside",
    "kind",
    "like",
    "looks",
    "map_bins",
    "marked",
    "marks",
    "matched",
    "odd",
    "older",
    "original",
    "outlines",
    "page",
    "preferred_run",
    "prominent",
    "refused",
    "representatives",
    "run_file",
    "sample",
    "signal",
    "single_run",
    "stats",
    "suspects",
    "totals",
    "words_of",
    "workspace",
    "yardsticks",
    "yields",
]


def forget() -> None:
    """Forget every answer; for tests."""
    st.cache_data.clear()
    runs.opened.clear()
    kept.read_marks.clear()
    yardsticks.clear()
