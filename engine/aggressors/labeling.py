"""What a training script reads: the labels that came back, with their samples and weights."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from aggressors.errors import RunNotFound, StoreError, UsageError
from aggressors.queries.listing import listed
from aggressors.store.label_queues import LabelQueue
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace

# How much an added sample counts beside one of the training set. Measured on planted slices with
# 100 labels: docs/benchmarks/solve.md. Less closes less of the gap, more costs more elsewhere.
WEIGHT = 3.0

_OURS = ("sample_id", "label", "weight", "aggressor", "group", "of_group", "by", "labeled_at")
# What a run says of its samples that a label takes the place of, or that speaks of its own model.
_NOT_TAKEN = {
    "rank", "population", "label", "prediction", "confidence", "loss", "weight", "group_id",
}  # fmt: skip


def labeled(
    queue: str,
    workspace: str | Path | None = None,
    *,
    weight: float = WEIGHT,
    only_such: bool = False,
) -> pa.Table:
    """Read the labeled samples of a label queue, in its order.

    Parameters
    ----------
    queue : its name, such as "to-label".
    workspace : folder of the workspace; default $AGGRESSORS_WORKSPACE, else ./aggressors-workspace.
    weight : how much each counts in training beside a sample of the training set, which counts 1.
        The default is to be measured.
    only_such : leave out those that the labeler found to be no such samples.

    Returns
    -------
    sample_id, label (text; a number where the run predicts one), weight, aggressor (rank in the run
    that it was chosen from), group, of_group, by, labeled_at; then what that run knows of the
    sample: kind, uri, text, thumbnail, and its metadata (a name that is taken gets the prefix
    `metadata.`). Where the run is gone these are missing, which is warned of.

    Raises
    ------
    UsageError : there is no such queue, or a weight that is no number above 0.
    WorkspaceError : there is no such workspace.
    """
    if not 0 < weight < float("inf"):
        raise UsageError(f"A weight must be a number above 0; got {weight}.")
    place = Workspace.open(workspace)
    found = place.found_queue(queue)
    for reason in found.broken:
        warnings.warn(reason, stacklevel=2)
    rows = found.rows("labeled")
    if only_such:
        rows = rows.filter(pc.fill_null(rows["of_group"], True))
    rows = rows.append_column("weight", pa.repeat(weight, rows.num_rows))
    return _beside(place, found, rows)


def _beside(place: Workspace, queue: LabelQueue, rows: pa.Table) -> pa.Table:
    """Put what the runs know of the samples beside what the queue says of them."""
    parts = []
    numbers = False
    for run_id in pc.unique(rows["run_id"]).to_pylist():
        same = pc.is_null(rows["run_id"]) if run_id is None else pc.equal(rows["run_id"], run_id)
        ours = rows.filter(pc.fill_null(same, False))
        known = _known(place, queue, run_id, ours["sample_id"].to_pylist())
        if known is not None:
            ours, of_number = _joined(ours, *known)
            numbers = numbers or of_number
        parts.append(ours)
    whole = pa.concat_tables(parts, promote_options="permissive") if parts else rows
    at = pc.index_in(rows["sample_id"].combine_chunks(), whole["sample_id"].combine_chunks())
    whole = whole.take(at)
    names = [*_OURS, *(name for name in whole.column_names if name not in rows.column_names)]
    whole = whole.select(names)
    if numbers:
        label = pc.cast(whole["label"], pa.float64())
        whole = whole.set_column(names.index("label"), "label", label)
    return whole


def _known(
    place: Workspace, queue: LabelQueue, run_id: str | None, ids: list[str]
) -> tuple[pa.Table, bool] | None:
    """Read what a run knows of some samples, and whether it predicts numbers; None without it."""
    try:
        path = place.run_path(run_id or "")
        if not run_id or path.parent != place.runs:
            raise RunNotFound(f"No run is named for {len(ids):,} samples of {queue.name!r}.")
        with open_run(path) as run:
            return listed(run, "queue", queue=ids, thumbnails=True).table(), not run.classes
    except StoreError as error:
        warnings.warn(
            f"{error} {len(ids):,} labeled samples of {queue.name!r} come without their media and "
            "metadata.",
            stacklevel=4,
        )
        return None


def _joined(ours: pa.Table, known: pa.Table, of_number: bool) -> tuple[pa.Table, bool]:
    """Put the columns of a run beside those of the queue, by sample."""
    at = pc.index_in(ours["sample_id"].combine_chunks(), known["sample_id"].combine_chunks())
    found = known.take(at)
    for name in _columns(known):
        shown = f"metadata.{name}" if name in _OURS else name
        ours = ours.append_column(shown, found[name])
    return ours, of_number


def _columns(known: pa.Table) -> Iterator[str]:
    """Name what is taken from a run: media first, then metadata."""
    media = ["kind", "uri", "text", "thumbnail"]
    yield from (name for name in media if name in known.column_names)
    for name in known.column_names:
        if name not in _NOT_TAKEN and name not in media and name != "sample_id":
            yield name
