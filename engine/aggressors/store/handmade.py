"""Hand-made groups as files: `handmade/<slug>.json`, a selection that somebody keeps by name.

A hand-made group is a filter that a person chose. It is measured as an aggressor is, and is never
counted as one: nobody knows how many selections were looked at before it was kept. Each file is
written whole and never rewritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from aggressors.store.records import Unreadable, one_line
from aggressors.store.shelf import LONGEST_AUTHOR as LONGEST_AUTHOR
from aggressors.store.shelf import Shelf, check_selects
from aggressors.store.workspace import Workspace

VERSION = 1
LONGEST_NAME = 200


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
    return _shelf(workspace).newest()


def read_handmade(workspace: Workspace, slug: str) -> HandMade:
    """Read and check one hand-made group.

    Raises
    ------
    InputError : no such file, or one edited to nonsense; names file and field.
    UsageError : `slug` is no slug.
    """
    return _shelf(workspace).read(slug)


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
    check_selects(filter, "A hand-made group needs a selection; set a filter first.")
    name = (one_line(name) or filter)[:LONGEST_NAME]
    author = one_line(author)[:LONGEST_AUTHOR]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return _shelf(workspace).keep(
        name,
        "group",
        make=lambda slug: HandMade(slug, name, filter, run_id, author, now),
        same=lambda one: (one.filter, one.run_id) == (filter, run_id),
    )


def remove_handmade(workspace: Workspace, slug: str) -> None:
    """Remove a hand-made group; one that is gone already is none.

    Raises
    ------
    UsageError : `slug` is no slug. WorkspaceError : the file cannot be removed.
    """
    _shelf(workspace).remove(slug)


def _shelf(workspace: Workspace) -> Shelf[HandMade]:
    return Shelf(workspace.handmade, HandMade, "hand-made group", "hand-made groups")
