"""Marks of a workspace as they concern one run and its aggressors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from aggressors.errors import UsageError
from aggressors.queries.scope import fetch_rows
from aggressors.queries.sql import Params
from aggressors.store.marks import MARKS, Mark, MarkKind, Marks

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

__all__ = [
    "MARKS",
    "TAG",
    "Mark",
    "MarkKind",
    "Marks",
    "Place",
    "as_table",
    "by_sample",
    "check_markable",
    "count",
    "groups",
    "params",
    "place_of",
    "tags",
]

SHOWN = 3  # ids in a message
TAG: MarkKind = "tag"
# Marks as rows, in their order; `params` binds what it reads.
MARKED = """
    SELECT unnest($marked::VARCHAR[]) AS sample_id, unnest($kinds::VARCHAR[]) AS mark,
        unnest($ranks::INTEGER[]) AS aggressor, unnest($runs::VARCHAR[]) AS run_id,
        unnest($concepts::INTEGER[]) AS concept_id, unnest($times::VARCHAR[]) AS created,
        generate_subscripts($marked::VARCHAR[], 1) AS place
"""
# Marks `l` of samples `s` that are about the concept: of its group, or of the label of a member or
# of a sample that was shown with it.
ABOUT = """
    $concept IS NULL
    OR l.aggressor = (SELECT rank FROM aggressors WHERE concept_id = $concept)
    OR (l.mark = 'label-wrong' AND (
        (l.run_id IN (SELECT unnest([run_id, nullif(derived_from, '')]) FROM run)
            AND l.concept_id = $concept)
        OR s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $concept)
    ))
"""
_COUNT = """
    SELECT count(DISTINCT l.sample_id)
    FROM ({marked}) l JOIN samples s ON s.sample_id = l.sample_id WHERE {about}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mark belongs: `group` and what was on screen, as in `Mark`."""

    group: str
    run_id: str
    concept_id: int | None


def groups(run: RunFile) -> dict[int, str]:
    """Name each aggressor's group as marks do, by concept.

    A group that a rule describes is the same group in every run that has it under this name; any
    other stands for itself in this run, and in those with the same groups and added metadata.
    """
    sql = """
        SELECT g.concept_id, g.name, c.rule ->> '$.filter'
        FROM aggressors g LEFT JOIN concepts c USING (concept_id)
    """
    return {
        concept_id: name if rule else f"{name} [{run.info.model_run}]"
        for concept_id, name, rule in fetch_rows(run, sql)
    }


def place_of(run: RunFile, mark: MarkKind, concept_id: int | None, tag: str = "") -> Place:
    """Tell where a mark belongs that is made on a run, with a concept on screen.

    `tag` is the words of a tag.

    Raises
    ------
    UsageError : "not of this group" without an aggressor of the run.
    """
    if mark != "not-of-group":
        return Place(" ".join(tag.split()), run.info.model_run, concept_id)
    known = groups(run)
    if concept_id not in known:
        raise UsageError(
            f"'not-of-group' is said of an aggressor, and run {run.info.name!r} has no concept "
            f"{concept_id} among them. Choose one of its aggressors."
        )
    return Place(known[concept_id], run.info.model_run, concept_id)


def check_markable(run: RunFile, sample_ids: Sequence[str], mark: MarkKind) -> None:
    """Refuse to mark what is not there, before anything is written.

    Raises
    ------
    UsageError : no such mark, a sample that the run does not have, or a wrong label where none is.
    """
    if mark not in MARKS:
        raise UsageError(f"There is no mark {mark!r}; there are {', '.join(MARKS)}.")
    sql = """
        SELECT sample_id, label IS NOT NULL FROM samples
        WHERE sample_id IN (SELECT unnest($ids::VARCHAR[]))
    """
    labeled = dict(fetch_rows(run, sql, params={"ids": list(sample_ids)}))
    strange = [one for one in sample_ids if one not in labeled]
    if strange:
        raise UsageError(
            f"Run {run.info.name!r} has no {_named(strange)}. Correct the ids, or leave them out."
        )
    bare = [one for one in sample_ids if not labeled[one]]
    if bare and mark == "label-wrong":
        raise UsageError(f"There is no label that could be wrong of {_named(bare)}. Leave it out.")


def _named(ids: Sequence[str]) -> str:
    named = ", ".join(map(repr, ids[:SHOWN]))
    return f"sample {named}" + (f" and {len(ids) - SHOWN:,} more" if len(ids) > SHOWN else "")


def by_sample(held: Iterable[Mark], group: str | None = None) -> dict[str, tuple[MarkKind, ...]]:
    """Sort marks by sample: of its label, and that it is not of the `group` on screen."""
    found: dict[str, tuple[MarkKind, ...]] = {}
    for one in held:
        if one.mark != TAG and one.group in ("", group):
            found[one.sample_id] = (*found.get(one.sample_id, ()), one.mark)
    return found


def tags(held: Iterable[Mark]) -> dict[str, tuple[str, ...]]:
    """Sort tags by sample, in the order they were given."""
    found: dict[str, tuple[str, ...]] = {}
    for one in held:
        if one.mark == TAG:
            found[one.sample_id] = (*found.get(one.sample_id, ()), one.group)
    return found


def as_table(run: RunFile, held: Iterable[Mark]) -> pa.Table:
    """Make a table of marks; `aggressor` is the rank of the group in this run, else NULL.

    A tag stands in `mark` as "tag: dark".
    """
    ranks = dict(fetch_rows(run, "SELECT concept_id, rank FROM aggressors"))
    by_group = {name: ranks[concept_id] for concept_id, name in groups(run).items()}
    found = list(held)
    return pa.table(
        {
            "sample_id": pa.array([one.sample_id for one in found], pa.string()),
            "mark": pa.array([_called(one) for one in found], pa.string()),
            "aggressor": pa.array(
                [None if one.mark == TAG else by_group.get(one.group) for one in found], pa.int32()
            ),
            "run_id": pa.array([one.run_id for one in found], pa.string()),
            "concept_id": pa.array([one.concept_id for one in found], pa.int32()),
            "created": pa.array([one.created for one in found], pa.string()),
        }
    )


def _called(one: Mark) -> str:
    return f"{TAG}: {one.group}" if one.mark == TAG else one.mark


def params(marks: pa.Table) -> Params:
    """Give what `MARKED` reads, from a table as `as_table` gives it."""
    columns = {
        "marked": "sample_id", "kinds": "mark", "ranks": "aggressor", "runs": "run_id",
        "concepts": "concept_id", "times": "created",
    }  # fmt: skip
    return {name: marks[column].to_pylist() for name, column in columns.items()}


def count(run: RunFile, marks: pa.Table, concept_id: int) -> int:
    """Count the samples of the run with a mark about a concept."""
    bound = params(marks) | {"concept": concept_id}
    return int(fetch_rows(run, _COUNT, params=bound, marked=MARKED, about=ABOUT)[0][0])
