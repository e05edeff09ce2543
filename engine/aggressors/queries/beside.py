"""A place in two runs that stand side by side: a population, a test, a group, an aggressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from aggressors.contracts import EVERYTHING, POPULATIONS, Condition, Filter
from aggressors.queries import paired
from aggressors.queries.paired import Change, Side
from aggressors.queries.pairing import Turn
from aggressors.queries.worsened import members_of
from aggressors.store.saved_tests import read_samples, read_test
from aggressors.store.workspace import Workspace
from aggressors.store.worsened import read_worsened

if TYPE_CHECKING:
    from aggressors.store.read import RunFile


@dataclass(frozen=True, slots=True)
class Place:
    """Samples to look at under two runs.

    Parameters
    ----------
    filter : which samples, as the run `of` understands it.
    of : the new run, or the other one.
    populations : those they may lie in; () for the one that the new run analyses.
    """

    filter: Filter = EVERYTHING
    of: Side = "run"
    populations: tuple[str, ...] = ()


def of_test(workspace: Workspace, slug: str) -> Place:
    """Frozen samples of a saved test, which lie in all populations outside training.

    Raises
    ------
    InputError, UsageError : no such test, or its files are wrong.
    """
    ids = read_samples(workspace, read_test(workspace, slug))["sample_id"].to_pylist()
    return Place(Condition("sample_id", "in", tuple(ids)), populations=POPULATIONS)


def of_worse(workspace: Workspace, run_id: str, other_id: str, rank: int) -> Place | None:
    """Members of a group that got worse, those it was not found on; None where there is none."""
    known = read_worsened(workspace, run_id, other_id)
    ids = members_of(known[1], rank) if known else []
    return Place(Condition("sample_id", "in", tuple(ids))) if ids else None


def of_aggressor(rank: int, of: Side) -> Place:
    """Members of an aggressor of one of the runs."""
    return Place(Condition("aggressor", "=", (rank,)), of)


def change(run: RunFile, other: RunFile, place: Place) -> Change:
    """Tell how the samples of a place changed; raises what `paired.change` does."""
    return paired.change(run, other, place.filter, of=place.of, population=place.populations)


def turned(
    run: RunFile,
    other: RunFile,
    place: Place,
    turn: Turn,
    *,
    offset: int = 0,
    limit: int = 60,
    heatmaps: bool = False,
) -> pa.Table:
    """One page of the samples of a place that turned, as `paired.turned`, most changed first."""
    return paired.turned(
        run, other, turn, place.filter, of=place.of, population=place.populations,
        offset=offset, limit=limit, heatmaps=heatmaps,
    )  # fmt: skip


def confusion_change(run: RunFile, other: RunFile, place: Place) -> pa.Table:
    """Labels against predictions of a place under both runs, as `paired.confusion_change`."""
    return paired.confusion_change(
        run, other, place.filter, of=place.of, population=place.populations
    )
