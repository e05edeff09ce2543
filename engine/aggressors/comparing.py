"""A run against the accepted one: what changed as a whole, by aggressor, and what got worse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aggressors import progress as show
from aggressors.queries.fates import Fated, fates
from aggressors.queries.paired import Change, change
from aggressors.queries.pairing import Apart, paired
from aggressors.queries.worsened import Told, hidden, told
from aggressors.store.baselines import two_runs
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from aggressors.worsening import worsened


@dataclass(frozen=True, slots=True)
class Comparison:
    """A run beside its baseline, on the samples that both hold out.

    Parameters
    ----------
    signal : what is compared, that of the run; `population` is the one that the run analyses.
    whole : all samples of it; `apart` counts those that are not compared.
    aggressors : those of both runs, matched.
    worse : groups on which the run is surely worse, those that no test covers first; `tested`
        groups were, on `n_confirm` samples, after a search on `n_discover`.
    hidden : a sentence where the mean hides them, else ''.
    unwritten : why what was found could not be kept, '' where it is.
    """

    run_id: str
    run_name: str
    baseline_id: str
    baseline_name: str
    signal: str
    population: str
    whole: Change
    apart: Apart
    aggressors: tuple[Fated, ...]
    worse: tuple[Told, ...]
    tested: int
    n_discover: int
    n_confirm: int
    hidden: str
    unwritten: str = ""


def compare(
    workspace: Workspace,
    run: Path | str = "latest",
    baseline: Path | str | None = None,
    progress: show.Progress | None = None,
) -> Comparison:
    """Compare a run with its baseline, and find the groups on which it is surely worse.

    Parameters
    ----------
    run, baseline : latest, a run id, a name or a path; the default baseline is the run before it
        of another model.
    progress : where to show how far it is; default nowhere.

    Raises
    ------
    StoreError : a run is not there or cannot be read.
    UsageError : the baseline is the run itself, or there is none. InputError : they do not compare.
    """
    shown = progress or show.Silent()
    path, other_path = two_runs(workspace, run, baseline)
    with open_run(path) as opened, open_run(other_path) as other:
        with shown.step("pair", 1) as advance:
            whole, apart = change(opened, other), paired(opened, other).apart
            advance(1)
        with shown.step("search", 1) as advance:
            found, members, unwritten = worsened(workspace, opened, other)
            worse = told(workspace, found, members)
            advance(1)
        return Comparison(
            run_id=opened.info.run_id,
            run_name=opened.info.name,
            baseline_id=other.info.run_id,
            baseline_name=other.info.name,
            signal=found.signal,
            population=opened.info.settings.analysed,
            whole=whole,
            apart=apart,
            aggressors=fates(opened, other),
            worse=worse,
            tested=found.tested,
            n_discover=found.n_discover,
            n_confirm=found.n_confirm,
            hidden=hidden(whole, worse, found.signal),
            unwritten=unwritten,
        )


def find_worse(
    workspace: Workspace, run: Path | str = "latest", baseline: Path | str | None = None
) -> str:
    """Find and keep what got worse, as `compare` does; returns why it could not be kept, or ''."""
    path, other_path = two_runs(workspace, run, baseline)
    with open_run(path) as opened, open_run(other_path) as other:
        return worsened(workspace, opened, other)[2]
