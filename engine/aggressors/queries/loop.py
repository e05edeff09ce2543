"""What became of a label queue: done of total, and the share of it that was really such."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import EVERYTHING, Filter, Group, Not
from aggressors.judging import LEVEL
from aggressors.queries.fetching import PILOT, Promise, pilot, promised
from aggressors.queries.grammar import NOTHING, fields_of, parse
from aggressors.queries.marks import groups
from aggressors.queries.masks import rows as rows_through
from aggressors.queries.names import concepts_by_rank
from aggressors.queries.scope import fetch_rows
from aggressors.stats.intervals import Interval, wilson
from aggressors.store.label_states import NOT_OF_GROUP, STATES

if TYPE_CHECKING:
    from aggressors.store.marks import Mark
    from aggressors.store.read import RunFile

__all__ = ["Came", "Loop", "Part", "Pilot", "Told", "loop", "such"]

# Who tells whether a sample is such a one, from the surest on.
Told = Literal["labeler", "rule", "kept", "engine"]
_READ = ["sample_id", "state", "aggressor", "group", "label", "of_group", "why"]
SURE = 0.98  # precision and recall from which a rule is what defines its group


@dataclass(frozen=True, slots=True)
class Came:
    """The share of such samples among those that came back.

    Parameters
    ----------
    n : samples of which is known whether they are such, `such` of them are.
    share : with its 95 % interval (Wilson); None where n is 0.
    expected : mean chance of these n when they were queued; None where none had one.
    told : how many of the n each way told, see `such`.
    unknown : samples that came back, and nobody can tell.
    """

    n: int
    such: int
    share: Interval | None
    expected: float | None
    told: Mapping[Told, int]
    unknown: int


@dataclass(frozen=True, slots=True)
class Pilot:
    """The first samples to label, spread over what the queue holds of one aggressor.

    `done` of them came back; `came` is about these alone.
    """

    sample_ids: tuple[str, ...]
    done: int
    came: Came

    @property
    def complete(self) -> bool:
        """Whether all came back."""
        return self.done == len(self.sample_ids)


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a queue that was chosen for one aggressor; None and '' where for none.

    Parameters
    ----------
    expected : share of such samples in all of this part, as it was expected before any label.
    now : the same, given the answers so far.
    pilot : None where no candidate of the aggressor is in the queue.
    answers : by id, whether a sample that came back is such a one, as `queries.fetching` takes it.
    """

    group: str
    aggressor: int | None
    total: int
    states: Mapping[str, int]
    came: Came
    expected: Promise | None
    now: Promise | None
    pilot: Pilot | None
    answers: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Loop:
    """A queue as far as one run knows it; the ranks of its parts are those of that run."""

    run_id: str
    run_name: str
    total: int
    done: int
    came: Came
    parts: tuple[Part, ...]
    elsewhere: int  # samples that were chosen from other runs


# --- Such or not ---


def such(rows: pa.Table, run: RunFile, marks: Iterable[Mark] = ()) -> dict[str, tuple[bool, Told]]:
    """Tell of the samples that came back whether they are such as they were chosen for.

    In this order: the labeler says so (rejected as not of the group, `of_group`, or marked so on a
    page); the rule that defines the group, with the label that was given; the labeler was
    asked, since others of the queue were said to be none, and kept this one; the engine counted it
    to the group. Rejected for another reason, a sample tells nothing.

    Parameters
    ----------
    rows : of a label queue, chosen from `run`.
    """
    told: dict[str, tuple[bool, Told]] = {}
    marked = {(one.sample_id, one.group) for one in marks if one.mark == "not-of-group"}
    back = rows.select(_READ).filter(pc.is_in(rows["state"], pa.array(["labeled", "rejected"])))
    asked = set()
    for row in back.to_pylist():
        if row["why"] == NOT_OF_GROUP or (row["sample_id"], row["group"]) in marked:
            told[row["sample_id"]] = (False, "labeler")
        elif row["state"] == "labeled" and row["of_group"] is not None:
            told[row["sample_id"]] = (row["of_group"], "labeler")
        if not told.get(row["sample_id"], (True,))[0]:
            asked.add(row["group"])
    for rank in pc.unique(back["aggressor"].drop_null()).to_pylist():
        here = back.filter(
            pc.and_(pc.equal(back["aggressor"], rank), pc.equal(back["state"], "labeled"))
        )
        for one, found in _by_definition(here, run, rank, asked).items():
            told.setdefault(one, found)
    return told


def _by_definition(
    rows: pa.Table, run: RunFile, rank: int, asked: set[str]
) -> dict[str, tuple[bool, Told]]:
    ids = rows["sample_id"].to_pylist()
    concept = concepts_by_rank(run).get(rank)
    if concept is None:  # the run was made anew since
        return {}
    if (rule := _rule(run, concept)) is not None:
        labels = dict(zip(ids, rows["label"].to_pylist(), strict=True))
        return {one: (hit, "rule") for one, hit in _fulfil(run, rule, labels).items()}
    if asked & set(rows["group"].to_pylist()):
        return dict.fromkeys(ids, (True, "kept"))
    sql = """
        SELECT s.sample_id, a.row_id IS NOT NULL FROM samples s
        LEFT JOIN assignments a ON a.row_id = s.row_id AND a.concept_id = $concept
        WHERE s.sample_id IN (SELECT unnest($ids::VARCHAR[]))
    """
    found = fetch_rows(run, sql, params={"ids": ids, "concept": concept})
    return {one: (hit, "engine") for one, hit in found}


def _rule(run: RunFile, concept: int) -> Filter | None:
    """Read the rule of a group, if that defines it."""
    sql = """
        SELECT rule ->> '$.filter', (rule ->> '$.precision')::DOUBLE, (rule ->> '$.recall')::DOUBLE
        FROM concepts WHERE concept_id = $concept
    """
    text, precision, recall = fetch_rows(run, sql, params={"concept": concept})[0]
    if not text or min(precision or 0.0, recall or 0.0) < SURE:
        return None
    rule = parse(text)
    return None if {"prediction", "correct", "loss"} & fields_of(rule) else rule


def _fulfil(run: RunFile, rule: Filter, labels: Mapping[str, str]) -> dict[str, bool]:
    """Tell which samples fulfil a rule, each under the label that it was given."""
    sql = (
        "SELECT sample_id, row_id FROM samples WHERE sample_id IN (SELECT unnest($ids::VARCHAR[]))"
    )
    place = dict(fetch_rows(run, sql, params={"ids": list(labels)}))
    found: dict[str, bool] = {}
    for label in dict.fromkeys(labels.values()):
        through = set(rows_through(run, _under(rule, label)).tolist())
        found |= {
            one: place[one] in through
            for one, said in labels.items()
            if said == label and one in place
        }
    return found


def _under(rule: Filter, label: str) -> Filter:
    """Decide what a rule says of the label, so that it speaks of the rest alone."""
    if isinstance(rule, Group):
        return Group(rule.kind, tuple(_under(part, label) for part in rule.parts))
    if isinstance(rule, Not):
        return Not(_under(rule.part, label))
    if rule.field != "label":
        return rule
    holds = label in map(str, rule.values)
    if rule.op == "!=":
        holds = not holds
    return EVERYTHING if holds and rule.op in ("=", "in", "!=") else NOTHING


def _came(rows: pa.Table, told: Mapping[str, tuple[bool, Told]]) -> Came:
    back = rows.filter(pc.is_in(rows["state"], pa.array(["labeled", "rejected"])))
    ids = back["sample_id"].to_pylist()
    known = [one for one in ids if one in told]
    hits = sum(told[one][0] for one in known)
    chance = dict(zip(ids, back["expected"].to_pylist(), strict=True))
    chances = [chance[one] for one in known if chance[one] is not None]
    return Came(
        len(known),
        hits,
        _share(hits, len(known)),
        float(np.mean(chances)) if chances else None,
        dict(Counter(told[one][1] for one in known)),
        len(ids) - len(known),
    )


def _share(hits: int, n: int) -> Interval | None:
    if not n:
        return None
    low, high = wilson(np.array([hits / n]), np.array([float(n)]), level=LEVEL)
    return Interval(hits / n, float(low[0]), float(high[0]))


# --- The whole ---


def loop(rows: pa.Table, run: RunFile, marks: Iterable[Mark] = ()) -> Loop:
    """Sum up a queue, as far as its samples were chosen from a run.

    Parameters
    ----------
    rows : of the label queue, as `LabelQueue.rows` gives them.
    marks : those that hold in the workspace.
    """
    ours = rows.filter(pc.is_in(rows["run_id"], pa.array([run.info.run_id, run.info.model_run])))
    told = such(ours, run, marks)
    known, concepts = groups(run), concepts_by_rank(run)
    parts = []
    for rank in dict.fromkeys(ours["aggressor"].to_pylist()):
        of_rank = pc.is_null(ours["aggressor"]) if rank is None else pc.fill_null(
            pc.equal(ours["aggressor"], rank), False
        )  # fmt: skip
        concept = concepts.get(rank)
        group = "" if concept is None else known[concept]
        parts.append(_part(ours.filter(of_rank), run, concept, group, told))
    done = rows.filter(pc.is_in(rows["state"], pa.array(["labeled", "rejected"]))).num_rows
    return Loop(
        run.info.run_id, run.info.name, rows.num_rows, done, _came(ours, told), tuple(parts),
        rows.num_rows - ours.num_rows,
    )  # fmt: skip


def _part(
    rows: pa.Table,
    run: RunFile,
    concept: int | None,
    group: str,
    told: Mapping[str, tuple[bool, Told]],
) -> Part:
    ids, states = rows["sample_id"].to_pylist(), rows["state"].to_pylist()
    answers = {one: told[one][0] for one in ids if one in told}
    first: list[str] = []
    before = now = None
    if concept is not None:
        first = pilot(run, concept, ids)
        before, now = promised(run, concept, ids), promised(run, concept, ids, answers)
    return Part(
        group,
        rows["aggressor"][0].as_py(),
        rows.num_rows,
        {state: states.count(state) for state in STATES},
        _came(rows, told),
        before,
        now,
        _piloted(rows, first, told) if first else None,
        answers,
    )


def _piloted(rows: pa.Table, first: Sequence[str], told: Mapping[str, tuple[bool, Told]]) -> Pilot:
    chosen = rows.filter(pc.is_in(rows["sample_id"], pa.array(first)))
    came = _came(chosen, told)
    return Pilot(tuple(first[:PILOT]), came.n + came.unknown, came)
