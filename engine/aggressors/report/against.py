"""A run beside the accepted one in a report: read, not sought."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aggressors.errors import InputError, StoreError, UsageError
from aggressors.queries.fates import Fated, fates
from aggressors.queries.paired import Change, change
from aggressors.queries.worsened import Told, hidden, known
from aggressors.store.baselines import baseline_of
from aggressors.store.read import RunFile, open_run, read_summary
from aggressors.store.workspace import Workspace
from aggressors.store.worsened import Worsened, baselines_of


@dataclass(frozen=True, slots=True)
class Against:
    """What changed from the accepted run to this one, on the samples that both hold out.

    Parameters
    ----------
    sought : None where nobody sought what got worse; then `worse` is empty.
    hidden : a sentence where the mean hides what got worse, else ''.
    """

    baseline_id: str
    baseline_name: str
    whole: Change
    aggressors: tuple[Fated, ...]
    sought: Worsened | None
    worse: tuple[Told, ...]
    hidden: str

    @property
    def uncovered(self) -> tuple[Told, ...]:
        """Groups that got worse and that no test covers."""
        return tuple(one for one in self.worse if one.covered_by is None)


def against(run: RunFile, workspace: Workspace) -> Against | None:
    """Compare a run with the model before it, or with an earlier one it was last compared with.

    The latter where what got worse was sought against it alone. None where there is no other, or
    the two do not compare.
    """
    try:
        with open_run(_baseline(run, workspace)) as other:
            return _compared(run, other, workspace)
    except (UsageError, InputError, StoreError):
        return None


def _baseline(run: RunFile, workspace: Workspace) -> Path:
    compared = [
        one for one in baselines_of(workspace, run.info.run_id) if _is_before(one, run, workspace)
    ]
    try:
        usual = baseline_of(workspace, run.path)
    except UsageError:
        if not compared:
            raise
    else:
        if not compared or usual.stem in compared:
            return usual
    return workspace.run_path(compared[0])


def _is_before(run_id: str, run: RunFile, workspace: Workspace) -> bool:
    try:
        other = read_summary(workspace.run_path(run_id))
    except StoreError:  # gone or damaged since, which the list of runs says
        return False
    return other.created_at < run.info.created_at


def _compared(run: RunFile, other: RunFile, workspace: Workspace) -> Against:
    whole = change(run, other)
    found = known(workspace, run.info.run_id, other.info.run_id)
    sought, worse = found if found else (None, ())
    said = hidden(whole, worse, sought.signal) if sought else ""
    return Against(
        other.info.run_id, other.info.name, whole, fates(run, other), sought, worse, said
    )
