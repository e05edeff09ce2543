"""Labels that come back: read from what spreadsheets, programs and Label Studio write.

Only the form is read here; whether the labels fit their queue is for `label_import` to tell.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from aggressors.errors import TableError, UsageError
from aggressors.store import label_studio_files
from aggressors.store.label_answers import ROLES, Answer, text_of

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
    """The rows of a file, and in which form it was, such as "CSV" or "Label Studio JSON"."""

    form: str
    rows: tuple[Answer, ...]


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
    start = text.lstrip()[:1]
    if start == "[":
        return _of_array(json.loads(text), name, columns)
    if start == "{":
        return _of_lines(text, name, columns)
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


def _of_array(records: list[Any], name: str, columns: dict[str, str]) -> Answers:
    if strange := [one for one in records if not isinstance(one, dict)]:
        raise ValueError(f"it lists {json.dumps(strange[0])[:60]} among its records")
    if label_studio_files.are_tasks(records):
        return Answers("Label Studio JSON", label_studio_files.of_tasks(records, columns))
    known = dict.fromkeys(key for record in records for key in record)
    form = "Label Studio JSON-MIN" if "annotation_id" in known else "JSON"
    return Answers(form, tuple(_of_records(records, list(known), name, columns)))


def _of_lines(text: str, name: str, columns: dict[str, str]) -> Answers:
    try:
        records = [json.loads(text)]  # one record, maybe over several lines
    except ValueError:
        records = [json.loads(line) for line in text.splitlines() if line.strip()]
    found = _of_array(records, name, columns)
    return found if found.form == "Label Studio JSON" else Answers("JSON lines", found.rows)


# --- Tables ---


def _of_parquet(content: bytes, name: str, columns: dict[str, str]) -> tuple[Answer, ...]:
    with parquet.ParquetFile(pa.BufferReader(content)) as file:
        at = _columns(file.schema_arrow.names, name, columns)
        table = file.read(list(dict.fromkeys(at.values())))
    return tuple(_of_records(table.to_pylist(), table.column_names, name, columns))


def _of_csv(text: str, name: str, columns: dict[str, str]) -> Iterator[Answer]:
    csv.field_size_limit(_LONGEST_CELL)  # a cell may hold a long text
    wanted = columns.get("sample_id", "sample_id")
    first = text.partition("\n")[0]
    fits = (one for one in _DELIMITERS if wanted in next(csv.reader([first], delimiter=one), []))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=next(fits, ","), strict=True)
    header = next(reader)
    at = {role: header.index(one) for role, one in _columns(header, name, columns).items()}
    for place, cells in enumerate(reader, start=1):
        if not cells:
            continue
        if len(cells) != len(header):
            odd = f"{len(cells)} cells where the header has {len(header)}"
            one = cells[at["sample_id"]] if at["sample_id"] < len(cells) else ""
            yield Answer(place, one, odd=odd)
        else:
            yield _answer(place, {role: cells[index] for role, index in at.items()})


def _of_records(
    records: Sequence[Mapping[str, Any]], known: Sequence[str], name: str, columns: dict[str, str]
) -> Iterator[Answer]:
    at = _columns(known, name, columns)
    for place, record in enumerate(records, start=1):
        yield _answer(place, {role: record.get(column) for role, column in at.items()})


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


def _answer(row: int, cells: Mapping[str, Any]) -> Answer:
    label, odd = label_studio_files.choice(cells.get("label"))
    of_group, strange = _yes_or_no(cells.get("of_group"))
    return Answer(
        row,
        text_of(cells.get("sample_id")),
        label,
        why=_reason(text_of(cells.get("why"))),
        of_group=of_group,
        by=label_studio_files.annotator(cells.get("by")),
        at=_moment(cells.get("at")),
        odd=odd or strange,
    )


def _reason(said: str) -> str:
    """Give why a sample was rejected; a column may only tell that it was."""
    said = said.strip()
    if said.lower() in ("false", "no", "0"):
        return ""
    return "rejected by the labeler" if said.lower() in ("true", "yes", "1") else said


def _yes_or_no(value: object) -> tuple[bool | None, str]:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None, ""
    said = str(value).strip().lower()
    if said in ("", "unknown"):
        return None, ""
    if said in ("true", "yes", "1", "1.0"):
        return True, ""
    if said in ("false", "no", "0", "0.0"):
        return False, ""
    return None, f"of_group is {str(value)[:60]!r}, neither yes nor no"


def _moment(value: object) -> datetime | None:
    """When it was said; None where the file does not say it in a way that can be read."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
