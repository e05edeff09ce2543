"""Label queues: samples chosen to be labeled, what became of them, who said so, and when."""
# A little over 400 lines: what may happen to a queue, and what follows from it.

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aggressors.errors import UsageError
from aggressors.store import label_events
from aggressors.store.label_events import SCHEMA, person, word
from aggressors.store.label_figures import (
    Added,
    Export,
    Held,
    OfGroup,
    QueueSummary,
    export_of,
    groups_of,
    held_of,
    summary_of,
)
from aggressors.store.label_quota import Quota, read_quota, write_quota
from aggressors.store.label_states import (
    NOT_OF_GROUP,
    SKIPPED,
    STATES,
    UNUSABLE,
    State,
)

__all__ = [
    "DEFAULT_QUEUE",
    "NOT_OF_GROUP",
    "SKIPPED",
    "STATES",
    "UNUSABLE",
    "Added",
    "Export",
    "LabelQueue",
    "OfGroup",
    "QueueSummary",
    "Quota",
    "State",
    "named",
    "person",
    "summaries",
]

DEFAULT_QUEUE = "to-label"
SHOWN = 3  # ids in a message
# What a pick may say beside its sample_id.
PICK = ("run_id", "aggressor", "group", "reason", "similarity", "priority", "expected")


@dataclass(frozen=True, slots=True)
class LabelQueue:
    """One queue of a workspace; `Workspace.label_queue` gives it. It need not be there yet."""

    folder: Path

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    # --- Reading ---

    def rows(self, *states: State) -> pa.Table:
        """List the samples that stand in the queue, in its order; of some states, or of all.

        The columns are those of `store.label_states.fold`.
        """
        rows = self._held().rows
        return rows if not states else rows.filter(pc.is_in(rows["state"], pa.array(states)))

    def of(self, sample_ids: Sequence[str]) -> pa.Table:
        """Give the rows of some samples, in the order of the ids; of those that stand here."""
        rows = self.rows()
        at = pc.index_in(pa.array(sample_ids, pa.string()), rows["sample_id"].combine_chunks())
        return rows.take(at.drop_null())

    def taken(self) -> pa.ChunkedArray:
        """Sample ids that no other queue should take; what is of no group is free again."""
        rows = self.rows()
        free = pc.and_(
            pc.equal(rows["state"], "rejected"),
            pc.fill_null(pc.equal(rows["why"], NOT_OF_GROUP), False),
        )
        return rows["sample_id"].filter(pc.invert(free))

    def passed_over(self, *, again: bool = False) -> frozenset[str]:
        """Sample ids that `add` passes over: what stands here, and what another queue holds.

        Parameters
        ----------
        again : as for `add`, what another queue holds does not matter.
        """
        others = [] if again else [one for one in siblings(self.folder.parent) if one != self]
        ids = [self.rows()["sample_id"], *(one.taken() for one in others)]
        return frozenset(one for each in ids for one in each.to_pylist())

    def waiting(self, batch: int | None = None, *, new: bool = False) -> list[str]:
        """Sample ids that wait for a label, in the order of the queue.

        Parameters
        ----------
        batch : those of an export by its number, whatever became of them, but for removed ones.
        new : only those that were never exported.

        Raises
        ------
        UsageError : there is no such export.
        """
        if batch is not None:
            return self._exported_as(batch)
        rows = self.rows("queued") if new else self.rows("queued", "exported")
        return list(rows["sample_id"].to_pylist())

    def batches(self) -> tuple[Export, ...]:
        """List the exports of the queue, the first one first."""
        held = self._held()
        return tuple(export_of(held, place, number) for place, number in held.exports)

    @property
    def broken(self) -> tuple[str, ...]:
        """A sentence for each file of the queue that cannot be read; the others count."""
        return self._held().broken + read_quota(self.folder)[1]

    @property
    def quota(self) -> Quota:
        """Its limits."""
        return read_quota(self.folder)[0]

    def summary(self) -> QueueSummary:
        """Count what stands in the queue, without a look at others."""
        return summary_of(label_events.listed(self.folder), self.name)

    # --- Changing ---

    def add(self, picks: pa.Table, *, by: str = "", again: bool = False) -> Added:
        """Put samples at the end of the queue: the first ones that fit its quota.

        Parameters
        ----------
        picks : a column `sample_id`, and any of `PICK`; `queries.queued.picks` makes it.
        again : also take what another queue holds.

        Raises
        ------
        UsageError : no column sample_id, or one that lacks an id. WorkspaceError : the workspace
        cannot be written.
        """
        if "sample_id" not in picks.column_names or picks["sample_id"].null_count:
            raise UsageError(
                f"Samples for a label queue need a column sample_id; got {picks.column_names}."
            )
        who, added = person(by), self._sorted_out(picks, again=again)
        if not added.added:
            return added
        taken = _rows_of(picks, added.added)
        columns = {name: taken[name] for name in PICK if name in taken.column_names}
        label_events.write(self.folder, "queued", taken["sample_id"], columns, by=who)
        return added

    def set_quota(self, quota: Quota, *, by: str = "") -> None:
        """Limit what `add` takes from now on; raises WorkspaceError."""
        write_quota(self.folder, quota, person(by))

    def exported(self, sample_ids: Sequence[str], format: str, *, by: str = "") -> Export:
        """Record that samples were exported; returns the export with its number.

        Raises
        ------
        UsageError : no sample, or one that does not stand in the queue.
        """
        self._require(sample_ids)
        path = label_events.write(
            self.folder, "exported", sample_ids,
            {"format": word(format, "The name of a format")}, by=person(by),
        )  # fmt: skip
        held = self._held()
        places = [one.path for one in label_events.listed(self.folder)]
        number = dict(held.exports)[places.index(path)]
        return export_of(held, places.index(path), number)

    def mark(
        self,
        sample_ids: Sequence[str],
        state: State,
        *,
        labels: str | Sequence[str] | None = None,
        of_group: bool | Sequence[bool | None] | None = None,
        why: str | Sequence[str] = "",
        said_at: datetime | Sequence[datetime | None] | None = None,
        by: str | Sequence[str] = "",
    ) -> None:
        """Say what became of samples; what is given for each comes in the order of the ids.

        Parameters
        ----------
        state : `labeled` with its label; `rejected`, and why; `queued` takes either back, so that
            the sample waits again, in its old place; `exported` is what `exported` records.
        of_group : whether the labeler found it to be such a sample; None where nobody said.
        said_at : when it was said in the labeling tool.

        Raises
        ------
        UsageError : another state, a sample that does not stand in the queue, no label for one that
        is labeled, or one for another. WorkspaceError : the workspace cannot be written.
        """
        self._require(sample_ids)
        given = [labels] * len(sample_ids) if isinstance(labels, str | None) else list(labels)
        if state not in ("labeled", "rejected", "queued"):
            raise UsageError(
                f"A sample is marked as labeled, rejected or queued; got {state!r}. "
                "An export is recorded by `exported`."
            )
        if any(bool(one) != (state == "labeled") for one in given) or len(given) != len(sample_ids):
            raise UsageError(
                f"{state!r} of {len(sample_ids)} samples with {sum(map(bool, given))} labels: "
                "each labeled sample has one, and no other sample has any."
            )
        reasons = [why] * len(sample_ids) if isinstance(why, str) else list(why)
        columns: dict[str, Any] = {
            "label": given,
            "of_group": of_group if not isinstance(of_group, Sequence) else list(of_group),
            "why": [word(one, "A reason") for one in reasons],
            "said_at": list(said_at) if isinstance(said_at, Sequence) else said_at,
        }
        if not isinstance(by, str):
            columns["by"] = [person(one) for one in by]
        self._write("returned" if state == "queued" else state, sample_ids, columns, by)

    def answer(self, answers: pa.Table, *, by: str = "") -> None:
        """Take many answers at once, in one batch: all of them, or none.

        Parameters
        ----------
        answers : sample_id, event (labeled, rejected or returned), label, of_group, why, said_at
            and by, as `label_events.SCHEMA` has them; `by` here is who brings them where a row
            does not say.

        Raises
        ------
        UsageError, WorkspaceError : as `mark`.
        """
        ids = answers["sample_id"].to_pylist()
        self._require(ids)
        columns = {name: answers[name] for name in answers.column_names if name != "sample_id"}
        columns["by"] = pc.fill_null(answers["by"], person(by))
        label_events.write(self.folder, "labeled", ids, columns, by=person(by))

    def remove(self, sample_ids: Sequence[str], *, by: str = "") -> None:
        """Take samples out of the queue, with all that was said of them.

        Raises
        ------
        UsageError : no sample, or one that does not stand in the queue.
        """
        self._require(sample_ids)
        self._write("removed", sample_ids, {}, by)

    def take_back(self, sample_ids: Sequence[str], *, by: str = "") -> tuple[str, ...]:
        """Undo an `add`: take out those of its samples that still stand here, and return them.

        Raises
        ------
        UsageError : one of them was exported or came back since; then none is taken out.
        """
        rows = self.of(sample_ids).select(["sample_id", "state"]).to_pylist()
        if gone := [row["sample_id"] for row in rows if row["state"] != "queued"]:
            raise UsageError(
                f"Of these {len(sample_ids):,} samples in {self.name!r} {len(gone):,} went out "
                f"or came back since, such as {gone[0]!r}. Take out the others one by one."
            )
        there = tuple(row["sample_id"] for row in rows)
        if there:
            self.remove(there, by=by)
        return there

    def _write(
        self,
        event: label_events.Event,
        sample_ids: Sequence[str],
        columns: dict[str, Any],
        by: str | Sequence[str],
    ) -> None:
        who = person(by if isinstance(by, str) else "")
        label_events.write(self.folder, event, sample_ids, columns, by=who)

    # --- Within ---

    def _held(self) -> Held:
        return held_of(label_events.listed(self.folder))

    def _require(self, sample_ids: Sequence[str]) -> None:
        there = set(self.rows()["sample_id"].to_pylist())
        if strange := [one for one in sample_ids if one not in there]:
            raise UsageError(
                f"The queue {self.name!r} has no {named(strange)}. "
                f"`aggressors export RUN --what queue --queue {self.name}` lists what it has."
            )

    def _exported_as(self, number: int) -> list[str]:
        held = self._held()
        for place, known in held.exports:
            if known == number:
                ids = held.events.filter(pc.equal(held.events["batch"], place))["sample_id"]
                there = pc.is_in(ids, value_set=held.rows["sample_id"].combine_chunks())
                return list(ids.filter(there).to_pylist())
        have = f"there are 1 to {len(held.exports)}" if held.exports else "it was never exported"
        raise UsageError(f"The queue {self.name!r} has no export {number}; {have}.")

    def _sorted_out(self, picks: pa.Table, *, again: bool) -> Added:
        rows, quota = self.rows(), self.quota
        there = dict(zip(rows["sample_id"].to_pylist(), rows["state"].to_pylist(), strict=True))
        held = self._elsewhere(picks["sample_id"])
        full = Counter(groups_of(rows.filter(pc.not_equal(rows["state"], "rejected"))))
        total = full.total()
        added: dict[str, None] = {}
        already: dict[str, State] = {}
        elsewhere: dict[str, tuple[str, ...]] = {}
        over: dict[str, None] = {}
        for one, group in zip(picks["sample_id"].to_pylist(), groups_of(picks), strict=True):
            if one in added:
                continue
            if one in there:
                already[one] = there[one]
                continue
            if one in held:
                elsewhere[one] = held[one]
                if not again:
                    continue
            if full[group] >= quota.room(group) or (
                quota.total is not None and total >= quota.total
            ):
                over[one] = None
                continue
            added[one] = None
            full[group] += 1
            total += 1
        return Added(tuple(added), already, elsewhere, tuple(over))

    def _elsewhere(self, sample_ids: pa.ChunkedArray) -> dict[str, tuple[str, ...]]:
        """Names of the other queues that hold some samples; what is of no group is free again."""
        found: dict[str, tuple[str, ...]] = {}
        wanted = sample_ids.combine_chunks()
        for other in siblings(self.folder.parent):
            if other.name == self.name:
                continue
            ids = other.taken()
            for one in ids.filter(pc.is_in(ids, value_set=wanted)).to_pylist():
                found[one] = (*found.get(one, ()), other.name)
        return found


def siblings(labels: Path) -> list[LabelQueue]:
    """All queues of the folder `labels/`, by name."""
    from aggressors.store.workspace import is_slug

    if not labels.is_dir():
        return []
    return [
        LabelQueue(entry)
        for entry in sorted(labels.iterdir())
        if entry.is_dir() and is_slug(entry.name)
    ]


def summaries(labels: Path) -> list[QueueSummary]:
    """Sum up all queues of the folder `labels/`, by name."""
    queues = siblings(labels)
    ids = [one.rows()["sample_id"] for one in queues]
    chunks = [chunk for each in ids for chunk in each.chunks]
    counted = pc.value_counts(pa.chunked_array(chunks, pa.string()))
    twice = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    found = []
    for one, each in zip(queues, ids, strict=True):
        shared = pc.sum(pc.is_in(each, value_set=twice)).as_py() or 0
        found.append(replace(one.summary(), shared=shared, broken=one.broken))
    return found


def named(ids: Sequence[str]) -> str:
    """Name samples in a message: the first ones, and how many more."""
    shown = ", ".join(map(repr, ids[:SHOWN]))
    more = f" and {len(ids) - SHOWN:,} more" if len(ids) > SHOWN else ""
    return f"sample {shown}{more}"


def _rows_of(picks: pa.Table, ids: Sequence[str]) -> pa.Table:
    """Rows of some samples, each its first."""
    at = pc.index_in(pa.array(ids, pa.string()), value_set=picks["sample_id"].combine_chunks())
    return picks.take(at)


assert set(PICK) < set(SCHEMA.names)
