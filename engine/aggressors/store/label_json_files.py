"""JSON of labels: a list of records, or a record a line; anything else is told by its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from aggressors.errors import TableError

_RECORD = 'a record such as {"sample_id": "a", "label": "coat"}'
_LIST = 'a list of records such as [{"sample_id": "a", "label": "coat"}]'
_SHOWN = 60  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a file, each with its place: of the element in the list, or of the line."""

    unit: Literal["element", "line"]
    placed: tuple[tuple[int, dict[str, Any]], ...]


def read_records(text: str, name: str, id_key: str) -> Records | None:
    """Read a list of records, a record a line, or one record; None where a text is no JSON.

    Parameters
    ----------
    name : what to call the file in a message.
    id_key : key of a record that holds its sample id.

    Raises
    ------
    TableError : something else stands in a place, or what is there breaks off.
    """
    start = text.lstrip()[:1]
    if start == "[":
        return _of_list(text, name)
    if start == "{":
        return _of_lines(text, name, id_key)
    try:
        value = json.loads(text)
    except ValueError:
        return None
    raise TableError(f"{name} is {_said(value)} alone. Expected {_LIST}, or a record a line.")


def _of_list(text: str, name: str) -> Records:
    try:
        listed = json.loads(text)
    except json.JSONDecodeError as error:
        _refuse_json(error, name, error.lineno, f"Expected {_LIST}, whole.")
    places = enumerate(listed, start=1)
    return Records("element", tuple(_records(places, name, "element", "\\ud" in text.lower())))


def _of_lines(text: str, name: str, id_key: str) -> Records:
    try:
        whole = json.loads(text)  # one record, maybe over several lines
    except json.JSONDecodeError as error:
        lines = tuple(_lines(text, name, error))
        return Records("line", tuple(_records(lines, name, "line", "\\ud" in text.lower())))
    _refuse_wrapped(whole, name, id_key)
    first = 1 + text[: len(text) - len(text.lstrip())].count("\n")
    placed = ((first, whole),)
    return Records("line", tuple(_records(placed, name, "line", "\\ud" in text.lower())))


def _lines(text: str, name: str, whole: json.JSONDecodeError) -> Iterator[tuple[int, Any]]:
    """Read a value a line; `whole` is why the text is no single one."""
    said_any = False
    for place, line in enumerate(text.split("\n"), start=1):  # other breaks may stand in a text
        if not line.strip():
            continue
        try:
            yield place, json.loads(line)
        except json.JSONDecodeError as error:
            of, at = (error, place) if said_any else (whole, whole.lineno)
            _refuse_json(of, name, at, f"Expected {_RECORD} on each line.")
        said_any = True


def _records(
    placed: Any, name: str, unit: str, may_break: bool
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Require records of what was read; half a character, which no file can hold, is told too."""
    for place, value in placed:
        if not isinstance(value, dict):
            raise TableError(f"{name}, {unit} {place:,}: {_said(value)}. Expected {_RECORD}.")
        if may_break:
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except UnicodeEncodeError as error:
                half = ascii(error.object[error.start])
                raise TableError(
                    f"{name}, {unit} {place:,}: half of a character ({half}). Expected text in "
                    "whole characters; write the file as UTF-8."
                ) from error
        yield place, value


def _refuse_json(error: json.JSONDecodeError, name: str, line: int, expected: str) -> NoReturn:
    reason = error.msg.rstrip(".")
    raise TableError(
        f"{name}, line {line:,}: no sound JSON ({reason}, column {error.colno}). {expected}"
    ) from error


def _refuse_wrapped(record: dict[str, Any], name: str, id_key: str) -> None:
    """Refuse a record that holds the whole table: as a list within, or column by column."""
    given = record.get(id_key)
    if isinstance(given, dict | list):
        raise TableError(
            f"{name} is a table by columns: its {id_key!r} is {_said(given)}. Expected {_LIST}; "
            "pandas writes one with to_json(orient='records')."
        )
    if given is not None or isinstance(record.get("data"), dict):
        return
    for key, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            raise TableError(
                f"{name} is one record, whose {key!r} lists {len(value):,}. Expected {_LIST}: "
                f"write what {key!r} holds into a file of its own."
            )


def _said(value: object) -> str:
    """Say what a value is: "a list", "the text 'coat'", "the number 3"."""
    if isinstance(value, dict):
        return "a record"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {value[:_SHOWN]!r}"
    kind = "" if value is None or isinstance(value, bool) else "the number "
    return kind + json.dumps(value)[:_SHOWN]
