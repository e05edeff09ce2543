"""Small JSON files that people keep and edit: one flat record a file, named by its slug."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, Field, asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar
from unicodedata import category

from aggressors.errors import InputError, UsageError
from aggressors.store.workspace import check_slug

Record = TypeVar("Record")

_TYPES = {
    "str": ((str,), "text"),
    "int": ((int,), "whole number"),
    "int | None": ((int, type(None)), "whole number or null"),
    "float": ((int, float), "number"),
    "tuple[str, ...]": ((list,), "list of texts"),
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be used, with the sentence that says why."""

    slug: str
    reason: str


def list_records(
    folder: Path, read: Callable[[str], Record], only: Callable[[str], bool] = lambda slug: True
) -> tuple[list[Record], list[Unreadable]]:
    """All records of a folder by slug, and the files that cannot be read.

    Files whose slug `only` turns down are not opened.
    """
    found, wrong = [], []
    for path in sorted(folder.glob("*.json")):
        if path.name.startswith(".") or not only(path.stem):
            continue
        try:
            found.append(read(path.stem))
        except InputError as error:
            wrong.append(Unreadable(path.stem, str(error)))
        except UsageError as error:
            wrong.append(Unreadable(path.stem, f"{path} has no name that can be used: {error}"))
    return found, wrong


def read_record(path: Path, kind: type[Record], what: str, mend: str) -> Record:
    """Read a record and check its fields, none of which may be missing or unknown.

    Parameters
    ----------
    kind : a dataclass of text, lists of texts, numbers and `int | None`, with a default for
        `schema_version`, and for each field that older versions lack.
    what : what the record is, for messages.
    mend : what to do about a file that was edited to nonsense.

    Raises
    ------
    InputError : there is no such file, or it is wrong; names file and field.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"There is no {what} {path.stem!r} in {path.parent}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON: {error}. {mend}") from error
    if not isinstance(raw, Mapping):
        raise InputError(f"{path} must hold one JSON object; got {type(raw).__name__}. {mend}")
    entries = {entry.name: entry for entry in fields(kind)}  # type: ignore[arg-type]
    newest: Any = entries["schema_version"].default
    version = raw.get("schema_version")
    if isinstance(version, int) and version > newest:
        raise InputError(
            f"{path}: 'schema_version' is {version}, this version of aggressors reads {newest}. "
            "Upgrade with `pip install --upgrade aggressors`."
        )
    values: dict[str, Any] = {}
    for name, entry in entries.items():
        if name not in raw and isinstance(version, int) and version < newest and _late(entry):
            values[name] = entry.default
            continue
        if name not in raw:
            raise InputError(f"{path}: the field {name!r} is missing. {mend}")
        values[name] = _typed(raw[name], str(entry.type), name, path, mend)
    unknown = sorted(set(raw) - set(values))
    if unknown:
        raise InputError(
            f"{path}: there is no field {unknown[0]!r}; fields are {', '.join(sorted(values))}."
        )
    if isinstance(version, int) and 0 < version < newest:  # read as what it would be written as
        values["schema_version"] = newest
    return kind(**values)


def one_line(text: str) -> str:
    """Write what people call something, or themselves, on one line without control characters.

    Raises
    ------
    InputError : bytes of a command line that are no UTF-8.
    """
    if _is_broken(text):
        raise InputError(f"{text!r} is no valid text. Write it in UTF-8.")
    spaced = " ".join(text.split())
    return "".join(sign for sign in spaced if category(sign) != "Cc").strip()


def _is_broken(text: str) -> bool:
    """Whether a text holds what no file or terminal can: half of a surrogate pair."""
    return any(category(sign) == "Cs" for sign in text)


def _late(entry: Field[Any]) -> bool:
    """Whether a field came with a later version, so that older files lack it."""
    return entry.name != "schema_version" and entry.default is not MISSING


def as_json(record: Any) -> bytes:
    """Write a record so that it reads well in a review."""
    return f"{json.dumps(asdict(record), indent=2, sort_keys=True, ensure_ascii=False)}\n".encode()


def slugs_of(title: str, kind: str) -> Iterator[str]:
    """Yield slugs of a title, from the second on with a number.

    Parameters
    ----------
    kind : what stands before a title that cannot begin a slug.
    """
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48].strip("-")
    wanted = f"{kind}-{words}" if not words or words[0].isdigit() else words
    wanted = wanted.strip("-")
    for number in range(1, 1_000):
        with suppress(UsageError):  # a name that no file may have, such as con
            yield check_slug(wanted if number == 1 else f"{wanted}-{number}")


def _typed(value: Any, type_name: str, name: str, path: Path, mend: str) -> Any:
    wanted, words = _TYPES[type_name]
    if isinstance(value, bool) or not isinstance(value, wanted):
        raise InputError(f"{path}: {name!r} must be a {words}; got {value!r}. {mend}")
    if isinstance(value, list):
        if not all(isinstance(one, str) for one in value):
            raise InputError(f"{path}: {name!r} must be a {words}; got {value!r}. {mend}")
        return tuple(value)
    if isinstance(value, str) and _is_broken(value):
        raise InputError(f"{path}: {name!r} holds half of a character ({value!a:.80}). {mend}")
    if isinstance(value, int) and type_name == "float":
        try:
            return float(value)
        except OverflowError as error:
            raise InputError(f"{path}: {name!r} is too large for a {words}. {mend}") from error
    return value
