"""Filters as files: `filters/<slug>.json`, under a name that somebody gave, or a digest.

A filter that is too long for an address, such as a list of samples, is kept under the digest of
its text, so that the link to it is short. Each file is written whole and never rewritten: a name or
a link always means the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path

from aggressors.errors import FilterError, InputError, UsageError
from aggressors.queries.grammar import SAVED, expand, format_filter, parse
from aggressors.store.files import place_new
from aggressors.store.records import Unreadable, as_json, one_line
from aggressors.store.shelf import LONGEST_AUTHOR, Shelf
from aggressors.store.workspace import Workspace, check_slug

VERSION = 2
LONGEST_TITLE = 80
_DIGEST = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class KeptFilter:
    """A filter of a workspace.

    Parameters
    ----------
    slug : name of its file, by which filters and links refer to it: `@slug`.
    title : as somebody called it; '' for one that only has its digest.
    filter : text of the filter; it names no other kept filter.
    author : who saved it; '' where nobody said.
    created_at : when it was saved, ISO 8601 in UTC.
    run_id : the run of whose map or aggressors it speaks; '' where it speaks of none.
    schema_version : version of this format.
    """

    slug: str
    title: str
    filter: str
    author: str
    created_at: str
    run_id: str = ""
    schema_version: int = VERSION


def list_filters(workspace: Workspace) -> tuple[list[KeptFilter], list[Unreadable]]:
    """All filters that have a name, by title, and those whose files are wrong."""
    found, wrong = _shelf(workspace).listed(only=lambda slug: not _DIGEST.fullmatch(slug))
    found.sort(key=lambda one: (one.title.lower(), one.slug))
    return found, wrong


def read_filter(workspace: Workspace, slug: str) -> KeptFilter:
    """Read and check one filter.

    Raises
    ------
    InputError : no such file, or one edited to nonsense; names file and field.
    UsageError : `slug` is no slug.
    """
    shelf = _shelf(workspace)
    found = shelf.read(slug)
    if _DIGEST.fullmatch(slug) and digest(found.filter) != slug:
        raise InputError(
            f"{shelf.path(slug)}: 'filter' was changed, and links to it mean what it was. "
            "Remove the file."
        )
    return found


def find(workspace: Workspace, name: str) -> str:
    """Text of the filter that a workspace keeps under a name or digest; for `grammar.expand`.

    Raises
    ------
    FilterError : there is none, or its file is wrong. `name` may come from a stranger.
    """
    try:
        path = _path(workspace, name)
    except UsageError as error:
        raise FilterError(
            f"{SAVED}{name:.80} names no saved filter: a name has a to z, 0 to 9 and hyphens."
        ) from error
    if not path.is_file():
        raise FilterError(_unknown(workspace, name))
    try:
        return read_filter(workspace, name).filter
    except InputError as error:
        raise FilterError(str(error)) from error


def finder(workspace: Workspace | None) -> Callable[[str], str]:
    """`find` in a workspace; where there is none, it tells so."""
    if workspace is not None:
        return lambda name: find(workspace, name)

    def none(name: str) -> str:
        raise FilterError(
            f"{SAVED}{name:.80} is a filter that a workspace keeps, and a single run file has "
            "none. Open the workspace that it was saved in, with --workspace DIR."
        )

    return none


def save_filter(
    workspace: Workspace, title: str, filter: str, author: str = "", run_id: str = ""
) -> KeptFilter:
    """Keep a filter under a name; the same filter under the same name is returned as it is.

    Parameters
    ----------
    filter : its text; names of kept filters in it are replaced by what they stand for.
    run_id : the run of whose map or aggressors it speaks; '' where it speaks of none.

    Raises
    ------
    FilterError : `filter` cannot be read. InputError : title or author is no text.
    UsageError : no name, one that makes no file's name, or one that another filter has.
    WorkspaceError : the workspace cannot be written.
    """
    title, author = one_line(title), one_line(author)[:LONGEST_AUTHOR]
    if not title:
        raise UsageError("A saved filter needs a name, such as 'dusk at the riverside'.")
    if len(title) > LONGEST_TITLE:
        raise UsageError(
            f"The name of a filter has at most {LONGEST_TITLE} characters; got {len(title)}."
        )
    return _place(workspace, _slug(title), title, _plain(workspace, filter), author, run_id)


def keep(workspace: Workspace, filter: str) -> KeptFilter:
    """Keep a filter under the digest of its text; one that is there is returned as it is.

    Raises
    ------
    FilterError : `filter` cannot be read. WorkspaceError : the workspace cannot be written.
    """
    text = _plain(workspace, filter)
    return _place(workspace, digest(text), "", text, "", "")


def remove_filter(workspace: Workspace, slug: str) -> None:
    """Remove a filter; one that is gone already is none.

    Raises
    ------
    UsageError : `slug` is no slug. WorkspaceError : the file cannot be removed.
    """
    _shelf(workspace).remove(slug)


def digest(text: str) -> str:
    """Name of a filter that nobody named: 16 hexadecimal digits of the SHA-256 of its text."""
    return sha256(text.encode()).hexdigest()[:16]


def _place(
    workspace: Workspace, slug: str, title: str, text: str, author: str, run_id: str
) -> KeptFilter:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    made = KeptFilter(slug, title, text, author, now, run_id)
    if place_new(_path(workspace, slug), as_json(made)):
        return made
    try:
        there = read_filter(workspace, slug)
    except InputError as error:  # it keeps its name, until somebody looks at it
        raise UsageError(str(error)) from error
    if (there.filter, there.run_id) == (text, run_id):
        return there
    raise UsageError(
        f"A filter is saved as {SAVED}{slug} already: {there.filter:.80}. "
        "Take another name, or remove that one first."
    )


def _plain(workspace: Workspace, text: str) -> str:
    return format_filter(parse(expand(text, finder(workspace))))


def _path(workspace: Workspace, slug: str) -> Path:
    return _shelf(workspace).path(slug)


def _shelf(workspace: Workspace) -> Shelf[KeptFilter]:
    return Shelf(workspace.filters, KeptFilter, "saved filter", "saved filters")


def _slug(title: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48].strip("-")
    if not words:  # another script, which no file's name may have
        return f"filter-{digest(title)[:8]}"
    try:
        return check_slug(f"filter-{words}" if _DIGEST.fullmatch(words) else words)
    except UsageError:  # a name that no file may have, such as con
        return f"filter-{words}"


def _unknown(workspace: Workspace, name: str) -> str:
    if _DIGEST.fullmatch(name):
        return (
            f"The workspace {workspace.root} does not keep the filter {SAVED}{name}: it was "
            "removed, or the link comes from another workspace. Set the filter again."
        )
    known = [one.slug for one in list_filters(workspace)[0]]
    near = get_close_matches(name, known, n=1)
    listed = ", ".join(f"{SAVED}{slug}" for slug in near or known[:6])
    there = (
        f"the nearest is {listed}" if near else f"there are {listed}" if known else "it has none"
    )
    return f"There is no saved filter {SAVED}{name} in {workspace.root}; {there}."
