"""Hypotheses as files: `hypotheses/<slug>.json`, a claim about why a group fails.

A hypothesis is a filter that somebody holds to be the cause. Each file is written whole and never
rewritten; verdicts on it are kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aggressors.store.records import Unreadable, one_line
from aggressors.store.shelf import LONGEST_AUTHOR, Shelf, check_selects
from aggressors.store.workspace import Workspace

VERSION = 2
LONGEST_TITLE = 200


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


def list_hypotheses(workspace: Workspace) -> tuple[list[Hypothesis], list[Unreadable]]:
    """All hypotheses, the newest first, and those whose files are wrong."""
    return _shelf(workspace).newest()


def read_hypothesis(workspace: Workspace, slug: str) -> Hypothesis:
    """Read and check one hypothesis.

    Raises
    ------
    InputError : no such file, or one edited to nonsense; names file and field.
    UsageError : `slug` is no slug.
    """
    return _shelf(workspace).read(slug)


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
    check_selects(filter, "A hypothesis needs a claim; choose a finding, or set a filter.")
    held = tuple(confounders)
    title, author = title_of(title, filter), one_line(author)[:LONGEST_AUTHOR]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return _shelf(workspace).keep(
        title,
        "claim",
        make=lambda slug: Hypothesis(slug, title, filter, run_id, aggressor, now, author, held),
        same=lambda one: _claim(one) == (filter, run_id, aggressor, held),
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
    _shelf(workspace).remove(slug)


def _shelf(workspace: Workspace) -> Shelf[Hypothesis]:
    return Shelf(workspace.hypotheses, Hypothesis, "hypothesis", "hypotheses")


def _claim(one: Hypothesis) -> tuple[str, str, int | None, tuple[str, ...]]:
    return one.filter, one.run_id, one.aggressor, one.confounders
