"""Which run a new one is compared with unless another is named: the model before it."""

from __future__ import annotations

from pathlib import Path

from aggressors.errors import StoreError, UsageError
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace, versions


def two_runs(
    workspace: Workspace, run: Path | str, baseline: Path | str | None
) -> tuple[Path, Path]:
    """Find a run and its baseline; each latest, an id, a name or a path, see `baseline_of`."""
    path = run if isinstance(run, Path) else workspace.resolve(run)
    if baseline is None:
        return path, baseline_of(workspace, path)
    return path, baseline if isinstance(baseline, Path) else workspace.resolve(baseline)


def baseline_of(workspace: Workspace, run: Path) -> Path:
    """Newest run of another model and the same task that was published before `run`.

    A derived run counts as the run it is from, and is no baseline itself.

    Raises
    ------
    UsageError : there is none.
    StoreError : `run` cannot be read.
    """
    with open_run(run) as opened:
        info = opened.info
    found, _ = workspace.catalogue()
    leads = versions(found)
    lead = leads.get(info.run_id, info.run_id)
    since = next((one.created_at for one in found if one.run_id == lead), info.created_at)
    for one in found:  # newest first
        if leads[one.run_id] != one.run_id or one.run_id in (lead, info.model_run):
            continue
        if (one.created_at, one.run_id) >= (since, lead) or one.task != info.task:
            continue
        try:
            with open_run(one.path) as earlier:
                if earlier.info.model_digest != info.model_digest:
                    return Path(one.path)
        except StoreError:  # a broken run file is reported by whoever opens it
            continue
    raise UsageError(
        f"There is no earlier run of another model to compare {info.name!r} with. "
        "Name one with --baseline; `aggressors runs` lists them."
    )
