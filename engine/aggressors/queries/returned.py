"""Labels that come back to a label queue, checked against the run that the samples are of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aggressors.errors import UsageError
from aggressors.queries.scope import fetch
from aggressors.store.label_answers import known_as
from aggressors.store.label_files import read_answers
from aggressors.store.label_import import Allowed, Checked, Problem, Trouble, check
from aggressors.store.label_queues import LabelQueue

if TYPE_CHECKING:
    from aggressors.store.read import RunFile
    from aggressors.store.workspace import Workspace

__all__ = ["Allowed", "Checked", "Problem", "Trouble", "check_labels", "run_of"]


def check_labels(
    queue: LabelQueue,
    source: Path | str | bytes,
    run: RunFile | None,
    *,
    name: str = "",
    columns: Mapping[str, str] | None = None,
    allowed: Allowed = Allowed(),  # noqa: B008  # frozen
) -> Checked:
    """Read labels and check all of them; `take` of what is returned puts them into the queue.

    Parameters
    ----------
    source : path of a file, or what an upload holds; `name` is then what to call it.
    run : the run that the samples are of, see `run_of`; None where it is not at hand.
    columns, allowed : see `store.label_files.read_answers` and `store.label_import.Allowed`.

    Raises
    ------
    TableError : the file cannot be read as labels. UsageError : an unknown role; or without a run,
    unless new classes are allowed, since nobody knows which classes there are.
    """
    if run is None and not allowed.new_classes:
        raise UsageError(
            f"The run of the samples in {queue.name!r} is not in this workspace, so that no class "
            "can be checked. Name a run with --run RUN, or take all labels with --new-classes."
        )
    answers = read_answers(source, name, columns)
    if run is None:
        return check(queue, answers, classes=None, allowed=allowed)
    known = _known(run, [one.sample_id for one in answers.rows])
    return check(queue, answers, classes=run.classes, known=known, allowed=allowed)


def run_of(workspace: Workspace, queue: LabelQueue) -> Path | None:
    """Find the run that most samples of a queue were chosen from; None where none is left."""
    counts = Counter(one for one in queue.rows()["run_id"].to_pylist() if one)
    for run_id, _ in counts.most_common():
        path = workspace.run_path(run_id)
        if path.is_file() and path.parent == workspace.runs:
            return path
    return None


def _known(run: RunFile, sample_ids: list[str]) -> set[str]:
    sql = "SELECT sample_id FROM samples WHERE sample_id IN (SELECT unnest($ids::VARCHAR[]))"
    forms = [form for one in sample_ids for form in dict.fromkeys((one, known_as(one, ())))]
    return set(fetch(run, sql, params={"ids": forms})["sample_id"].to_pylist())
