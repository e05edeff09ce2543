"""Whether a run is there already: asked by what makes runs, before and after."""

from __future__ import annotations

from pathlib import Path

from aggressors import progress as show
from aggressors.errors import RunCorrupt, RunNotFound
from aggressors.store.read import check_file_name, open_run, read_summary


def is_published(path: Path, told: show.Progress) -> bool:
    """Tell whether the run file is there and whole; a broken one is replaced."""
    try:
        with open_run(path) as found:
            check_file_name(path, found.info.run_id)
            return True
    except RunNotFound:
        return False
    except RunCorrupt:
        told.say(f"{path} cannot be read as a run, and is made again")
        return False


def already_published(path: Path, name: str | None) -> str:
    """Say that the run is there, and under which name where another was asked for."""
    found = read_summary(path).name
    kept = "" if name in (None, found) else f", under the name {found!r}, which stays"
    return f"Already published as {path}{kept}"
