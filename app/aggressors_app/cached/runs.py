"""The workspace that is shown, and its runs: found, opened once, and set beside each other."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import ParamSpec, TypeVar, cast

import streamlit as st

from aggressors import words
from aggressors.contracts import RunSummary
from aggressors.errors import RunNotFound, StoreError
from aggressors.store.read import RunFile, open_run, read_original, read_summary
from aggressors.store.workspace import VARIABLE as WORKSPACE
from aggressors.store.workspace import Workspace
from aggressors_app import leaving
from aggressors_app.catalogue import Catalogue, files_in

ONE_RUN = "AGGRESSORS_RUN"
ENTRIES = 64  # answers kept of each question

P = ParamSpec("P")
Answer = TypeVar("Answer")
_remembered: list[Callable[[], None]] = []
_opening = Lock()  # a file that is opened twice would be read and held twice


def remember(answer: Callable[P, Answer]) -> Callable[P, Answer]:
    """Keep the answers of a function for all sessions; what is read only alone may be kept.

    A page asks dozens of them. `st.cache_data` would copy each answer each time, and look at the
    signature of the function, which costs up to a millisecond a question.
    """
    kept = lru_cache(maxsize=ENTRIES)(answer)
    _remembered.append(kept.cache_clear)
    return cast("Callable[P, Answer]", kept)


def forget_answers() -> None:
    """Forget what `remember` keeps."""
    for clear in (*_remembered, _path_of.cache_clear, opened.cache_clear):
        clear()


def workspace() -> Workspace | None:
    """Return the workspace, or None where a single run file is shown."""
    return None if single_run() else Workspace.open()


def single_run() -> Path | None:
    """Path of the one run file that is shown without a workspace."""
    named = os.environ.get(ONE_RUN, "")
    path = Path(named)
    return path if named and path.suffix == ".duckdb" and path.is_file() else None


@st.cache_data(show_spinner=False, max_entries=16)
def original(uri: str) -> bytes | None:
    """Full-size image below one of the media roots of `aggressors app`, or None."""
    return read_original(uri, media_roots())


def media_roots() -> list[Path]:
    """Folders below which originals may be read: those of `aggressors app --media-root`."""
    roots = os.environ.get("AGGRESSORS_MEDIA_ROOTS", "")
    return [Path(root) for root in roots.split(os.pathsep) if root]


def preferred_run() -> str:
    """Name or id of the run to show first; '' for the newest."""
    return "" if single_run() else os.environ.get(ONE_RUN, "")


def catalogue() -> Catalogue:
    """List the runs.

    Raises
    ------
    WorkspaceError : the workspace is not there.
    """
    found = workspace()
    if found is None:
        return _catalogue("", str(single_run()))
    return _catalogue(files_in(found.runs, ".duckdb"), str(found.root))


@remember
def _catalogue(listing: str, place: str) -> Catalogue:
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
    leaving.join()
    shown = os.environ.get(ONE_RUN, ""), os.environ.get(WORKSPACE, "")
    # Asked at every step of a page, so the folder is listed only where the file is not there.
    path = _path_of(run_id, *shown)
    if not (changed := _changed(path)):
        _path_of.cache_clear()
        path = _path_of(run_id, *shown)
        changed = _changed(path)
    with _opening:
        return opened(path, changed)


def at_hand(run_id: str) -> RunFile | None:
    """Open a run, once for all sessions; None where it was removed, or is damaged."""
    try:
        return run_file(run_id)
    except StoreError:
        return None


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # what opens it says why
        return 0


@lru_cache(maxsize=ENTRIES)
def _path_of(run_id: str, one_run: str, workspace: str) -> Path:
    known = catalogue().find(run_id)
    if known is None:
        raise _no_run(run_id)
    return Path(known.path)


def _no_run(run_id: str) -> RunNotFound:
    return RunNotFound(f"There is no run {run_id!r} here. Choose one from the list on Runs.")


@lru_cache(maxsize=32)
def opened(path: Path, changed: int) -> RunFile:
    """Open a run file, once for all sessions."""
    return open_run(path)


def kind(run_id: str) -> tuple[str, str]:
    """Give task and loss of a run; figures of two runs compare only where both agree.

    Raises
    ------
    RunNotFound : there is no such run.
    """
    known = catalogue().find(run_id)
    if known is None:
        raise _no_run(run_id)
    return _kind(known)


def _kind(run: RunSummary) -> tuple[str, str]:
    nothing_named = run.task == "classification" and not run.has_classes
    return "loss only" if nothing_named else run.task, run.loss_name


def signal(run_id: str) -> str:
    """Name what must be bad inside an aggressor of this run, as sentences say it."""
    return words.spoken(run_file(run_id).info.settings.signal)


def like(run_id: str) -> list[RunSummary]:
    """List the models' runs of the task and loss of this one, newest first; no derived ones.

    Raises
    ------
    RunNotFound : there is no such run.
    """
    wanted = kind(run_id)
    return [run for run in catalogue().versions if _kind(run) == wanted]


def older(run_id: str) -> list[RunSummary]:
    """List the models' runs before that of this one, of the same task and loss, newest first."""
    runs, lead = like(run_id), catalogue().version(run_id)
    ids = [run.run_id for run in runs]
    return runs[ids.index(lead) + 1 :] if lead in ids else []


def before(run_id: str) -> RunSummary | None:
    """Return the run before the model of this one, among those of its task and loss that open."""
    return next((run for run in older(run_id) if at_hand(run.run_id)), None)


def derivation(run_id: str) -> str:
    """Say what a run is derived from, and what was added; '' for a run of its own."""
    run = run_file(run_id)
    return words.derivation(run.info.derived_from_name, run.added)
