"""What people keep in the workspace: read anew whenever a file of it is another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from aggressors import hypothesis
from aggressors import triage as triaged
from aggressors.hypothesis import OnRun
from aggressors.queries import marks as marking
from aggressors.queries.marks import Marks
from aggressors.store.handmade import HandMade, list_handmade
from aggressors.store.hypotheses import Hypothesis, list_hypotheses
from aggressors.store.kept_filters import KeptFilter, finder, list_filters
from aggressors.store.records import Unreadable
from aggressors.store.workspace import Workspace
from aggressors.triage import Triage
from aggressors_app.cached.runs import at_hand, remember, run_file, workspace
from aggressors_app.catalogue import files_in

if TYPE_CHECKING:  # only Track needs it, and it loads the statistics of paired comparisons
    from aggressors import gate

NO_MARKS = Marks((), ())

Record = TypeVar("Record")
Lister = Callable[[Workspace], tuple[list[Record], list[Unreadable]]]


def marks() -> Marks:
    """Read what was said of samples; nothing without a workspace."""
    found = workspace()
    return NO_MARKS if found is None else read_marks(*_marked(found))


def _marked(found: Workspace) -> tuple[str, str]:
    return files_in(found.marks, ".parquet"), str(found.root)


@st.cache_resource(show_spinner=False, max_entries=8)
def read_marks(listing: str, root: str) -> Marks:
    """Read the marks of a workspace; read only, and not copied, as there may be many."""
    return Workspace(Path(root)).read_marks()


def marked(run_id: str, concept_id: int) -> int:
    """Count the samples of a run with a mark about a concept."""
    found = workspace()
    return 0 if found is None else _marked_about(*_marked(found), run_id, concept_id)


@remember
def _marked_about(listing: str, root: str, run_id: str, concept_id: int) -> int:
    held = read_marks(listing, root).held
    run = run_file(run_id)
    return marking.count(run, marking.as_table(run, held), concept_id) if held else 0


def triage(run_id: str) -> Triage:
    """Tell what was decided about each aggressor of a run; nothing without a workspace."""
    found = workspace()
    if found is None:
        return Triage()
    files = files_in(found.triage), files_in(found.runs, ".duckdb")
    return _triage(run_id, files, str(found.root))


@remember
def _triage(run_id: str, files: tuple[str, str], root: str) -> Triage:
    return triaged.triage(run_file(run_id), Workspace(Path(root)), at_hand)


def hypotheses() -> tuple[tuple[Hypothesis, ...], tuple[Unreadable, ...]]:
    """Read all hypotheses, the newest first, and what cannot be read; none without a workspace."""
    return _listed("hypotheses", list_hypotheses)


def handmade() -> tuple[tuple[HandMade, ...], tuple[Unreadable, ...]]:
    """Read all hand-made groups, the newest first, and what cannot be read."""
    return _listed("handmade", list_handmade)


def filters() -> tuple[tuple[KeptFilter, ...], tuple[Unreadable, ...]]:
    """Read all saved filters by title, and what cannot be read; none without a workspace."""
    return _listed("filters", list_filters)


def _listed(folder: str, read: Lister[Record]) -> tuple[tuple[Record, ...], tuple[Unreadable, ...]]:
    """Read the records in one folder of the workspace, anew when a file of it is another one."""
    found = workspace()
    if found is None:
        return (), ()
    listed: tuple[tuple[Record, ...], tuple[Unreadable, ...]] = _records(
        folder, files_in(found.root / folder, ".json"), str(found.root), read
    )
    return listed


@remember
def _records(folder: str, listing: str, root: str, _read: Lister[Any]) -> Any:
    found, wrong = _read(Workspace(Path(root)))
    return tuple(found), tuple(wrong)


def on_run(run_id: str, one: Hypothesis) -> OnRun:
    """Judge a hypothesis on a run."""
    found = workspace()
    assert found is not None  # there are hypotheses in one only
    return _on_run(run_id, one, str(found.root))


@remember
def _on_run(run_id: str, one: Hypothesis, root: str) -> OnRun:
    return hypothesis.on_run(one, run_file(run_id), Workspace(Path(root)))


def saved_filter(name: str) -> str:
    """Text of the filter that the workspace keeps under a name or digest.

    Raises
    ------
    FilterError : it keeps none of this name, or there is no workspace.
    """
    found = workspace()
    if found is None:
        return finder(None)(name)
    return _saved_filter(name, files_in(found.filters, ".json"), str(found.root))


@remember
def _saved_filter(name: str, listing: str, root: str) -> str:
    return finder(Workspace(Path(root)))(name)


def history() -> gate.History | None:
    """All saved tests over all runs; None without a workspace."""
    found = workspace()
    if found is None:
        return None
    key = (
        files_in(found.tests),
        files_in(found.runs, ".duckdb"),
        files_in(found.verdicts, ".json"),
    )
    return _history(key, str(found.root))


@remember
def _history(key: tuple[str, ...], root: str) -> gate.History:
    from aggressors import gate

    return gate.history(Workspace(Path(root)))
