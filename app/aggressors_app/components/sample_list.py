"""Read a list of samples that somebody pasted or uploaded."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import Protocol

from aggressors.errors import InputError
from aggressors.queries.grammar import MAX_VALUES

LONGEST = 500  # characters of one value; a list of anything else is no list
_APART = re.compile(r"[\n\r]+")


class Sent(Protocol):
    """An uploaded file."""

    def getvalue(self) -> bytes:
        """All of its bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """Values in the order of the list, each once."""

    values: tuple[str, ...]


def read_list(pasted: str, sent: Sent | None, field: str) -> Listed:
    """Read the values of a field from a text, an uploaded table, or both.

    A text has one value a line, or values separated by commas, semicolons or tabs; quotes hold a
    value with such a sign together. A table with a column called `field` is read from that column.

    Raises
    ------
    InputError : no value, too many, too long ones, or a file that is no text.
    """
    values = _values(pasted, field)
    if sent is not None:
        try:
            text = sent.getvalue().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError("The file is no UTF-8 text. Save it as CSV in UTF-8.") from error
        values += _values(text, field)
    once = tuple(dict.fromkeys(values))
    if not once:
        raise InputError(f"The list is empty. Paste values of {field}, one a line.")
    if len(once) > MAX_VALUES:
        raise InputError(
            f"The list has {len(once):,} values; at most {MAX_VALUES:,} are read. Shorten it, or "
            "add a metadata field that marks them."
        )
    if longest := next((value for value in once if len(value) > LONGEST), ""):
        raise InputError(
            f"A listed value has {len(longest):,} characters: {longest[:40]!r}… "
            "Put one value on a line."
        )
    return Listed(once)


def _values(text: str, field: str) -> list[str]:
    lines = [line for line in _APART.split(text.replace("\x00", "")) if line.strip()]
    if not lines:
        return []
    sign = next((one for one in "\t;," if any(one in line for line in lines[:50])), ",")
    try:
        rows = list(csv.reader(lines, delimiter=sign, skipinitialspace=True))
    except csv.Error as error:
        raise InputError(f"The list cannot be read: {error}. Put one value on a line.") from error
    names = [cell.strip() for cell in rows[0]]
    if field in names:
        place = names.index(field)
        found = [row[place] for row in rows[1:] if len(row) > place]
    else:
        found = [cell for row in rows for cell in row]
    return [cell.strip() for cell in found if cell.strip()]
