"""The runs that can be looked at, and the files that cannot."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from aggressors.contracts import RunSummary
from aggressors.store.asking import Asker, asking_for
from aggressors.store.workspace import BrokenRun, versions


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Published runs, newest first, and the files that cannot be opened."""

    runs: tuple[RunSummary, ...]
    broken: tuple[BrokenRun, ...]

    @property
    def versions(self) -> tuple[RunSummary, ...]:
        """List the runs that stand for a model, newest first: not those with added metadata."""
        leads = versions(self.runs)
        return tuple(run for run in self.runs if leads[run.run_id] == run.run_id)

    def version(self, run_id: str) -> str:
        """Return the run that stands for the model of a run: itself, unless it is derived."""
        return versions(self.runs).get(run_id, run_id)

    def origin(self, run_id: str) -> str:
        """Return the run of the model of a run, also where that is gone: itself, unless derived."""
        known = {run.run_id: run.derived_from or run.run_id for run in self.runs}
        return known.get(run_id, run_id)

    def find(self, name: str) -> RunSummary | None:
        """Return the run of this id, else the newest of this name."""
        for attribute in ("run_id", "name"):
            for run in self.runs:
                if getattr(run, attribute) == name:
                    return run
        return None


def files_in(folder: Path, ending: str = "") -> str:
    """Digest of names, sizes and times of the files in a folder: another one, another content.

    A page asks for it dozens of times. What is written by this product is put in its place whole,
    which the time of the folder shows; an edit by hand is seen by the next run of the whole page.
    """
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:  # nothing was kept yet
        return ""
    asker = asking_for()
    if asker is None:
        return _listed(folder, ending)
    return _listed_once(folder, ending, changed, asker)


@lru_cache(maxsize=64)
def _listed_once(folder: Path, ending: str, changed: int, asker: Asker) -> str:
    return _listed(folder, ending)


def _listed(folder: Path, ending: str) -> str:
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(ending):
                    with suppress(OSError):  # a file that goes away meanwhile
                        state = entry.stat()
                        found.append(f"{entry.name}/{state.st_size}/{state.st_mtime_ns}")
    except OSError:  # a file lies in the way
        return ""
    return sha256("/".join(sorted(found)).encode(errors="surrogateescape")).hexdigest()
