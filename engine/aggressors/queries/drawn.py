"""Some samples of a run with all their fields, drawn once: fields are chosen and ranked by them.

How long a choice among forty fields takes so depends on how many samples are drawn, not on how many
the run has. Figures that are shown are counted over all samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import EVERYTHING, Filter
from aggressors.queries.columns import scan
from aggressors.queries.masks import mask
from aggressors.queries.names import FieldRef, known_fields
from aggressors.queries.scope import scope
from aggressors.queries.signals import signal_sql
from aggressors.queries.stored import sorted_dictionary, whole_array
from aggressors.store.held import held

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MOST = 200_000  # samples that are drawn
MOST_BYTES = 48_000_000  # of them, at 8 bytes a value
_PARTS = 1_000_000  # into which a hash parts the samples
_COUNTED = ("row_id", "signal", "weight", "wrong")

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Samples drawn from a run, in its order, the same each time.

    Parameters
    ----------
    row : (m,) their positions in the run.
    columns : (m,) each, by the SQL of the field: those of `comparable` and `counted`.
    whole : whether they are all samples of the run.
    """

    row: NDArray[np.int64]
    columns: Mapping[str, pa.Array]
    whole: bool

    @property
    def nbytes(self) -> int:
        """Bytes of all columns."""
        return self.row.nbytes + sum(int(column.nbytes) for column in self.columns.values())

    def take(self, ref: FieldRef, places: NDArray[np.int64]) -> pa.Array:
        """Values of a field at some places of `row`."""
        return self.columns[ref.sql].take(pa.array(places))

    def inside(self, run: RunFile, filter: Filter) -> BoolArray:
        """(m,) True for those that a filter lets through."""
        through = mask(run, filter)
        return np.ones(len(self.row), dtype=np.bool_) if through is None else through[self.row]


def drawn(run: RunFile) -> Drawn:
    """Draw the samples of a run; once, while there is room to keep them."""
    return held.get(run, "drawn", lambda: _draw(run))


def comparable(run: RunFile) -> list[FieldRef]:
    """List label, prediction and metadata that are numbers or categories."""
    return [
        ref
        for ref in known_fields(run).values()
        if ref.kind in ("number", "category")
        and (ref.needs_metadata or ref.name in ("label", "prediction"))
    ]


def counted(run: RunFile) -> list[FieldRef]:
    """List what else is known of every drawn sample.

    Returns
    -------
    row_id, signal, weight, and wrong: 1 where the prediction is, 0 where it is right.
    """
    wrong = "(s.label <> s.prediction)::DOUBLE" if run.classes else "NULL::DOUBLE"
    sql = ("s.row_id", signal_sql(run), "s.weight", wrong)
    return [FieldRef(name, "number", text) for name, text in zip(_COUNTED, sql, strict=True)]


def _draw(run: RunFile) -> Drawn:
    refs = [*comparable(run), *counted(run)]
    n = sum(run.populations.values())
    most = min(MOST, MOST_BYTES // (8 * len(refs)))
    share = _PARTS if n <= most else _PARTS * most // n
    more = "TRUE" if n <= most else f"hash(s.row_id) % {_PARTS} < {share}"
    found = scan(run, scope(run, EVERYTHING, *refs), refs, more)
    row = found[len(refs) - len(_COUNTED)].to_numpy().astype(np.int64)
    columns = {ref.sql: _whole(ref, column) for ref, column in zip(refs, found, strict=True)}
    return Drawn(row, columns, n <= most)


def _whole(ref: FieldRef, column: pa.ChunkedArray) -> pa.Array:
    whole = whole_array(column)
    return sorted_dictionary(whole) if ref.kind == "category" else whole
