"""The runs that can be looked at, and the files that cannot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aggressors.contracts import RunSummary
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

    def find(self, name: str) -> RunSummary | None:
        """Return the run of this id, else the newest of this name."""
        for attribute in ("run_id", "name"):
            for run in self.runs:
                if getattr(run, attribute) == name:
                    return run
        return None


def files_in(folder: Path, pattern: str) -> tuple[object, ...]:
    """Names, sizes and times of the files in a folder: another one means another content."""
    found = []
    for path in sorted(folder.glob(pattern)):
        try:
            state = path.stat()
        except OSError:  # a file that goes away meanwhile
            continue
        found.append((path.name, state.st_size, state.st_mtime_ns))
    return tuple(found)
