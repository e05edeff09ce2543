"""Labels that come back: read from what spreadsheets, programs and Label Studio write.

Only the form is read here; whether the labels fit their queue is for `label_import` to tell.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pyarrow import parquet

from aggressors.errors import TableError, UsageError
from aggressors.store import label_studio_files
from aggressors.store.label_answers import (
    NO,
    NO_ROW,
    NO_WHOLE_LABEL,
    ROLES,
    YES,
    Answer,
    Odd,
    moment,
    plain_text,
    such,
)
from aggressors.store.label_json_files import Records, read_records

__all__ = ["Answers", "read_answers"]

_DELIMITERS = ",;\t"  # a spreadsheet writes what its country is used to
_LONGEST_CELL = 2**31 - 1
# Columns that stand for a role where none is named, the first that is there.
_USUAL = {
    "sample_id": ("sample_id",),
    "label": ("label",),
    "why": ("rejected",),
    "of_group": ("of_group",),
    "by": ("labeled_by", "annotator"),
    "at": ("labeled_at", "updated_at"),
}


@dataclass(frozen=True, slots=True)
class Answers:
    """The rows of a file, and in which form it was, such as "CSV" or "Label Studio JSON".

    `unit` is what their places count, from 1: rows, as a spreadsheet numbers them, its header
    being the first; lines; or elements of a list.
    """

    form: str
    rows: tuple[Answer, ...]
    unit: Literal["row", "line", "element"] = "row"


def read_answers(
    source: Path | str | bytes, name: str = "", columns: Mapping[str, str] | None = None
) -> Answers:
    """Read labels from a file, or from what an upload holds.

    CSV (also of tabs or semicolons), Parquet, JSON lines, a JSON array of records, and what Label
    Studio exports as JSON, JSON-MIN and CSV are told apart by what they hold.

    Parameters
    ----------
    name : what to call the file in a message; default its path.
    columns : column by role: sample_id, label, why (it was rejected), of_group (whether it is
        such a sample), by, at. Of Label Studio's JSON, `sample_id` is a key of the task's data,
        `label` and `of_group` are names of tags.

    Raises
    ------
    TableError : it cannot be read, or lacks a column. UsageError : there is no such role.
    """
    chosen = dict(columns or {})
    if strange := [role for role in chosen if role not in ROLES]:
        raise UsageError(f"There is no role {strange[0]!r}; there are {', '.join(ROLES)}.")
    if isinstance(source, bytes):
        name, content = name or "the upload", source
    else:
        name = name or str(source)
        content = _content(Path(source), name)
    try:
        return _answers(content, name, chosen)
    except (ValueError, csv.Error, pa.ArrowException, RecursionError) as error:
        if isinstance(error, TableError | UsageError):
            raise
        reason = str(error).partition("\n")[0].rstrip(".")
        raise TableError(
            f"{name} cannot be read as labels: {reason}. Give CSV, Parquet, JSON lines or what "
            "Label Studio exports as JSON, JSON-MIN or CSV."
        ) from error


def _content(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TableError(f"{name} cannot be read: {reason}. Name a file of labels.") from error


def _answers(content: bytes, name: str, columns: dict[str, str]) -> Answers:
    if not content.strip():
        raise TableError(f"{name} is empty. Name a file of labels.")
    if content.startswith(b"PAR1"):
        return Answers("Parquet", _of_parquet(content, name, columns))
    text = _decoded(content)
    records = read_records(text, name, columns.get("sample_id", "sample_id"))
    if records is not None:
        return _of_json(records, name, columns)
    rows = tuple(_of_csv(text, name, columns))
    header = text.partition("\n")[0]
    is_studio = "annotation_id" in header and "lead_time" in header
    return Answers("Label Studio CSV" if is_studio else "CSV", rows)


def _decoded(content: bytes) -> str:
    """Decode UTF-8, or the UTF-16 that a spreadsheet calls Unicode."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")


# --- JSON ---


def _of_json(found: Records, name: str, columns: dict[str, str]) -> Answers:
    id_key = columns.get("sample_id", "sample_id")
    tasks = [label_studio_files.is_task(record, id_key) for _, record in found.placed]
    if tasks and all(tasks):
        rows = label_studio_files.of_tasks(found.placed, columns)
        return Answers("Label Studio JSON", rows, found.unit)
    if any(tasks):
        odd = found.placed[tasks.index(not tasks[0])][0]
        task, record = "a task of Label Studio", "a record"
        before, there = (task, record) if tasks[0] else (record, task)
        raise TableError(
            f"{name}, {found.unit} {odd:,}: {there}, where what stands before is {before}. "
            "Expected the one or the other; write them into two files."
        )
    known = dict.fromkeys(key for _, record in found.placed for key in record)
    form = "JSON lines" if found.unit == "line" else "JSON"
    if "annotation_id" in known:
        form = "Label Studio JSON-MIN"
    return Answers(form, tuple(_of_records(found.placed, list(known), name, columns)), found.unit)


# --- Tables ---


def _of_parquet(content: bytes, name: str, columns: dict[str, str]) -> tuple[Answer, ...]:
    with parquet.ParquetFile(pa.BufferReader(content)) as file:
        at = _columns(file.schema_arrow.names, name, columns)
        table = file.read(list(dict.fromkeys(at.values())))
    placed = enumerate(table.to_pylist(), start=1)
    return tuple(_of_records(placed, table.column_names, name, columns))


def _of_csv(text: str, name: str, columns: dict[str, str]) -> Iterator[Answer]:
    csv.field_size_limit(_LONGEST_CELL)  # a cell may hold a long text
    wanted = columns.get("sample_id", "sample_id")
    first = text.partition("\n")[0]
    fits = (one for one in _DELIMITERS if wanted in next(csv.reader([first], delimiter=one), []))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=next(fits, ","), strict=True)
    header = next(reader)
    names = _columns(header, name, columns)
    at = {role: header.index(one) for role, one in names.items()}
    for place, cells in enumerate(reader, start=2):  # the header is row 1 of a spreadsheet
        if not cells:
            continue
        if len(cells) != len(header):
            odd = Odd(NO_ROW, f"{len(cells)} cells where the header has {len(header)}")
            one = cells[at["sample_id"]] if at["sample_id"] < len(cells) else ""
            yield Answer(place, one, odd=(odd,))
        else:
            yield _answer(place, {role: cells[index] for role, index in at.items()}, names)


def _of_records(
    placed: Iterable[tuple[int, Mapping[str, Any]]],
    known: Sequence[str],
    name: str,
    columns: dict[str, str],
) -> Iterator[Answer]:
    at = _columns(known, name, columns)
    for place, record in placed:
        yield _answer(place, {role: record.get(column) for role, column in at.items()}, at)


def _columns(known: Sequence[str], name: str, columns: Mapping[str, str]) -> dict[str, str]:
    """Find the column of each role; sample_id and one that answers are needed, each once."""
    if not known:
        raise TableError(f"{name} holds no record. Name a file of labels.")
    found = dict(columns)
    for role, usual in _USUAL.items():
        there = next((one for one in usual if one in known), None)
        if role not in found and there is not None:
            found[role] = there
    if "sample_id" not in found:
        found["sample_id"] = "sample_id"
    if not {"label", "why", "of_group"} & set(found):
        found["label"] = "label"
    for role, column in found.items():
        if column not in known:
            near = get_close_matches(column, known, n=1) or list(known)[:1]
            raise TableError(
                f"Column {column!r} is not in {name}; the nearest is {near[0] if near else ''!r}. "
                f"Name the column of the role {role} with --columns {role}=COLUMN."
            )
        if known.count(column) > 1:
            raise TableError(
                f"Column {column!r} stands {known.count(column)} times in {name}. Rename all but "
                f"the one that holds the role {role}."
            )
    return found


def _answer(row: int, cells: Mapping[str, Any], names: Mapping[str, str]) -> Answer:
    """Read one row: its cells by role; `names` are their columns."""
    sample_id, strange = plain_text(cells.get("sample_id"), names["sample_id"])
    label, no_label = label_studio_files.choice(cells.get("label"))
    why, unsaid = _reason(cells.get("why"), names.get("why", ""))
    of_group, unclear = such(cells.get("of_group"), names.get("of_group", ""))
    at, undated = moment(cells.get("at"), names.get("at", ""))
    unread = (Odd(NO_WHOLE_LABEL, no_label),) if no_label else ()
    by = label_studio_files.annotator(cells.get("by"))
    odd = (*strange, *unread, *unsaid, *unclear, *undated)
    return Answer(row, sample_id, label, why, of_group, by, at, odd)


def _reason(value: object, column: str) -> tuple[str, tuple[Odd, ...]]:
    """Give why a sample was rejected; a column may only tell that it was."""
    said, odd = plain_text(value, column)
    said = said.strip()
    if said.lower() in NO:
        return "", odd
    return "rejected by the labeler" if said.lower() in YES else said, odd
