"""Where else a model is weak, and what a selection made by hand would be as an aggressor."""

from __future__ import annotations

import streamlit as st

from aggressors.queries import choosing, sought, weak
from aggressors.queries.grammar import parse
from aggressors.queries.handmade import Measure, answered, measured
from aggressors_app.cached.runs import remember, run_file

TREE_DEPTH = 3


@remember
def grid(run_id: str, filter: str, fields: tuple[str, ...]) -> weak.Grid:
    """Divide the samples in scope by one or two fields."""
    return weak.grid(run_file(run_id), parse(filter), fields)


@st.cache_resource(show_spinner=False, max_entries=4)
def choosing_sample(run_id: str, filter: str) -> choosing.Sample:
    """Read the samples by which tree and pairs are chosen; read only, and not copied."""
    return choosing.sampled(run_file(run_id), parse(filter))


@remember
def error_tree(run_id: str, filter: str) -> sought.ErrorTree:
    """Part failing samples in scope from others."""
    sample = choosing_sample(run_id, filter)
    return sought.error_tree(run_file(run_id), parse(filter), depth=TREE_DEPTH, sample=sample)


@remember
def worst_pairs(run_id: str, filter: str) -> sought.WeakPairs:
    """Look for cells of two fields that are worse than either."""
    sample = choosing_sample(run_id, filter)
    return sought.worst_pairs(run_file(run_id), parse(filter), sample=sample)


@remember
def measure(run_id: str, filter: str) -> Measure:
    """Measure a selection as an aggressor is."""
    return measured(run_file(run_id), parse(filter))


@remember
def kept_measure(run_id: str, filter: str, made_on: str) -> Measure | None:
    """Measure a selection that was kept; None where this run cannot answer it."""
    return answered(run_file(run_id), filter, made_on)
