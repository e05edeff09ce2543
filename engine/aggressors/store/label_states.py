"""From what happened to the samples of a label queue to what they are: the last word holds."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.store.label_events import EVENTS

State = Literal["queued", "exported", "labeled", "rejected"]
STATES: tuple[State, ...] = get_args(State)

NOT_OF_GROUP = "not of the group"
UNUSABLE = "unusable"
SKIPPED = "skipped"

_QUEUED, _EXPORTED, _LABELED, _REJECTED, _RETURNED, _REMOVED = range(len(EVENTS))
_NONE = -1
# Columns of a row and the events that they are read from.
_CHOSEN = ("run_id", "aggressor", "group", "reason", "similarity", "priority", "expected")
_SAID = ("label", "of_group", "why")

Places = NDArray[np.int64]


def fold(events: pa.Table, numbers: dict[int, int]) -> pa.Table:
    """Tell what stands in a queue, in its order.

    A sample stands where it was first queued since it was last removed. Labeled and rejected hold
    until another of them, or `returned`, is said; an export only moves what waits for a label.

    Parameters
    ----------
    events : of all batches in their order, as `label_events.read` gives them.
    numbers : number of an export by the place of its file among the batches.

    Returns
    -------
    sample_id, state, run_id, aggressor, group, reason, similarity, priority, expected, queued_by,
    queued_at, format, batch (number of the last export), exported_at, label, of_group, why,
    labeled_at, by and changed_at (of the last change).
    """
    ids = events["sample_id"].combine_chunks().dictionary_encode()
    code = ids.indices.to_numpy().astype(np.int64)
    k = len(ids.dictionary)
    event = pc.index_in(events["event"], value_set=pa.array(EVENTS)).to_numpy()
    place = np.arange(len(code))

    def last(chosen: NDArray[np.bool_]) -> Places:
        found = np.full(k, _NONE, dtype=np.int64)
        np.maximum.at(found, code[chosen], place[chosen])
        return found

    def first(chosen: NDArray[np.bool_]) -> Places:
        found = np.full(k, len(code), dtype=np.int64)
        np.minimum.at(found, code[chosen], place[chosen])
        return found

    since = place > last(event == _REMOVED)[code]
    chosen = first(since & (event == _QUEUED))
    chosen = np.where(chosen < len(code), chosen, first(since))
    said = last(since & np.isin(event, (_LABELED, _REJECTED, _RETURNED)))
    sent = last(since & (event == _EXPORTED))
    order = np.argsort(chosen, kind="stable")
    order = order[chosen[order] < len(code)]
    return _table(events, event, numbers, chosen[order], said[order], sent[order])


def _table(
    events: pa.Table,
    event: NDArray[np.int32],
    numbers: dict[int, int],
    chosen: Places,
    said: Places,
    sent: Places,
) -> pa.Table:
    """Gather the rows from the event by which each sample was queued, last judged and exported."""
    judged = np.where(said >= 0, event[said], _RETURNED) if len(event) else said
    waits = judged == _RETURNED
    exported = waits & (sent > said)
    state = np.select([judged == _LABELED, judged == _REJECTED, exported], [2, 3, 1], 0)
    last = np.maximum(np.maximum(chosen, said), np.where(exported, sent, _NONE))
    answer = np.where(waits, _NONE, said)

    def taken(name: str, places: Places) -> pa.ChunkedArray:
        return events[name].take(pa.array(places, mask=places < 0))

    when = pc.coalesce(taken("said_at", answer), taken("created", answer))
    batch = taken("batch", sent).to_pylist()
    return pa.table(
        {
            "sample_id": taken("sample_id", chosen),
            "state": pa.array(STATES).take(pa.array(state)),
            **{name: taken(name, chosen) for name in _CHOSEN},
            "queued_by": taken("by", chosen),
            "queued_at": taken("created", chosen),
            "format": taken("format", sent),
            "batch": pa.array(
                [None if one is None else numbers.get(one) for one in batch], pa.int32()
            ),
            "exported_at": taken("created", sent),
            **{name: taken(name, answer) for name in _SAID},
            "labeled_at": when,
            "by": taken("by", last),
            "changed_at": taken("created", last),
        }
    )
