"""Make runs from Python, and put them to the saved tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aggressors.api import Run, open_run
from aggressors.errors import WorkspaceError
from aggressors.store.read import open_run as open_run_file
from aggressors.store.workspace import Workspace

if TYPE_CHECKING:
    from aggressors.comparing import Comparison
    from aggressors.contracts import Settings
    from aggressors.gate import CheckResult
    from aggressors.integration import Integration
    from aggressors.sources.protocol import Source


def run(
    integration: Integration,
    *,
    workspace: str | Path | None = None,
    name: str | None = None,
    limit: int | None = None,
    settings: Settings | None = None,
) -> Run:
    """Run every stage over a model and its datasets, and open the published run.

    The same call continues a run that was interrupted. Progress goes to standard error.

    Parameters
    ----------
    integration : the model, its datasets, and how to read them.
    workspace : where to publish; made if it is not there.
    name : label of the run; default the model's name.
    limit : take at most so many samples of each population.
    settings : default `Settings()`.

    Raises
    ------
    IntegrationError : the model or the samples are not acceptable.
    StageError : a stage failed; the same call continues.
    WorkspaceError : the workspace cannot be written.
    """
    return _published(integration, workspace, name, limit, settings)


def analyze(
    table: Any,
    *,
    train: Any = None,
    test: Any = None,
    unlabeled: Any = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    classes: Sequence[str] = (),
    task: str | None = None,
    media_root: str | Path | None = None,
    workspace: str | Path | None = None,
    name: str | None = None,
    settings: Settings | None = None,
) -> Run:
    """Run every stage over tables of predictions, without a model, and open the published run.

    Parameters
    ----------
    table, train, test, unlabeled : validation, in which aggressors are found, and what else there
        is; each a path (Parquet, CSV, JSON lines) or an Arrow, pandas or polars table.
    columns : column by role, where a column is not named as its role: {"loss": "nll"}; of the role
        `metric` any number: {"metric": ["wer", "iou"]}.
    classes : names in the order of `probabilities`; default the sorted names found.
    task : classification or regression; default by the type of the labels.
    media_root : folder below which image paths may be read.
    workspace, name, settings : as in `run`.

    Raises
    ------
    TableError : a table cannot be read, or a column is missing, wrong or contradicts another.
    UsageError : an unknown role of a column, or classes that are not distinct.
    StageError : a stage failed; the same call continues.
    WorkspaceError : the workspace cannot be written.
    """
    from aggressors.sources.roles import Columns
    from aggressors.sources.table import open_tables

    given = {"train": train, "validation": table, "test": test, "unlabeled": unlabeled}
    source = open_tables(
        {population: entry for population, entry in given.items() if entry is not None},
        columns=Columns.parse(
            f"{role}={column}"
            for role, named in (columns or {}).items()
            for column in ([named] if isinstance(named, str) else named)
        ),
        classes=classes,
        task=task,
        media_root=media_root,
        model_name=name or "table",
    )
    return _published(source, workspace, name, None, settings)


def add_metadata(
    run: str | Path | Run,
    metadata: Any,
    *,
    name: str | None = None,
    media_root: str | Path | None = None,
    workspace: str | Path | None = None,
) -> Run:
    """Add metadata to a run without running its model: publish a derived run, and open it.

    It has the samples, predictions and groups of the run, which stays as it is, and correlations
    of all fields computed anew. The same values again return the run that is there.

    Parameters
    ----------
    run : as in `open_run`; or an open run.
    metadata : a table with `sample_id` and a column a field: a path (Parquet, CSV, JSON lines) or
        an Arrow, pandas or polars table; samples that it leaves out have no value. Or a function
        of a sample's image (PIL, RGB) or text, which returns a value for the field of its own
        name, or a dictionary of values by field.
    name : label of the derived run; default such as "v1 + vegetation".
    media_root : folder of the original images, for a function; default the run's thumbnails.
    workspace : where to publish; default where the run is.

    Raises
    ------
    TableError : the table does not fit the run; lists everything that is wrong.
    InputError : the function failed; names the sample.
    RunNotFound, WorkspaceError : see `open_run`.
    """
    from aggressors import adding, progress

    opened = run if isinstance(run, Run) else open_run(run, workspace)
    try:
        if (folder := workspace or opened.workspace) is None:
            raise WorkspaceError(
                f"{opened.path} was opened on its own, and a derived run is published in a "
                "workspace. Name one with workspace=DIR."
            )
        place = Workspace.open(folder, create=True)
        told = progress.choose()
        if callable(metadata):
            done = adding.add_seen(
                opened.path, metadata, place, media_root=media_root, name=name, progress=told
            )
        else:
            done = adding.add_metadata(opened.path, metadata, place, name=name, progress=told)
    finally:
        if opened is not run:
            opened.close()
    return Run(open_run_file(done.path), place)


def _published(
    source: Integration | Source,
    workspace: str | Path | None,
    name: str | None,
    limit: int | None,
    settings: Settings | None,
) -> Run:
    from aggressors import progress, runner

    place = Workspace.open(workspace, create=True)
    done = runner.run(
        source, place, name=name, limit=limit, settings=settings, progress=progress.choose()
    )
    return Run(open_run_file(done.path), place)


def check(
    run: str | Path | Run = "latest",
    *,
    workspace: str | Path | None = None,
    baseline: str | Path | None = None,
    strict: bool = False,
) -> CheckResult:
    """Judge a run in all saved tests of the workspace.

    Parameters
    ----------
    run, baseline : as in `open_run`; `baseline` replaces the baseline of every test.
    strict : inconclusive and missing verdicts do not pass either, nor does a run without tests.

    Raises
    ------
    RunNotFound, WorkspaceError, UsageError : see `open_run`.
    """
    from aggressors import gate

    own = run.workspace if isinstance(run, Run) else None
    return gate.check(
        Workspace.open(workspace or own),
        run.path if isinstance(run, Run) else run,
        baseline=baseline,
        strict=strict,
    )


def compare(
    run: str | Path | Run = "latest",
    baseline: str | Path | Run | None = None,
    *,
    workspace: str | Path | None = None,
) -> Comparison:
    """Compare a run with the accepted one, and find the groups that got surely worse.

    Parameters
    ----------
    run, baseline : as in `open_run`; the default baseline is the run before it of another model.

    Returns
    -------
    What changed as a whole, what became of each aggressor, and what got worse, with the saved tests
    that cover it; see `aggressors compare`.

    Raises
    ------
    RunNotFound, WorkspaceError : see `open_run`.
    UsageError : the baseline is the run itself, or there is none.
    InputError : the runs share no samples, or differ in task or loss.
    """
    from aggressors import comparing

    own = run.workspace if isinstance(run, Run) else None
    return comparing.compare(
        Workspace.open(workspace or own),
        run.path if isinstance(run, Run) else str(run),
        baseline.path if isinstance(baseline, Run) else baseline and str(baseline),
    )
