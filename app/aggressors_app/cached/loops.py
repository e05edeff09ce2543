"""What became of label queues, kept as long as batches, marks and runs are the same."""

from __future__ import annotations

from pathlib import Path

from aggressors.contracts import Aggressor
from aggressors.queries import gained
from aggressors.queries import loop as looped
from aggressors.queries.gained import Closed
from aggressors.queries.loop import Loop, Part
from aggressors.store.workspace import Workspace
from aggressors_app.cached.answers import group
from aggressors_app.cached.kept import marks
from aggressors_app.cached.runs import catalogue, remember, run_file, workspace
from aggressors_app.cached.solving import Answers
from aggressors_app.catalogue import files_in


def queue_loop(run_id: str, queue: str) -> Loop | None:
    """Sum up a label queue, as far as it was chosen from a run; None without a workspace."""
    found = workspace()
    if found is None:
        return None
    marked = files_in(found.marks, ".parquet")
    return _loop(_listing(found, queue), marked, str(found.root), queue, run_id)


@remember
def _loop(listing: str, marked: str, root: str, queue: str, run_id: str) -> Loop:
    rows = Workspace(Path(root)).label_queue(queue).rows()
    return looped.loop(rows, run_file(run_id), marks().held)


def part(run_id: str, queue: str, one: Aggressor) -> Part | None:
    """Sum up what a queue holds for an aggressor; None where it holds nothing for it."""
    found = queue_loop(run_id, queue)
    if found is None:
        return None
    own = group(run_id, one.concept_id)
    return next((each for each in found.parts if each.group == own), None)


def answers(run_id: str, queue: str, one: Aggressor) -> Answers:
    """Read from the labels of a queue whether candidates are such samples."""
    found = part(run_id, queue, one)
    return () if found is None else tuple(sorted(found.answers.items()))


def closed(run_id: str, queue: str, rank: int) -> tuple[Closed, ...]:
    """Compare every later model with this one, on an aggressor for which samples were labeled."""
    found = workspace()
    if found is None:
        return ()
    runs = files_in(found.runs, ".duckdb")
    return _closed(_listing(found, queue), runs, str(found.root), queue, run_id, rank)


@remember
def _closed(
    listing: str, runs: str, root: str, queue: str, run_id: str, rank: int
) -> tuple[Closed, ...]:
    rows = Workspace(Path(root)).label_queue(queue).rows()
    later = gained.later_runs(catalogue().runs, rows, run_id)
    before = run_file(run_id)
    found = (gained.gain(rows, before, run_file(one.run_id), rank) for one in later)
    # runs of other data share no sample with this one
    return tuple(one for one in found if one.trained_on or one.members or one.rest)


def _listing(found: Workspace, queue: str) -> str:
    return files_in(found.label_queue(queue).folder)
