"""Hypotheses as files: `hypotheses/<slug>.json`, a claim about why a group fails.

A hypothesis is a filter that somebody holds to be the cause. Each file is written whole and never
rewritten; verdicts on it are kept elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aggressors.errors import FilterError, InputError, UsageError
from aggressors.queries.grammar import parse
from aggressors.store.files import explained, place_new
from aggressors.store.records import as_json, list_records, read_record
from aggressors.store.workspace import Workspace, check_slug

VERSION = 2
LONGEST_TITLE = 200
LONGEST_AUTHOR = 80
_MEND = "Correct it, or remove the file."


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


@dataclass(frozen=True, slots=True)
class UnreadableHypothesis:
    """A file that cannot be used, with the sentence that says why."""

    slug: str
    reason: str


def list_hypotheses(
    workspace: Workspace,
) -> tuple[list[Hypothesis], list[UnreadableHypothesis]]:
    """All hypotheses, the newest first, and those whose files are wrong."""
    found, wrong = list_records(workspace.hypotheses, lambda slug: read_hypothesis(workspace, slug))
    found.sort(key=lambda one: (one.created_at, one.slug), reverse=True)
    return found, [UnreadableHypothesis(*each) for each in wrong]


def read_hypothesis(workspace: Workspace, slug: str) -> Hypothesis:
    """Read and check one hypothesis.

    Raises
    ------
    InputError : no such file, or one edited to nonsense; names file and field.
    UsageError : `slug` is no slug.
    """
    path = _path(workspace, slug)
    found = read_record(path, Hypothesis, "hypothesis", _MEND)
    if found.slug != path.stem:
        raise InputError(
            f"{path}: 'slug' is {found.slug!r} but the file is called {path.stem!r}. {_MEND}"
        )
    try:
        parse(found.filter)
    except FilterError as error:
        raise InputError(f"{path}: 'filter' cannot be read: {error}") from error
    return found


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
    FilterError : `filter` cannot be read.
    UsageError : it claims nothing, or a thousand hypotheses have this title.
    WorkspaceError : the workspace cannot be written.
    """
    if not filter.strip() or filter.strip() == "all":
        raise UsageError("A hypothesis needs a claim; choose a finding, or set a filter.")
    parse(filter)
    held = tuple(confounders)
    for known in list_hypotheses(workspace)[0]:
        if _claim(known) == (filter, run_id, aggressor, held):
            return known
    title = (title.strip() or filter)[:LONGEST_TITLE]
    author = author.strip()[:LONGEST_AUTHOR]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for slug in _slugs(title):
        made = Hypothesis(slug, title, filter, run_id, aggressor, now, author, held)
        if place_new(_path(workspace, slug), as_json(made)):
            return made
        with suppress(InputError):  # an unreadable one keeps its name
            other = read_hypothesis(workspace, slug)
            if _claim(other) == _claim(made):  # another window was faster
                return other
    raise UsageError(f"Too many hypotheses are called {title!r}; remove some.")


def remove_hypothesis(workspace: Workspace, slug: str) -> None:
    """Remove a hypothesis; one that is gone already is none.

    Raises
    ------
    UsageError : `slug` is no slug. WorkspaceError : the file cannot be removed.
    """
    path = _path(workspace, slug)
    with explained(path):
        path.unlink(missing_ok=True)


def _path(workspace: Workspace, slug: str) -> Path:
    return workspace.hypotheses / f"{check_slug(slug)}.json"


def _claim(one: Hypothesis) -> tuple[str, str, int | None, tuple[str, ...]]:
    return one.filter, one.run_id, one.aggressor, one.confounders


def _slugs(title: str) -> Iterator[str]:
    """Yield slugs of a title, from the second on with a number."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48].strip("-")
    wanted = f"claim-{words}" if not words or words[0].isdigit() else words
    wanted = wanted.strip("-")
    for number in range(1, 1_000):
        with suppress(UsageError):  # a name that no file may have, such as con
            yield check_slug(wanted if number == 1 else f"{wanted}-{number}")
