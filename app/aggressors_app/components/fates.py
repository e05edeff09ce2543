"""What became of the aggressors from one run to another, as rows: new, persisting, shrunk, gone."""

from __future__ import annotations

from collections import Counter

from aggressors.queries.fates import FATES, Fate, Fated
from aggressors_app.cached import comparing
from aggressors_app.components.changes import change_meter, means, notes
from aggressors_app.components.listing import Row, Text
from aggressors_app.format import count, titled, typeset

SAID: dict[Fate, str] = {
    "new": "New aggressors",
    "persisting": "Persisting aggressors",
    "shrunk": "Shrunk: still aggressors, and surely less so",
    "gone": "Gone: no aggressors any more",
}


def fate_rows(run_id: str, other_id: str, top: float) -> list[Row]:
    """List the aggressors of both runs, the new ones first."""
    found = sorted(comparing.fates(run_id, other_id), key=lambda one: FATES.index(one.fate))
    counts = Counter(one.fate for one in found)
    return [_row(one, counts[one.fate], top) for one in found]


def place_of(one: Fated) -> str:
    """Name the samples of an aggressor, as `cached.comparing.change` reads it."""
    return f"gone:{one.other_rank}" if one.rank is None else f"aggressor:{one.rank}"


def _row(one: Fated, n: int, top: float) -> Row:
    change = one.change
    rank = one.other_rank if one.rank is None else one.rank
    renamed = one.rank is not None and one.other_name not in (None, one.name)
    said = notes(
        means(change.reference, change.value),
        f"{count(change.n)} samples",
        f"was {typeset(one.other_name or '')}" if renamed else "",
    )
    return Row(
        place_of(one),
        (
            Text(f"{rank} · {typeset(one.name)}", sub=said),
            change_meter(change.difference, change.low, change.high, top),
            None,
        ),
        group=f"{titled(SAID[one.fate])} ({n})",
    )
