"""Hypotheses as files: `hypotheses/<slug>.json`, a claim about why a group fails.

A hypothesis is a filter that somebody holds to be the cause. Each file is written whole and never
rewritten; verdicts on it are kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
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

VERSION = 2
LONGEST_TITLE = 200
LONGEST_AUTHOR = 80


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A claim about a cause.

    Parameters
    ----------
    slug : name of its file.
    title : the claim in words.
    filter : text of the filter that holds for the samples it speaks of, in any population.
    run_id : the run on which it was made.
    aggressor : rank in that run of the aggressor that it is to explain; None for all samples.
    created_at : when it was saved, ISO 8601 in UTC.
    author : who holds it; '' where nobody was named.
    confounders : fields that are held still when it is tested, beside the label.
    schema_version : version of this format.
    """

    slug: str
    title: str
    filter: str
    run_id: str
    aggressor: int | None
    created_at: str
    author: str = ""
    confounders: tuple[str, ...] = ()
    schema_version: int = VERSION


def list_hypotheses(
    workspace: Workspace,
) -> tuple[list[Hypothesis], list[Unreadable]]:
    """All hypotheses, the newest first, and those whose files are wrong."""
    found, wrong = list_records(workspace.hypotheses, lambda slug: read_hypothesis(workspace, slug))
    found.sort(key=lambda one: (one.created_at, one.slug), reverse=True)
    return found, wrong


def read_hypothesis(workspace: Workspace, slug: str) -> Hypothesis:
    """Read and check one hypothesis.

    Raises
    ------
    InputError : no such file, or one edited to nonsense; names file and field.
    UsageError : `slug` is no slug.
    """
    return read_filter_record(_path(workspace, slug), Hypothesis, "hypothesis")


def save_hypothesis(
    workspace: Workspace,
    *,
    title: str,
    filter: str,
    run_id: str,
    aggressor: int | None,
    author: str = "",
    confounders: Sequence[str] = (),
) -> Hypothesis:
    """Write a new hypothesis; one with the same claim about the same aggressor is returned as is.

    The same claim with other confounders is another hypothesis.

    Raises
    ------
    FilterError : `filter` cannot be read. InputError : title or author is no text.
    UsageError : it claims nothing, or a thousand hypotheses have this title.
    WorkspaceError : the workspace cannot be written.
    """
    if not filter.strip() or filter.strip() == "all":
        raise UsageError("A hypothesis needs a claim; choose a finding, or set a filter.")
    parse(filter)
    title, author = title_of(title, filter), one_line(author)[:LONGEST_AUTHOR]
    held = tuple(confounders)
    wanted = (filter, run_id, aggressor, held)
    for known in list_hypotheses(workspace)[0]:
        if _claim(known) == wanted:
            return known
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return place_titled(
        lambda slug: _path(workspace, slug),
        title,
        "claim",
        make=lambda slug: Hypothesis(slug, title, filter, run_id, aggressor, now, author, held),
        read=lambda slug: read_hypothesis(workspace, slug),
        same=lambda one: _claim(one) == wanted,
        plural="hypotheses",
    )


def title_of(title: str, filter: str) -> str:
    """Title as it is kept: one line, not too long, and the filter where there is none."""
    return (one_line(title) or filter)[:LONGEST_TITLE]


def remove_hypothesis(workspace: Workspace, slug: str) -> None:
    """Remove a hypothesis; one that is gone already is none.

    Raises
    ------
    UsageError : `slug` is no slug. WorkspaceError : the file cannot be removed.
    """
    remove_record(_path(workspace, slug))


def _path(workspace: Workspace, slug: str) -> Path:
    return workspace.hypotheses / f"{check_slug(slug)}.json"


def _claim(one: Hypothesis) -> tuple[str, str, int | None, tuple[str, ...]]:
    return one.filter, one.run_id, one.aggressor, one.confounders
