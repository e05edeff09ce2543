"""What to do about an aggressor, and which unlabeled samples would help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from aggressors.contracts import EVERYTHING, Action, Filter
from aggressors.errors import UsageError
from aggressors.queries.concept import Reason, by_sample_id, reasons
from aggressors.queries.scope import fetch, fetch_rows, scope
from aggressors.queries.sql import Params, fill

if TYPE_CHECKING:
    from aggressors.store.read import RunFile


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The recommended action for an aggressor, with its evidence, the weightiest first."""

    action: Action
    reasons: tuple[Reason, ...]


_AMONG = "c.sample_id IN (SELECT s.sample_id FROM {source} WHERE {where})"


def action(run: RunFile, concept_id: int) -> Recommendation:
    """Recommend an action for an aggressor.

    Raises
    ------
    UsageError : the concept is no aggressor.
    """
    sql = "SELECT action FROM aggressors WHERE concept_id = $concept"
    rows = fetch_rows(run, sql, params={"concept": concept_id})
    if not rows:
        raise UsageError(
            f"Concept {concept_id} of run {run.info.name!r} is no aggressor; "
            "`aggressors show` lists them."
        )
    return Recommendation(cast(Action, rows[0][0]), reasons(run, concept_id))


def candidates(
    run: RunFile,
    concept_id: int,
    filter: Filter = EVERYTHING,
    offset: int = 0,
    limit: int = 60,
) -> pa.Table:
    """Unlabeled samples similar to an aggressor, the first to label first.

    Returns
    -------
    row_id, rank, similarity (nats), priority in [0, 1], reason, then what `cards` adds.
    """
    sql = """
        SELECT c.sample_id, c.rank, c.similarity, c.priority, c.reason FROM candidates c
        WHERE c.concept_id = $concept AND {among}
        ORDER BY c.rank LIMIT $limit OFFSET $offset
    """
    among, params = _among(run, filter)
    params |= {"concept": concept_id, "limit": limit, "offset": offset}
    return by_sample_id(run, fetch(run, sql, params=params, among=among))


def candidate_count(run: RunFile, concept_id: int, filter: Filter = EVERYTHING) -> int:
    """Count the stored candidates of an aggressor in scope."""
    sql = """
        SELECT count(*) FROM candidates c
        WHERE c.concept_id = $concept AND {among}
    """
    among, params = _among(run, filter)
    params |= {"concept": concept_id}
    return int(fetch_rows(run, sql, params=params, among=among)[0][0])


def suspects(run: RunFile, concept_id: int, offset: int = 0, limit: int = 60) -> pa.Table:
    """List samples of a concept whose label or input should be looked at, most urgent first.

    Returns
    -------
    row_id, rank, suspicion (relabel or remove), suggested (a label, NULL for remove), reason, then
    what `cards` adds.
    """
    sql = """
        SELECT sample_id, rank, kind AS suspicion, suggested, reason FROM suspects
        WHERE concept_id = $concept ORDER BY rank, sample_id LIMIT $limit OFFSET $offset
    """
    params = {"concept": concept_id, "limit": limit, "offset": offset}
    return by_sample_id(run, fetch(run, sql, params=params))


def yields(run: RunFile, concept_id: int) -> pa.Table:
    """Read the expected share of such samples among the first candidates.

    Returns
    -------
    count, expected, low, high.
    """
    sql = """
        SELECT count, expected, low, high FROM yields
        WHERE concept_id = $concept ORDER BY count
    """
    return fetch(run, sql, params={"concept": concept_id})


def _among(run: RunFile, filter: Filter) -> tuple[str, Params]:
    """Condition on candidates `c` for a filter, with its parameters."""
    if filter == EVERYTHING:
        return "TRUE", {}  # the samples need not be read at all
    within = scope(run, filter)
    return fill(_AMONG, source=within.source, where=within.where), dict(within.params)
