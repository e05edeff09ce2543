"""What the next model made of the samples that a label queue brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import RunSummary
from aggressors.joining import Signals, pair, signals_of
from aggressors.judging import LEVEL
from aggressors.queries.judged import held_out, in_training
from aggressors.queries.marks import groups
from aggressors.queries.samples import concept_of_rank
from aggressors.queries.scope import fetch
from aggressors.stats.intervals import BoolArray, Interval
from aggressors.stats.paired import paired_difference
from aggressors.store.workspace import versions

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

__all__ = ["Closed", "Gain", "gain", "later_runs", "trained_on"]


@dataclass(frozen=True, slots=True)
class Gain:
    """The same samples before and after: of the aggressor, or of the rest.

    Parameters
    ----------
    before, after : mean of the signal of the run before, such as its loss; less is better.
    difference : after - before, with its 95 % interval; below 0 it got better.
    """

    n: int
    before: float
    after: float
    difference: Interval


@dataclass(frozen=True, slots=True)
class Closed:
    """What a later run made of an aggressor, on samples that neither was trained or sought on.

    Parameters
    ----------
    aggressor, group : its rank in the earlier run, and its name, see `queries.marks.groups`.
    signal : what is compared, the signal of the earlier run.
    trained_on : of the `labeled` samples of the aggressor those in the training of the later run.
    members, rest : None where fewer than 2 samples can be compared.
    share : of the gap between members and rest, the part that is gone; None without a gap.
    relabeled : samples whose label differs between the runs; they are left out.
    """

    aggressor: int
    group: str
    run_id: str
    run_name: str
    created_at: str
    signal: str
    labeled: int
    trained_on: int
    members: Gain | None
    rest: Gain | None
    share: float | None
    relabeled: int


def later_runs(summaries: Iterable[RunSummary], rows: pa.Table, run_id: str) -> list[RunSummary]:
    """List the later models that can have learned from the labels of a queue, the first one first.

    These are the runs made after half of the labels were there. A derived run is no later model.
    """
    known = list(summaries)
    times = rows.filter(pc.equal(rows["state"], "labeled"))["changed_at"].drop_null()
    if not len(times):
        return []
    middle = sorted(times.to_pylist())[len(times) // 2]
    lead = versions(known)
    found = [
        one
        for one in known
        if _moment(one.created_at) >= middle
        and lead[one.run_id] == one.run_id
        and one.run_id != lead.get(run_id, run_id)
    ]
    return sorted(found, key=lambda one: (one.created_at, one.run_id))


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def trained_on(rows: pa.Table, run: RunFile) -> int:
    """Count the labeled samples of a queue that are in the training of a run."""
    labeled = rows.filter(pc.equal(rows["state"], "labeled"))["sample_id"].to_pylist()
    return len(in_training(run, labeled))


def gain(rows: pa.Table, before: RunFile, after: RunFile, rank: int) -> Closed:
    """Compare two runs on the same samples: those of an aggressor of the first one, and the rest.

    Samples of the half on which the aggressor was sought say nothing, and neither does what the
    later run was trained on.

    Raises
    ------
    UsageError : the first run has no aggressor of this rank.
    """
    concept = concept_of_rank(before, rank)
    signal = before.info.settings.signal
    table = held_out(before, [signal])
    table = table.filter(table["judges"])
    learned = list(in_training(after, table["sample_id"].to_pylist()))
    table = table.filter(
        pc.invert(pc.is_in(table["sample_id"], pa.array(list(learned), pa.string())))
    )
    later = signals_of(held_out(after, [signal]), signal)
    member = _members(before, concept, table)
    inside, moved = _gain(table.filter(pa.array(member)), signal, later)
    rest, moved_too = _gain(table.filter(pa.array(~member)), signal, later)
    of_rank = rows.filter(pc.fill_null(pc.equal(rows["aggressor"], rank), False))
    info = after.info
    return Closed(
        rank,
        groups(before).get(concept, ""),
        info.run_id,
        info.name,
        info.created_at,
        signal,
        of_rank.filter(pc.equal(of_rank["state"], "labeled")).num_rows,
        trained_on(of_rank, after),
        inside,
        rest,
        _closed(inside, rest),
        moved + moved_too,
    )


def _members(run: RunFile, concept: int, table: pa.Table) -> BoolArray:
    sql = "SELECT row_id FROM assignments WHERE concept_id = $concept"
    members = fetch(run, sql, params={"concept": concept})["row_id"].combine_chunks()
    found = pc.is_in(table["row_id"], value_set=members).to_numpy()
    return np.asarray(found, dtype=np.bool_)


def _gain(table: pa.Table, signal: str, later: Signals) -> tuple[Gain | None, int]:
    earlier = signals_of(table, signal)
    pairs = pair(earlier, later, earlier)
    if len(pairs.value) < 2:
        return None, pairs.relabeled
    found = paired_difference(pairs.value, pairs.reference, level=LEVEL)
    before, after = float(pairs.reference.mean()), float(pairs.value.mean())
    return Gain(len(pairs.value), before, after, found), pairs.relabeled


def _closed(inside: Gain | None, rest: Gain | None) -> float | None:
    """Tell what part of the gap between members and rest is gone; below 0 it has grown."""
    if inside is None or rest is None or inside.before <= rest.before:
        return None
    return 1 - (inside.after - rest.after) / (inside.before - rest.before)
