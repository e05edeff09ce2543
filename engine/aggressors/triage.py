"""What the team decided about aggressors: kept in the workspace, and found again in any run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from aggressors.contracts import Aggressor
from aggressors.errors import StoreError, UsageError
from aggressors.queries.overview import aggressors
from aggressors.queries.samples import concept_of_rank
from aggressors.queries.track import FloatArray
from aggressors.queries.triage import Triaged, member_ids, overlaps, triaged
from aggressors.store.label_events import person
from aggressors.store.read import RunFile, open_run, read_summary
from aggressors.store.records import Unreadable
from aggressors.store.triage import (
    Decision,
    check_said,
    list_decisions,
    moment,
    read_members,
    write_decision,
)
from aggressors.store.workspace import Workspace, versions

Opener = Callable[[str], RunFile | None]


@dataclass(frozen=True, slots=True)
class Triage:
    """The aggressors of a run by rank, and the decisions that cannot be read."""

    found: tuple[Triaged, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()

    def of(self, rank: int) -> Triaged | None:
        """Find the aggressor of a rank; None where there is none."""
        return next((one for one in self.found if one.aggressor.rank == rank), None)


def triage(run: RunFile, workspace: Workspace, opened: Opener | None = None) -> Triage:
    """Tell what was decided about each aggressor of a run, on this run or on any other.

    Parameters
    ----------
    opened : opens a run by its id, or gives None where it is not at hand; who passes it closes
        what it opens.
    """
    with ExitStack() as stack:
        found, unreadable = list_decisions(workspace)
        decisions = [one for one in found if one.task == run.info.task]
        opened = opened or _opener(workspace, stack)
        overlap = _overlap(run, workspace, decisions, opened)
        answers = triaged(run, decisions, overlap, moment(_model_at(run, workspace)))
        return Triage(answers, tuple(unreadable))


def decide(
    run: RunFile,
    workspace: Workspace,
    rank: int,
    word: str,
    *,
    why: str = "",
    by: str = "",
    opened: Opener | None = None,
) -> Decision:
    """Keep what was decided about an aggressor; what holds already is returned as it is.

    Parameters
    ----------
    word : accepted, dismissed, being-fixed or fixed; new takes back what was decided.
    why : the reason, which dismissed needs.
    by : who decided; default $AGGRESSORS_USER, else the user of the operating system.
    opened : as of `triage`.

    Raises
    ------
    UsageError : no such rank or word, no reason where one is needed, or nothing to take back.
    InputError : a reason that is no text. WorkspaceError : the workspace cannot be written.
    """
    concept_id = concept_of_rank(run, rank)
    why, author = check_said(word, why), person(by)
    before = triage(run, workspace, opened).of(rank)
    assert before is not None  # it has this rank
    said, info = before.decision, run.info
    if said is None and word == "new":
        raise UsageError(f"Aggressor {rank} of {info.name} is new; there is nothing to take back.")
    here = said is not None and said.model_run == info.model_run
    if said is not None and here and (before.word, said.why) == (word, why):
        return said
    one = before.aggressor
    return write_decision(
        workspace,
        Decision(
            slug="", word=word, why=why, author=author,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            run_id=info.run_id, run_name=info.name, model_run=info.model_run,
            model_created_at=_model_at(run, workspace), task=info.task,
            rank=rank, name=one.name, rule=one.rule, members=0, samples="",
            follows=said.slug if said else "",
        ),
        member_ids(run, concept_id),
    )  # fmt: skip


def shown(found: Sequence[Triaged]) -> list[Aggressor]:
    """Leave out what was dismissed."""
    return [one.aggressor for one in found if not one.is_hidden]


def _overlap(
    run: RunFile, workspace: Workspace, decisions: Sequence[Decision], opened: Opener
) -> FloatArray:
    """(aggressors, decisions) overlap of the samples that this run and that of a decision share."""
    found = np.zeros((len(aggressors(run)), len(decisions)))
    if not len(found):
        return found
    for model in sorted({one.model_run for one in decisions}):
        places = [at for at, one in enumerate(decisions) if one.model_run == model]
        groups = {decisions[at].samples: read_members(workspace, decisions[at]) for at in places}
        order = list(groups)
        other = None
        if model != run.info.model_run:
            runs = dict.fromkeys([model, *(decisions[at].run_id for at in places)])
            other = next((known for one in runs if (known := opened(one)) is not None), None)
        columns = overlaps(run, list(groups.values()), other)
        found[:, places] = columns[:, [order.index(decisions[at].samples) for at in places]]
    return found


def _opener(workspace: Workspace, stack: ExitStack) -> Opener:
    def opened(run_id: str) -> RunFile | None:
        try:
            return stack.enter_context(open_run(workspace.run_path(run_id)))
        except StoreError:  # it was removed, or is damaged: matched without it
            return None

    return opened


def _model_at(run: RunFile, workspace: Workspace) -> str:
    """When the model of a run was run first: metadata that is added later makes no later model."""
    info = run.info
    if not info.derived_from:
        return info.created_at
    try:
        return read_summary(workspace.run_path(info.derived_from)).created_at
    except StoreError:  # it is gone: the oldest of those derived from it stands for it
        runs = workspace.catalogue()[0]
        known = {one.run_id: one.created_at for one in runs}
        return known.get(versions(runs).get(info.run_id, ""), info.created_at)
