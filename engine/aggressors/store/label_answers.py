"""One answer of a labeler, and how values of any file become text."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import NamedTuple

ROLES = ("sample_id", "label", "why", "of_group", "by", "at")
# What a CSV of ours begins with a ' for, see `export.table`.
FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_EXACT = 2**53  # below it a float holds every whole number
_SHOWN = 60  # characters of a value in a message
YES = ("yes", "true", "1", "1.0")
NO = ("no", "false", "0", "0.0")
_SUCH = (*YES, "such a sample")
_OTHER = (*NO, "not of the group")
_OPEN = ("", "unknown")

# What of an answer may be unreadable.
NO_WHOLE_LABEL = "no label of the whole sample"
NO_YES_OR_NO = "neither yes nor no"
NO_DATE = "no date"
NO_TEXT = "neither text nor number"
NO_ROW = "not as long as the header"
NO_ANSWER = "no answer that can be read"


class Odd(NamedTuple):
    """Something of an answer that cannot be read: of which kind, and what it says."""

    kind: str
    got: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one row, or one annotation of a task, says of a sample.

    Parameters
    ----------
    row : its place in the file, as `Answers.unit` counts.
    label : '' where there is none.
    why : why it was rejected, '' where it was not.
    of_group : whether it is such a sample as the queue asks for; None where nobody says.
    by, at : who said it, and when; '' and None where the file does not tell.
    odd : all of it that cannot be read.
    decided : it was set above the other answers of its task.
    """

    row: int
    sample_id: str
    label: str = ""
    why: str = ""
    of_group: bool | None = None
    by: str = ""
    at: datetime | None = None
    odd: tuple[Odd, ...] = ()
    decided: bool = False


def text_of(value: object) -> str:
    """Write a value as ids and classes are written; '' for what is missing.

    A whole number that a table holds as a float, as pandas does where some are missing, loses its
    `.0`.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def plain_text(value: object, column: str) -> tuple[str, tuple[Odd, ...]]:
    """Write a value as `text_of` does; a list or record is told."""
    if isinstance(value, list | tuple | dict):
        kind = "a record" if isinstance(value, dict) else "a list"
        return "", (Odd(NO_TEXT, f"{column} is {kind}: {str(value)[:_SHOWN]}"),)
    return text_of(value), ()


def such(value: object, column: str) -> tuple[bool | None, tuple[Odd, ...]]:
    """Read whether it is such a sample; None where nobody says, and any other word is told."""
    said = text_of(value).strip().lower()
    if said in _OPEN:
        return None, ()
    if said in _SUCH or said in _OTHER:
        return said in _SUCH, ()
    return None, (Odd(NO_YES_OR_NO, f"{column} is {text_of(value)[:_SHOWN]!r}"),)


def moment(value: object, column: str) -> tuple[datetime | None, tuple[Odd, ...]]:
    """Read when something was said, in UTC unless it tells its zone; what is no date is told."""
    given = value
    if value is None or not text_of(value).strip():
        return None, ()
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            value = None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        try:
            return (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)), ()
        except OverflowError:  # the first or last day there is, in another zone
            pass
    return None, (Odd(NO_DATE, f"{column} is {text_of(given)[:_SHOWN]!r}"),)


def known_as(text: str, known: Collection[str]) -> str:
    """Find what a text of a file stands for among what is known; without its guard where nothing.

    It may have got a ' for a spreadsheet, or blanks around it.
    """
    bare = text.strip()
    for each in (text, unguarded(text), bare, unguarded(bare)):
        if each in known:
            return each
    return unguarded(bare)


def unguarded(text: str) -> str:
    """Take away the ' that keeps a spreadsheet from running a text as a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULAS) else text
