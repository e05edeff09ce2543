"""A label queue in figures: what its batches add up to, kept as long as they are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from aggressors.store import label_events
from aggressors.store.label_states import STATES, State, fold


@dataclass(frozen=True, slots=True)
class Added:
    """What became of samples that were to be added, each kind in the order given.

    Parameters
    ----------
    added : those that now stand in the queue.
    already : state of those that stood in this queue before.
    elsewhere : names of the other queues that hold a sample, also of those added all the same.
    over_quota : those for which there was no room.
    """

    added: tuple[str, ...] = ()
    already: Mapping[str, State] = field(default_factory=dict)
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    over_quota: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Say it in words: "Added 38; 2 are in this queue already, 1 in another (dusk)."."""
        told = []
        if self.already:
            told.append(f"{len(self.already):,} in this queue already")
        if left := [one for one in self.elsewhere if one not in set(self.added)]:
            names = dict.fromkeys(name for one in left for name in self.elsewhere[one])
            told.append(f"{len(left):,} left out that another queue holds ({', '.join(names)})")
        if self.over_quota:
            told.append(f"{len(self.over_quota):,} left out by the quota")
        return f"Added {len(self.added):,}{'; ' if told else ''}{', '.join(told)}."


@dataclass(frozen=True, slots=True)
class Export:
    """One export of a queue; `samples` is None where its file cannot be read any more."""

    number: int
    format: str
    samples: int | None
    by: str
    created: str


@dataclass(frozen=True, slots=True)
class OfGroup:
    """The samples of a queue that were chosen for one aggressor, '' and None where for none."""

    group: str
    run_id: str
    aggressor: int | None
    total: int
    states: Mapping[State, int]


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """A queue in figures.

    Parameters
    ----------
    states : samples by state; all four are there.
    groups : the same for each aggressor, in the order in which they were first queued.
    created, changed : time of the first and the last change, ISO 8601 in UTC; '' in an empty queue.
    by : who changed it, in the order of their first change.
    shared : samples that another queue holds, too.
    broken : a sentence for each file that cannot be read.
    """

    name: str
    total: int
    states: Mapping[State, int]
    groups: tuple[OfGroup, ...] = ()
    created: str = ""
    changed: str = ""
    by: tuple[str, ...] = ()
    shared: int = 0
    broken: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """Samples that came back: labeled or rejected."""
        return self.states["labeled"] + self.states["rejected"]


@dataclass(frozen=True, slots=True)
class Held:
    """What the batches of a queue add up to."""

    rows: pa.Table
    events: pa.Table
    exports: tuple[tuple[int, int], ...]  # place of the file among the batches, and its number
    broken: tuple[str, ...]


@lru_cache(maxsize=64)
def held_of(batches: tuple[label_events.Batch, ...]) -> Held:
    """Read a queue from its batches; kept as long as they are the same."""
    events, broken = label_events.read(batches)
    exports = [place for place, one in enumerate(batches) if one.exports]
    numbers = {place: number for number, place in enumerate(exports, start=1)}
    return Held(fold(events, numbers), events, tuple(numbers.items()), broken)


@lru_cache(maxsize=64)
def summary_of(batches: tuple[label_events.Batch, ...], name: str) -> QueueSummary:
    """Sum up a queue by its batches, without a look at others."""
    held = held_of(batches)
    rows, events = held.rows, held.events
    span = pc.min_max(events["created"]).as_py()
    return QueueSummary(
        name,
        rows.num_rows,
        _states(rows["state"].to_pylist()),
        _by_group(rows),
        _iso(span["min"]),
        _iso(span["max"]),
        tuple(one for one in pc.unique(events["by"]).to_pylist() if one),
        broken=held.broken,
    )


def _states(states: Sequence[State]) -> dict[State, int]:
    counts = Counter(states)
    return {state: counts[state] for state in STATES}


def _by_group(rows: pa.Table) -> tuple[OfGroup, ...]:
    found: dict[str, list[int]] = {}
    for place, group in enumerate(groups_of(rows)):
        found.setdefault(group, []).append(place)
    told = []
    for places in found.values():
        first = rows.slice(places[0], 1).select(["group", "run_id", "aggressor"]).to_pylist()[0]
        states = _states(rows["state"].take(pa.array(places)).to_pylist())
        told.append(
            OfGroup(
                first["group"] or "", first["run_id"] or "", first["aggressor"],
                len(places), states,
            )
        )  # fmt: skip
    return tuple(told)


def groups_of(rows: pa.Table) -> list[str]:
    """Name the group of each row; one that has no name is told by its run and rank."""
    n = rows.num_rows
    columns = [
        rows[name].to_pylist() if name in rows.column_names else [None] * n
        for name in ("group", "run_id", "aggressor")
    ]
    return [
        group or (f"aggressor {rank} of {run}" if rank is not None else "")
        for group, run, rank in zip(*columns, strict=True)
    ]


def export_of(held: Held, place: int, number: int) -> Export:
    """Describe the export of this number, whose file has this place among the batches."""
    of_file = held.events.filter(pc.equal(held.events["batch"], place))
    if not of_file.num_rows:
        return Export(number, "", None, "", "")
    first = of_file.slice(0, 1).to_pylist()[0]
    return Export(
        number, first["format"] or "", of_file.num_rows, first["by"] or "", _iso(first["created"])
    )


def _iso(time: datetime | None) -> str:
    return "" if time is None else time.isoformat(timespec="seconds")
