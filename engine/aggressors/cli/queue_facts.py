"""What the verbs of label queues ask of runs."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pyarrow as pa

from aggressors.contracts import EVERYTHING
from aggressors.queries.empty import no_candidate
from aggressors.queries.fetching import Wish, fetched
from aggressors.queries.gained import Closed, gain, later_runs, trained_on
from aggressors.queries.grammar import expand, parse
from aggressors.queries.loop import Loop, loop
from aggressors.queries.queued import picks
from aggressors.queries.returned import run_of
from aggressors.queries.samples import concept_of_rank
from aggressors.store.kept_filters import finder
from aggressors.store.label_queues import LabelQueue
from aggressors.store.read import RunFile, open_run

if TYPE_CHECKING:
    from aggressors.store.workspace import Workspace


def picked(
    place: Workspace,
    run: str,
    queue: LabelQueue,
    rank: int | None,
    ids: list[str],
    count: int,
    where: str | None,
    variety: float,
    even: bool,
    again: bool,
) -> tuple[pa.Table, str]:
    """Choose samples of a run for a queue: those named, or candidates of an aggressor.

    Candidates that `queue.add` would pass over give way to the next. Beside the samples stands why
    there is none, '' where there is one.
    """
    with open_run(place.resolve(run)) as opened:
        if ids or rank is None:
            return picks(opened, ids, rank), ""
        scope = parse(expand(where, finder(place))) if where else EVERYTHING
        there = queue.passed_over(again=again)
        wish = Wish(budget=count, variety=variety, even=even, filter=scope, without=there)
        found = fetched(opened, concept_of_rank(opened, rank), wish).found
        why = "" if found.num_rows else no_candidate(opened, rank, scope, there)
        return picks(opened, found["sample_id"].to_pylist(), rank), why


def gather(
    place: Workspace, queue: LabelQueue, run: str | None, after: str | None
) -> tuple[Loop | None, list[Closed]]:
    """Sum up a queue beside the run it was chosen from, and beside a later one, if they are there.

    Raises
    ------
    RunNotFound : a run that was named is not there.
    """
    path = place.resolve(run) if run is not None else run_of(place, queue)
    if path is None:
        return None, []
    rows = queue.rows()
    with ExitStack() as stack:
        before = stack.enter_context(open_run(path))
        told = loop(rows, before, place.read_marks().held)
        later = _later(place, rows, before, after, stack)
        if later is None:
            return told, []
        ranks = [part.aggressor for part in told.parts if part.aggressor is not None and part.group]
        return told, [gain(rows, before, later, rank) for rank in ranks]


def _later(
    place: Workspace, rows: pa.Table, before: RunFile, after: str | None, stack: ExitStack
) -> RunFile | None:
    """Open the later run: the one named, the first trained on the labels, else the first."""
    if after is not None:
        return stack.enter_context(open_run(place.resolve(after)))
    first: RunFile | None = None
    for one in later_runs(place.catalogue()[0], rows, before.info.run_id):
        opened = stack.enter_context(open_run(one.path))
        if trained_on(rows, opened):
            return opened
        first = first or opened
    return first
