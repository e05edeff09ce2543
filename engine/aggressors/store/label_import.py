"""Labels that come back to their queue: checked whole, and then taken whole or not at all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from aggressors.store.label_answers import (
    NO_ANSWER,
    NO_DATE,
    NO_ROW,
    NO_TEXT,
    NO_WHOLE_LABEL,
    NO_YES_OR_NO,
    Answer,
    known_as,
)
from aggressors.store.label_checked import Checked, Problem, Trouble
from aggressors.store.label_events import LONGEST_WORD
from aggressors.store.label_files import Answers
from aggressors.store.label_queues import LabelQueue
from aggressors.store.label_states import NOT_OF_GROUP, SKIPPED, UNUSABLE

__all__ = ["Allowed", "Checked", "Problem", "Trouble", "check"]

SEARCHED = 20  # unknown words for which the nearest known one is sought
# What a labeler may write in place of a class.
_REJECTIONS = (NOT_OF_GROUP, UNUSABLE, SKIPPED)
# Problems, in the order in which they are told, and what to do about each.
_NEXT = {
    "no sample_id": "name its column with --columns sample_id=COLUMN",
    "unknown id": "correct the ids, or leave such rows out with --skip-unknown",
    "not in this queue": "name the right queue, or leave such rows out with --skip-unknown",
    NO_ROW: "give each row the cells of the header, with quotes around a text that holds a comma",
    NO_TEXT: "write a text or a number",
    NO_ANSWER: "export the tasks anew, or name the tag with --columns label=TAG",
    NO_WHOLE_LABEL: "give each sample one class",
    NO_YES_OR_NO: "write yes, no, or nothing",
    NO_DATE: "write a date such as 2026-11-27 or 2026-11-27T12:30:00Z, or nothing",
    "no label": "label them, or leave them for later with --skip-empty",
    "unknown class": "correct them, or take new classes with --new-classes",
    "no number": "give a number for each",
    "two answers": "decide on one answer for each sample",
    "another answer in the queue": "leave them out, or replace what the queue has with --replace",
}


@dataclass(frozen=True, slots=True)
class Allowed:
    """What is taken, or left out, though it is not as expected.

    Parameters
    ----------
    new_classes : take labels that the run has no class for.
    replace : take an answer in the place of another one in the queue.
    skip_unknown : leave out what is not in the queue.
    skip_empty : leave out what has no label yet.
    """

    new_classes: bool = False
    replace: bool = False
    skip_unknown: bool = False
    skip_empty: bool = False


@dataclass
class _Checking:
    """What is known while answers are checked; `rows` collects the troubles by kind."""

    there: Mapping[str, tuple[str, str]]  # what the queue has: event and label, or why
    classes: Collection[str] | None
    elsewhere: Mapping[str, str]
    known: Collection[str]
    allowed: Allowed
    unit: str
    rows: dict[str, list[Trouble]] = field(default_factory=dict)
    left_out: int = 0
    near: dict[str, str] = field(default_factory=dict)

    def trouble(self, kind: str, answer: Answer, got: str) -> None:
        self.rows.setdefault(kind, []).append(Trouble(answer.row, answer.sample_id, got))

    def nearest_id(self, sample_id: str) -> str:
        """Name an id that is like an unknown one, for the first of them: a search takes long."""
        near: list[str] = []
        if len(self.rows.get("unknown id", ())) < SEARCHED:
            near = get_close_matches(sample_id, list(self.there)[:2_000], n=1)
        return f"the nearest is {near[0]!r}" if near else "no sample is called so"

    def nearest_class(self, label: str) -> str:
        """Name a class that is like an unknown one."""
        if label not in self.near:
            found = []
            if len(self.near) < SEARCHED:
                found = get_close_matches(label, list(self.classes or ()), n=1)
            self.near[label] = f", nearest {found[0]}" if found else ""
        return self.near[label]

    def problems(self) -> tuple[Problem, ...]:
        return tuple(
            Problem(kind, tuple(self.rows[kind]), step, self.unit)
            for kind, step in _NEXT.items()
            if kind in self.rows
        )


def check(
    queue: LabelQueue,
    answers: Answers,
    *,
    classes: Collection[str] | None,
    known: Collection[str] = (),
    allowed: Allowed = Allowed(),  # frozen
) -> Checked:
    """Check answers against their queue, all of them, before anything is taken.

    Parameters
    ----------
    classes : those of the run; empty where a label is a number; None where they are not known, so
        that any label will do.
    known : ids of the samples of the run, to tell apart what is not in this queue from what is
        nowhere.
    """
    held = queue.rows().select(["sample_id", "state", "label", "why", "of_group"]).to_pylist()
    there = {row["sample_id"]: _held(row) for row in held}
    group = {row["sample_id"]: row["of_group"] for row in held}
    state = _Checking(there, classes, _elsewhere(queue), known, allowed, answers.unit)
    by_sample: dict[str, list[Answer]] = {}
    for given in answers.rows:
        if (sound := _sound(state, given)) is not None:
            by_sample.setdefault(sound.sample_id, []).append(sound)
    joined = (_joined(state, alike) for alike in by_sample.values())
    taken = [one for one in joined if one is not None]
    new = [one for one in taken if _is_new(state, one, group[one.sample_id])]
    labels = dict.fromkeys(one.label for one in new if classes and not one.why)
    return Checked(
        queue,
        answers.form,
        len(answers.rows),
        state.problems(),
        tuple(one for one in new if not one.why),
        tuple(one for one in new if one.why),
        len(taken) - len(new),
        state.left_out,
        tuple(label for label in labels if label not in (classes or ())),
        answers.unit,
    )


def _is_new(state: _Checking, answer: Answer, group: bool | None) -> bool:
    """Tell whether an answer says more than the queue has; another answer there is a trouble."""
    had = state.there[answer.sample_id]
    if answer.why == SKIPPED and had[0] == "labeled":
        return False  # somebody else labeled it, as within one file
    if _said(answer) == had:  # maybe now also whether it is such a sample
        return answer.of_group not in (None, group)
    if had[0] and not state.allowed.replace:
        got = f"{_said(answer)[1]}, there {had[1]}"
        state.trouble("another answer in the queue", answer, got)
    return True


def _held(row: Mapping[str, str]) -> tuple[str, str]:
    """Give the answer that the queue has: event, and label or why; '' where it waits."""
    if row["state"] == "labeled":
        return "labeled", row["label"]
    return ("rejected", row["why"] or "") if row["state"] == "rejected" else ("", "")


def _said(one: Answer) -> tuple[str, str]:
    """Give an answer in the same form."""
    return ("rejected", one.why) if one.why else ("labeled", one.label)


def _elsewhere(queue: LabelQueue) -> dict[str, str]:
    from aggressors.store.label_queues import siblings

    found: dict[str, str] = {}
    for other in siblings(queue.folder.parent):
        if other.name != queue.name:
            found |= dict.fromkeys(other.rows()["sample_id"].to_pylist(), other.name)
    return found


def _sound(state: _Checking, given: Answer) -> Answer | None:
    """Resolve the id and the class of an answer; None where it cannot be taken."""
    if not given.sample_id.strip():
        for kind, got in given.odd or (("no sample_id", given.label or given.why or "empty"),):
            state.trouble(kind, given, got)
        return None
    one = _with(given, sample_id=known_as(given.sample_id, state.there))
    if one.sample_id not in state.there:
        if state.allowed.skip_unknown:
            state.left_out += 1
        elif one.sample_id in state.elsewhere:
            got = f"in the queue {state.elsewhere[one.sample_id]!r}"
            state.trouble("not in this queue", one, got)
        elif one.sample_id in state.known:
            state.trouble("not in this queue", one, "in the run, in no queue")
        else:
            state.trouble("unknown id", one, state.nearest_id(one.sample_id))
        return None
    for kind, got in one.odd:
        state.trouble(kind, one, got)
    if any(kind != NO_DATE for kind, _ in one.odd):
        return None
    classed = _classed(state, one)
    return None if one.odd else classed


def _classed(state: _Checking, one: Answer) -> Answer | None:
    """Check the label of an answer; what is said in its place makes a rejection."""
    why = " ".join(one.why.split())
    why = why.lower() if why.lower() in _REJECTIONS else why
    one = _with(one, label=known_as(one.label, state.classes or ()))
    if one.label and why == NOT_OF_GROUP:  # a label that helps, though not this group
        one, why = _with(one, why="", of_group=False), ""
    if why and one.label:
        state.trouble("two answers", one, f"{one.label[:60]}, and rejected: {why[:60]}")
        return None
    if why:
        if len(why) > LONGEST_WORD:
            state.trouble(NO_WHOLE_LABEL, one, f"a reason of {len(why)} characters")
            return None
        return _with(one, why=why, label="")
    if not one.label and one.of_group is False:
        return _with(one, why=NOT_OF_GROUP)
    if not one.label:
        if state.allowed.skip_empty:
            state.left_out += 1
        else:
            state.trouble("no label", one, "empty")
        return None
    classes, label = state.classes, one.label
    if classes and label not in classes and label.lower() in _REJECTIONS:
        return _with(one, why=label.lower(), label="")
    if classes is not None and not classes and not _is_number(label):
        state.trouble("no number", one, label[:60])
        return None
    if classes and label not in classes and not state.allowed.new_classes:
        state.trouble("unknown class", one, label[:60] + state.nearest_class(label))
        return None
    return one


def _joined(state: _Checking, given: Sequence[Answer]) -> Answer | None:
    """Make one answer of those of a sample; None, and a trouble, where they differ.

    A skip says nothing where somebody else answered, and what was decided stands above the rest.
    """
    if len(given) == 1:
        return given[0]
    said = [one for one in given if one.why != SKIPPED] or list(given)
    said = [one for one in said if one.decided] or said
    different = Counter((one.label, one.why) for one in said)
    if len(different) > 1:
        counts = ", ".join(
            f"{label or why} ({count})" if count > 1 else label or why
            for (label, why), count in different.most_common()
        )
        state.trouble("two answers", said[1], counts)
        return None
    groups = {one.of_group for one in said} - {None}
    times = [one.at for one in said if one.at is not None]
    names = ", ".join(dict.fromkeys(one.by for one in said if one.by))
    return _with(
        said[0],
        of_group=groups.pop() if len(groups) == 1 else None,
        by=names[:LONGEST_WORD],
        at=max(times, default=None),
    )


def _with(one: Answer, **changed: object) -> Answer:
    """Change an answer; the same one where nothing changes, as most often."""
    if all(getattr(one, name) == value for name, value in changed.items()):
        return one
    return replace(one, **changed)  # type: ignore[arg-type]


def _is_number(label: str) -> bool:
    try:
        return math.isfinite(float(label))
    except ValueError:
        return False
