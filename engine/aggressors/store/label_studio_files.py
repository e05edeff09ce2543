"""What Label Studio exports: tasks with annotations (JSON), and its one-row-an-annotation forms.

Source: labelstud.io/guide/export and /guide/task_format, and the exports of label-studio 1.21.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aggressors.store.label_answers import (
    NO_ANSWER,
    NO_DATE,
    NO_WHOLE_LABEL,
    Answer,
    Odd,
    moment,
    plain_text,
    such,
    text_of,
)
from aggressors.store.label_states import SKIPPED

_ANSWERED = ("annotations", "completions", "predictions")


def is_task(record: Mapping[str, Any], id_key: str) -> bool:
    """Tell whether a record is a task, which has its sample in `data`; it may be untouched."""
    return isinstance(record.get("data"), dict) and (
        id_key not in record or any(key in record for key in _ANSWERED)
    )


def of_tasks(
    tasks: Sequence[tuple[int, Mapping[str, Any]]], columns: Mapping[str, str]
) -> tuple[Answer, ...]:
    """Read one answer an annotation; a task without any says nothing yet.

    A skipped task is rejected, unless somebody else labeled it. Of the annotations of a task those
    that are marked as ground truth count alone. Predictions are the model's own and no answer.
    """
    found: list[Answer] = []
    id_key = columns.get("sample_id", "sample_id")
    for row, task in tasks:
        sample_id, strange = plain_text(task["data"].get(id_key), id_key)
        given = task.get("annotations") or task.get("completions") or []
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            odd = Odd(NO_ANSWER, "its annotations are no list of records")
            found.append(Answer(row, sample_id, odd=(*strange, odd)))
            continue
        answers = [_annotation(row, sample_id, one, columns) for one in given]
        answers = answers or [Answer(row, sample_id)]
        found += [replace(one, odd=(*strange, *one.odd)) for one in answers] if strange else answers
    return tuple(found)


def _annotation(
    row: int, sample_id: str, given: Mapping[str, Any], columns: Mapping[str, str]
) -> Answer:
    by = annotator(given.get("completed_by"))
    at, odd = _moment(given)
    if given.get("was_cancelled") or given.get("skipped"):
        return Answer(row, sample_id, why=SKIPPED, by=by, at=at, odd=odd)
    results = given.get("result") or []
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        odd = (*odd, Odd(NO_ANSWER, "its result is no list of records"))
        return Answer(row, sample_id, by=by, at=at, odd=odd)
    tags = columns.get("label", "label"), columns.get("of_group", "of_group")
    label, unread = _label(results, tags[0])
    of_group, unclear = _of_group(results, tags[1])
    odd = (*odd, *unread, *unclear)
    others = [str(one.get("from_name")) for one in results if one.get("from_name")]
    if others and not set(tags) & set(others):
        odd = (*odd, Odd(NO_ANSWER, f"no tag {tags[0]!r}; there is {others[0]!r}"))
    decided = bool(given.get("ground_truth"))
    return Answer(row, sample_id, label, "", of_group, by, at, odd, decided)


def _label(results: Sequence[Mapping[str, Any]], name: str) -> tuple[str, tuple[Odd, ...]]:
    """Read the label of an annotation; two of them are none of the whole sample."""
    label, odd = "", ""
    for one in results:
        if one.get("from_name") == name:
            said, strange = choice(one.get("value"))
            odd = odd or strange or ("two labels in one annotation" if label else "")
            label = said
    return label, (Odd(NO_WHOLE_LABEL, odd),) if odd else ()


def _of_group(
    results: Sequence[Mapping[str, Any]], name: str
) -> tuple[bool | None, tuple[Odd, ...]]:
    found: tuple[bool | None, tuple[Odd, ...]] = None, ()
    for one in results:
        if one.get("from_name") == name:
            said, strange = choice(one.get("value"))
            found = such(strange or said, name)
    return found


def choice(value: object) -> tuple[str, str]:
    """Read a label from what a tag gave, in any of the exports; and why there is none, or ''.

    That is a text or number; a record of `choices`, `text` or `number`; or a list of one of these.
    In a CSV records and lists stand as JSON.
    """
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            inner = json.loads(value)
        except ValueError:
            return text_of(value), ""  # a class may be called so
        return choice(inner) if isinstance(inner, dict | list) else (text_of(value), "")
    if isinstance(value, dict):
        for key in ("choices", "text", "number", "rating"):
            if key in value:
                return choice(value[key])
        kinds = ", ".join(map(str, value)) or "nothing"
        return "", f"an answer of {kinds[:60]} is no label of the whole sample"
    if isinstance(value, list):
        if len(value) > 1:
            return "", f"{len(value)} labels in one answer: {json.dumps(value)[:60]}"
        return choice(value[0]) if value else ("", "")
    return text_of(value), ""


def annotator(value: object) -> str:
    """Name who annotated: Label Studio gives a number, or a record of the user."""
    if isinstance(value, dict):
        email = value.get("email")
        return text_of(email) if email else annotator(value.get("id"))
    said = text_of(value).strip()
    return f"annotator {said}" if said.isdecimal() else said


def _moment(given: Mapping[str, Any]) -> tuple[datetime | None, tuple[Odd, ...]]:
    """When it was annotated; old versions wrote seconds since 1970."""
    key = "updated_at" if given.get("updated_at") else "created_at"
    value = given.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC), ()
        except (ValueError, OverflowError, OSError):
            return None, (Odd(NO_DATE, f"{key} is {value}"),)
    return moment(value, key)
