"""Hypotheses in a report, each with the aggressor of the run that it is to explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aggressors.errors import StoreError
from aggressors.hypothesis import OnRun, on_run
from aggressors.queries.track import matched
from aggressors.store.hypotheses import Hypothesis, list_hypotheses
from aggressors.store.read import RunFile, open_run
from aggressors.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Claims:
    """Hypotheses as they stand on a run.

    Parameters
    ----------
    about : by rank of the run's aggressor; one that was made on another model is about the
        aggressor with much the same samples.
    others : those about all samples, or about what is no aggressor of the run.
    unreadable : why some files could not be used.
    """

    about: Mapping[int, tuple[OnRun, ...]] = field(default_factory=dict)
    others: tuple[OnRun, ...] = ()
    unreadable: tuple[str, ...] = ()


def claims(run: RunFile, workspace: Workspace) -> Claims:
    """Judge all hypotheses of a workspace on a run."""
    found, wrong = list_hypotheses(workspace)
    ranks = _ranks(run, workspace, found)
    about: dict[int, tuple[OnRun, ...]] = {}
    others = []
    for one in found:
        judged = on_run(one, run, workspace)
        rank = ranks[one.run_id].get(one.aggressor) if one.aggressor is not None else None
        if rank is None:
            others.append(judged)
        else:
            about[rank] = (*about.get(rank, ()), judged)
    return Claims(about, tuple(others), tuple(one.reason for one in wrong))


def _ranks(
    run: RunFile, workspace: Workspace, found: Sequence[Hypothesis]
) -> dict[str, dict[int, int]]:
    """Rank in the run by rank where a hypothesis was made, for each run on which one was."""
    ranks: dict[str, dict[int, int]] = {}
    for run_id in {one.run_id for one in found}:
        try:
            with open_run(workspace.run_path(run_id)) as other:
                pairs = matched(run, other).to_pylist()
        except StoreError:  # it is gone, which the hypothesis says for itself
            pairs = []
        ranks[run_id] = {
            row["other_rank"]: row["rank"]
            for row in pairs
            if row["rank"] is not None and row["other_rank"] is not None
        }
    return ranks
