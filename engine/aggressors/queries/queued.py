"""Label queues beside a run: what to put into one, and what of one to take elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from aggressors.contracts import EVERYTHING, Filter
from aggressors.errors import UsageError
from aggressors.queries.listing import listed
from aggressors.queries.marks import groups
from aggressors.queries.samples import concept_of_rank
from aggressors.queries.scope import fetch

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

# The order of the ids that were given; unlabeled ones only, each once.
_GIVEN = """
    SELECT s.sample_id, s.label IS NOT NULL AS labeled, c.similarity, c.priority, c.chance, c.reason
    FROM (
        SELECT unnest($ids::VARCHAR[]) AS sample_id,
            generate_subscripts($ids::VARCHAR[], 1) AS place
    ) g
    JOIN samples s ON s.sample_id = g.sample_id
    LEFT JOIN candidates c ON c.sample_id = g.sample_id AND c.concept_id = $concept
    ORDER BY g.place
"""
_IDS = """
    SELECT s.sample_id
    FROM (
        SELECT unnest($rows::BIGINT[]) AS row_id, generate_subscripts($rows::BIGINT[], 1) AS place
    ) g
    JOIN samples s ON s.row_id = g.row_id ORDER BY g.place
"""
_NO_CONCEPT = -2  # of no candidate


def picks(run: RunFile, sample_ids: Sequence[str], rank: int | None = None) -> pa.Table:
    """Describe unlabeled samples as `LabelQueue.add` takes them, in the order given.

    Parameters
    ----------
    rank : the aggressor that they are chosen for; None for none.

    Returns
    -------
    sample_id, run_id, aggressor, group, reason, similarity, priority, and expected: the chance that
    it is such a sample. What is no candidate of the aggressor has neither reason nor chance.

    Raises
    ------
    UsageError : no aggressor has this rank, or a sample is not of the run or has a label.
    """
    ids = list(dict.fromkeys(sample_ids))
    concept = _NO_CONCEPT if rank is None else concept_of_rank(run, rank)
    found = fetch(run, _GIVEN, params={"ids": ids, "concept": concept})
    _check(run, ids, found)
    n = found.num_rows
    group = "" if rank is None else groups(run).get(concept, "")
    return pa.table(
        {
            "sample_id": found["sample_id"],
            "run_id": pa.repeat(run.info.run_id, n),
            "aggressor": pa.repeat(pa.scalar(rank, pa.int32()), n),
            "group": pa.repeat(group, n),
            "reason": found["reason"],
            "similarity": found["similarity"],
            "priority": found["priority"],
            "expected": found["chance"],
        }
    )


def held_here(
    run: RunFile,
    sample_ids: Sequence[str],
    rank: int | None = None,
    filter: Filter = EVERYTHING,
    count: int | None = None,
) -> list[str]:
    """Of samples of a label queue those that an export from this run writes, in their order.

    Give them to `export.export(run, "queue", queue=…)`, then to `LabelQueue.exported`.

    Parameters
    ----------
    rank : only members and candidates of this aggressor.

    Raises
    ------
    UsageError : no such rank, or a count below 1. FilterError : an unknown field.
    """
    chosen = listed(run, "queue", rank, filter, count, queue=sample_ids).chosen["row_id"]
    found = fetch(run, _IDS, params={"rows": chosen.to_pylist()})
    return list(found["sample_id"].to_pylist())


def _check(run: RunFile, ids: Sequence[str], found: pa.Table) -> None:
    from aggressors.store.label_queues import named

    known = dict(zip(found["sample_id"].to_pylist(), found["labeled"].to_pylist(), strict=True))
    if strange := [one for one in ids if one not in known]:
        raise UsageError(
            f"Run {run.info.name!r} has no {named(strange)}. Correct the ids, or leave them out."
        )
    if labeled := [one for one in ids if known[one]]:
        raise UsageError(
            f"Run {run.info.name!r} has a label for {named(labeled)}; only unlabeled samples are "
            "queued. Leave them out, or mark a wrong label on the page Aggressor."
        )
