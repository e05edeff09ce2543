"""A place in two runs that stand side by side: all of a population, a test, a group, an aggressor.

`queries.paired` answers for one population; the samples of a saved test lie in several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import EVERYTHING, POPULATIONS, Condition, Filter
from aggressors.queries import paired
from aggressors.queries.masks import mask
from aggressors.queries.paired import Change, Side
from aggressors.queries.pairing import Turn
from aggressors.queries.pairing import paired as joined
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
    if len(place.populations) < 2:
        return paired.change(
            run, other, place.filter, of=place.of, population=_only(place.populations)
        )
    both = joined(run, other)
    inside = np.isin(both.population, [POPULATIONS.index(name) for name in place.populations])
    side, rows = (run, both.rows) if place.of == "run" else (other, both.other_rows)
    through = mask(side, place.filter)
    return paired.change_of(both, inside if through is None else inside & through[rows])


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
    if len(place.populations) < 2:
        return paired.turned(
            run, other, turn, place.filter, of=place.of, population=_only(place.populations),
            offset=offset, limit=limit, heatmaps=heatmaps,
        )  # fmt: skip
    # The page may be all of one population, so that each is asked for everything up to its end.
    parts = [
        paired.turned(
            run, other, turn, place.filter, of=place.of, population=name,
            limit=offset + limit, heatmaps=heatmaps,
        )
        for name in place.populations
    ]  # fmt: skip
    found = pa.concat_tables(parts, promote_options="permissive")
    far = np.abs(np.asarray(found["change"].to_numpy()))
    return found.take(pa.array(np.argsort(-far, kind="stable"))).slice(offset, limit)


def confusion_change(run: RunFile, other: RunFile, place: Place) -> pa.Table:
    """Labels against predictions of a place under both runs, as `paired.confusion_change`."""
    parts = [
        paired.confusion_change(run, other, place.filter, of=place.of, population=name)
        for name in place.populations or (None,)
    ]
    counts = [(name, "sum") for name in ("n", "other_n", "change")]
    summed = pa.concat_tables(parts).group_by(["label", "prediction"]).aggregate(counts)
    summed = summed.rename_columns(parts[0].column_names)
    return summed.filter(pc.or_(pc.greater(summed["n"], 0), pc.greater(summed["other_n"], 0)))


def _only(populations: tuple[str, ...]) -> str | None:
    return populations[0] if populations else None
