"""One answer of a labeler, and how values of any file become text."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

ROLES = ("sample_id", "label", "why", "of_group", "by", "at")
# What a CSV of ours begins with a ' for, see `export.table`.
FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_EXACT = 2**53  # below it a float holds every whole number


@dataclass(frozen=True, slots=True)
class Answer:
    """What one row, or one annotation of a task, says of a sample.

    Parameters
    ----------
    row : place of the row or task in its file, from 1.
    label : '' where there is none.
    why : why it was rejected, '' where it was not.
    of_group : whether it is such a sample as the queue asks for; None where nobody says.
    by, at : who said it, and when; '' and None where the file does not tell.
    odd : why it cannot be read as a label, '' where it can.
    decided : it was set above the other answers of its task.
    """

    row: int
    sample_id: str
    label: str = ""
    why: str = ""
    of_group: bool | None = None
    by: str = ""
    at: datetime | None = None
    odd: str = ""
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
