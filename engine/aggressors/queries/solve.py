"""What to do about an aggressor, and which unlabeled samples would help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import EVERYTHING, Action, Filter
from aggressors.errors import UsageError
from aggressors.queries.cards import cards
from aggressors.queries.concept import by_sample_id, reasons
from aggressors.queries.masks import mask
from aggressors.queries.scope import fetch, fetch_rows
from aggressors.stats.diagnosis import Reason
from aggressors.store.held import held

if TYPE_CHECKING:
    from aggressors.store.read import RunFile


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The recommended action for an aggressor, with its evidence, the weightiest first."""

    action: Action
    reasons: tuple[Reason, ...]


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
        SELECT o.row_id, c.rank, c.similarity, c.priority, c.reason
        FROM (SELECT unnest($ranks::INTEGER[]) AS rank, unnest($rows::BIGINT[]) AS row_id) o
        JOIN candidates c ON c.rank = o.rank
        WHERE c.concept_id = $concept ORDER BY c.rank
    """
    rank, row = _among(run, concept_id, filter)[offset : offset + limit].T.tolist()
    params = {"concept": concept_id, "ranks": rank, "rows": row}
    return cards(run, fetch(run, sql, params=params))


def candidate_count(run: RunFile, concept_id: int, filter: Filter = EVERYTHING) -> int:
    """Count the stored candidates of an aggressor in scope."""
    return len(_among(run, concept_id, filter))


def _among(run: RunFile, concept_id: int, filter: Filter) -> NDArray[np.int64]:
    """(k, 2) rank and position of the candidates in scope, in the order of their ranks."""
    sql = """
        SELECT c.rank, s.row_id FROM candidates c JOIN samples s USING (sample_id)
        WHERE c.concept_id = $concept ORDER BY c.rank
    """

    def make() -> NDArray[np.int64]:
        rows = fetch_rows(run, sql, params={"concept": concept_id})
        return np.array(rows, dtype=np.int64).reshape(-1, 2)

    found = held.get(run, f"candidates {concept_id}", make)
    through = mask(run, filter)
    return found if through is None else found[through[found[:, 1]]]


def suspects(
    run: RunFile, concept_id: int, offset: int = 0, limit: int = 60, kind: str | None = None
) -> pa.Table:
    """List samples of a concept whose label or input should be looked at, most urgent first.

    Parameters
    ----------
    kind : relabel or remove; None for both.

    Returns
    -------
    row_id, rank, suspicion (relabel or remove), suggested (a label, NULL for remove), reason, then
    what `cards` adds.
    """
    sql = """
        SELECT sample_id, rank, kind AS suspicion, suggested, reason FROM suspects
        WHERE concept_id = $concept AND ($kind IS NULL OR kind = $kind)
        ORDER BY rank, sample_id LIMIT $limit OFFSET $offset
    """
    params = {"concept": concept_id, "kind": kind, "limit": limit, "offset": offset}
    return by_sample_id(run, fetch(run, sql, params=params))


def suspect_counts(run: RunFile, concept_id: int) -> dict[str, int]:
    """Count the samples of a concept to look at, by what is suspected: relabel or remove."""
    sql = "SELECT kind::VARCHAR, count(*) FROM suspects WHERE concept_id = $concept GROUP BY kind"
    return {kind: n for kind, n in fetch_rows(run, sql, params={"concept": concept_id})}


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
