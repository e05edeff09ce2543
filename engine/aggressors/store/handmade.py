"""Hand-made groups as files: `handmade/<slug>.json`, a selection that somebody keeps by name.

A hand-made group is a filter that a person chose. It is measured as an aggressor is, and is never
counted as one: nobody knows how many selections were looked at before it was kept. Each file is
written whole and never rewritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aggressors.errors import UsageError
from aggressors.queries.grammar import parse
from aggressors.store.records import (
    Unreadable,
    list_records,
    one_line,
    place_titled,
    read_filter_record,
    remove_record,
)
from aggressors.store.workspace import Workspace, check_slug

VERSION = 1
LONGEST_NAME, LONGEST_AUTHOR = 200, 100


@dataclass(frozen=True, slots=True)
class HandMade:
    """A selection that somebody keeps.

    Parameters
    ----------
    slug : name of its file.
    name : what it is called.
    filter : text of the filter that holds its samples, in any population.
    run_id : the run on which it was made.
    author : who keeps it; '' where nobody said.
    created_at : when it was kept, ISO 8601 in UTC.
    schema_version : version of this format.
    """

    slug: str
    name: str
    filter: str
    run_id: str
    author: str
    created_at: str
    schema_version: int = VERSION


def list_handmade(workspace: Workspace) -> tuple[list[HandMade], list[Unreadable]]:
    """All hand-made groups, the newest first, and those whose files are wrong."""
    found, wrong = list_records(workspace.handmade, lambda slug: read_handmade(workspace, slug))
    found.sort(key=lambda one: (one.created_at, one.slug), reverse=True)
    return found, wrong


def read_handmade(workspace: Workspace, slug: str) -> HandMade:
    """Read and check one hand-made group.

    Raises
    ------
    InputError : no such file, or one edited to nonsense; names file and field.
    UsageError : `slug` is no slug.
    """
    return read_filter_record(_path(workspace, slug), HandMade, "hand-made group")


def keep_handmade(
    workspace: Workspace, *, name: str, filter: str, run_id: str, author: str = ""
) -> HandMade:
    """Write a new hand-made group; the same filter of the same run is returned as it is.

    Raises
    ------
    FilterError : `filter` cannot be read. InputError : name or author is no text.
    UsageError : it selects every sample, or a thousand groups have this name.
    WorkspaceError : the workspace cannot be written.
    """
    if not filter.strip() or filter.strip() == "all":
        raise UsageError("A hand-made group needs a selection; set a filter first.")
    parse(filter)
    name = (one_line(name) or filter)[:LONGEST_NAME]
    author = one_line(author)[:LONGEST_AUTHOR]
    for known in list_handmade(workspace)[0]:
        if _selection(known) == (filter, run_id):
            return known
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return place_titled(
        lambda slug: _path(workspace, slug),
        name,
        "group",
        make=lambda slug: HandMade(slug, name, filter, run_id, author, now),
        read=lambda slug: read_handmade(workspace, slug),
        same=lambda one: _selection(one) == (filter, run_id),
        plural="hand-made groups",
    )


def remove_handmade(workspace: Workspace, slug: str) -> None:
    """Remove a hand-made group; one that is gone already is none.

    Raises
    ------
    UsageError : `slug` is no slug. WorkspaceError : the file cannot be removed.
    """
    remove_record(_path(workspace, slug))


def _path(workspace: Workspace, slug: str) -> Path:
    return workspace.handmade / f"{check_slug(slug)}.json"


def _selection(one: HandMade) -> tuple[str, str]:
    return one.filter, one.run_id
