"""What became of each aggressor from one run to the next: new, persisting, shrunk or gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from aggressors.queries.overview import aggressors
from aggressors.queries.paired import Change, change_of
from aggressors.queries.pairing import IntArray, Paired, paired
from aggressors.queries.scope import fetch
from aggressors.queries.track import SAME, matched
from aggressors.stats.intervals import BoolArray

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

Fate = Literal["new", "persisting", "shrunk", "gone"]
FATES: tuple[Fate, ...] = ("new", "persisting", "shrunk", "gone")


@dataclass(frozen=True, slots=True)
class Fated:
    """An aggressor of a run, of the other one, or of both, and how its samples changed.

    `rank`, `name` and `gap` are those of the run, `other_` those of the other run; None where it is
    none there. `overlap` is that of the two. `change` is over the samples of either that neither
    was found on. Shrunk is what both have and what surely lost: its whole interval is below 0.
    """

    fate: Fate
    name: str
    rank: int | None
    gap: float | None
    other_rank: int | None
    other_name: str | None
    other_gap: float | None
    overlap: float | None
    change: Change


def fates(run: RunFile, other: RunFile) -> tuple[Fated, ...]:
    """Match the confirmed aggressors of two runs, those of `run` by rank, then what is gone.

    One that is tentative in the other run counts as the same; one that is tentative in both, or
    there alone, is left out.

    Raises
    ------
    UsageError, InputError : see `paired`.
    """
    both = paired(run, other)
    ours, theirs = _held(run, both, both.rows), _held(other, both, both.other_rows)
    analysed = both.population == both.analysed
    found = []
    for row in matched(run, other).to_pylist():
        if "confirmed" not in (row["status"], row["other_status"]):
            continue
        inside = np.zeros(len(both), dtype=np.bool_)
        for held, concept in ((ours, row["concept_id"]), (theirs, row["other_concept_id"])):
            inside[held.get(concept, _NONE)] = True
        change = change_of(both, inside & analysed, judges_only=True)
        found.append(_fated(row, change))
    return tuple(found)


def same_as(
    run: RunFile, both: Paired, members: BoolArray
) -> list[tuple[int | None, float | None]]:
    """Find the confirmed aggressor that a group is, for each of (m, p) groups of pairs.

    Returns
    -------
    Rank and overlap over the analysed population, as in `track.matched`; (None, None) where no
    aggressor of the run has much the same samples.
    """
    held = _held(run, both, both.rows)
    analysed = both.population == both.analysed
    confirmed = [one for one in aggressors(run) if one.status == "confirmed"]
    theirs = np.zeros((len(confirmed), len(both)), dtype=np.float32)
    for place, one in enumerate(confirmed):
        theirs[place, held.get(one.concept_id, _NONE)] = 1
    theirs, ours = theirs[:, analysed], members[:, analysed].astype(np.float32)
    shared = ours @ theirs.T  # (m, aggressors)
    union = ours.sum(axis=1)[:, None] + theirs.sum(axis=1)[None] - shared
    overlap = shared / np.maximum(union, 1)
    found: list[tuple[int | None, float | None]] = []
    for row in overlap:
        best = int(row.argmax()) if len(row) else 0
        same = len(row) > 0 and row[best] >= SAME
        found.append((confirmed[best].rank, round(float(row[best]), 4)) if same else (None, None))
    return found


_NONE = np.array([], dtype=np.int64)


def _fated(row: Mapping[str, Any], change: Change) -> Fated:
    fate: Fate = "persisting"
    if row["rank"] is None:
        fate = "gone"
    elif row["other_rank"] is None:
        fate = "new"
    elif change.high is not None and change.high < 0:
        fate = "shrunk"
    return Fated(
        fate=fate,
        name=row["name"] if row["name"] is not None else row["other_name"],
        rank=row["rank"],
        gap=row["gap"],
        other_rank=row["other_rank"],
        other_name=row["other_name"],
        other_gap=row["other_gap"],
        overlap=row["overlap"],
        change=change,
    )


def _held(run: RunFile, both: Paired, rows: IntArray) -> dict[int, IntArray]:
    """Places among the pairs of the members of each aggressor of a run, by concept."""
    found = fetch(
        run,
        "SELECT a.concept_id, a.row_id FROM aggressors g JOIN assignments a USING (concept_id)"
        " ORDER BY a.concept_id",
    )
    place = np.full(sum(run.populations.values()), -1, dtype=np.int64)
    place[rows] = np.arange(len(both))
    concepts = np.asarray(found["concept_id"].to_numpy())
    places = place[np.asarray(found["row_id"].to_numpy())]
    kept: BoolArray = places >= 0
    concepts, places = concepts[kept], places[kept]
    if not len(concepts):
        return {}
    known, starts = np.unique(concepts, return_index=True)
    return dict(zip(known.tolist(), np.split(places, starts[1:]), strict=True))
