"""What Label Studio exports: tasks with annotations (JSON), and its one-row-an-annotation forms.

Source: labelstud.io/guide/export and /guide/task_format, and the exports of label-studio 1.21.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aggressors.store.label_answers import Answer, text_of
from aggressors.store.label_states import SKIPPED

_YES = ("yes", "true", "such a sample")
_NO = ("no", "false", "not of the group")


def are_tasks(records: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether records are tasks: they have their sample in `data`."""
    return bool(records) and all(
        isinstance(one.get("data"), dict)
        and ("annotations" in one or "completions" in one or "predictions" in one)
        for one in records
    )


def of_tasks(tasks: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> tuple[Answer, ...]:
    """Read one answer an annotation; a task without any says nothing yet.

    A skipped task is rejected, unless somebody else labeled it. Of the annotations of a task those
    that are marked as ground truth count alone. Predictions are the model's own and no answer.
    """
    found: list[Answer] = []
    for row, task in enumerate(tasks, start=1):
        sample_id = text_of(task["data"].get(columns.get("sample_id", "sample_id")))
        given = task.get("annotations") or task.get("completions") or []
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            found.append(Answer(row, sample_id, odd="its annotations are no list of records"))
            continue
        answers = [_annotation(row, sample_id, one, columns) for one in given]
        found += answers or [Answer(row, sample_id)]
    return tuple(found)


def _annotation(
    row: int, sample_id: str, given: Mapping[str, Any], columns: Mapping[str, str]
) -> Answer:
    by, at = annotator(given.get("completed_by")), _moment(given)
    if given.get("was_cancelled") or given.get("skipped"):
        return Answer(row, sample_id, why=SKIPPED, by=by, at=at)
    label, odd, of_group = "", "", None
    results = given.get("result") or []
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        return Answer(row, sample_id, by=by, at=at, odd="its result is no list of records")
    name = columns.get("label", "label")
    for one in results:
        if one.get("from_name") == columns.get("of_group", "of_group"):
            of_group, odd = _of_group(one, odd)
        elif one.get("from_name") == name:
            said, strange = choice(one.get("value"))
            odd = odd or strange or ("two labels in one annotation" if label else "")
            label = said
    others = [str(one.get("from_name")) for one in results if one.get("from_name")]
    if not label and not odd and of_group is None and others and name not in others:
        odd = f"no tag {name!r}; there is {others[0]!r}"
    decided = bool(given.get("ground_truth"))
    return Answer(row, sample_id, label, "", of_group, by, at, odd, decided)


def _of_group(result: Mapping[str, Any], odd: str) -> tuple[bool | None, str]:
    said, strange = choice(result.get("value"))
    word = said.strip().lower()
    if word in _YES or word in _NO:
        return word in _YES, odd
    return None, odd or strange or f"of_group is {said[:60]!r}, neither yes nor no"


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


def _moment(given: Mapping[str, Any]) -> datetime | None:
    for key in ("updated_at", "created_at"):
        value = given.get(key)
        if isinstance(value, str):
            try:
                found = datetime.fromisoformat(value)
            except ValueError:
                continue
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return None
