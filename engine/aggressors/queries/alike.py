"""The samples that a model sees most like a given one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from aggressors.errors import UsageError
from aggressors.queries.cards import MAX_ROWS, cards
from aggressors.queries.scope import fetch, fetch_rows

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

_VECTOR = "SELECT vector FROM embeddings WHERE row_id = $row"
# DuckDB streams the vectors, so that memory stays that of a few thousand of them, and skips none.
_ALIKE = """
    SELECT row_id, similarity FROM (
        SELECT row_id, array_cosine_similarity(vector, $vector::FLOAT[{dimensions}]) AS similarity
        FROM embeddings WHERE row_id <> $row
    ) WHERE isfinite(similarity)
    ORDER BY similarity DESC, row_id LIMIT $count
"""


def alike(run: RunFile, row_id: int, count: int = 12) -> pa.Table:
    """List samples of any population whose embedding points most nearly the same way.

    Exact: every vector is compared.

    Parameters
    ----------
    row_id : position of the sample.
    count : at most so many, 1 to `cards.MAX_ROWS`.

    Returns
    -------
    row_id, similarity (cosine in [-1, 1]), then the columns of `cards`, the most alike first; empty
    where the run has no embeddings, or that of the sample has no length.

    Raises
    ------
    UsageError : a count out of range.
    """
    if not 1 <= count <= MAX_ROWS:
        raise UsageError(f"1 to {MAX_ROWS:,} alike samples can be asked for; got {count}.")
    vector = fetch_rows(run, _VECTOR, params={"row": row_id}) if run.dimensions else []
    if not vector:
        empty = {"row_id": pa.array([], pa.int64()), "similarity": pa.array([], pa.float32())}
        return cards(run, pa.table(empty))
    found = fetch(
        run,
        _ALIKE,
        params={"row": row_id, "vector": list(vector[0][0]), "count": count},
        dimensions=str(run.dimensions),
    )
    return cards(run, found)
