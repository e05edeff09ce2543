"""What stands for a sample that has neither picture nor text: its most telling values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from aggressors.contracts import Scalar
from aggressors.queries import samples
from aggressors.queries.unusual import Odd, Yardsticks, judged
from aggressors.store.read import RunFile
from aggressors_app.format import exact

BUILT_IN = "built-in"
FACTS = 5  # metadata values in a tile, at least
MOST_ODD = 5  # of these that stand out, at most
_ABOUT = pa.list_(pa.struct([("name", pa.string()), ("value", pa.string()), ("odd", pa.bool_())]))


def with_facts(
    run: RunFile, found: pa.Table, fields: Sequence[str], by: Callable[[], Yardsticks]
) -> pa.Table:
    """Add the column `about` to a table of `queries.cards`; NULL where there is something to see.

    It holds values that stand out among those of all samples, the most unusual first, filled up
    with those of the first fields: a list of `name`, `value` and whether it is `odd`. What was
    measured on the row itself, such as how unusual it is, is none of its values.

    Parameters
    ----------
    fields : metadata fields, the most telling first.
    by : gives what values are compared with; asked only where it is needed.
    """
    about: list[list[dict[str, object]] | None] = [None] * found.num_rows
    rows = found.select(["row_id", "thumbnail", "text"]).to_pylist()
    bare = [place for place, row in enumerate(rows) if not row["thumbnail"] and not row["text"]]
    ids = [rows[place]["row_id"] for place in bare]
    own = [name for name in fields if run.fields[name].source != BUILT_IN]
    known_of, judged_rows = _known(run, ids, own, by) if ids else ([], [])
    for place, odd_values, known in zip(bare, judged_rows, known_of, strict=True):
        odd = [one for one in odd_values if one.marked and run.fields[one.field].source != BUILT_IN]
        odd = odd[:MOST_ODD]
        shown = [_value(one.field, one.value, one.unit, odd=True) for one in odd]
        taken = {one.field for one in odd}
        rest = [name for name in own if name not in taken and known[name] is not None]
        for name in rest[: max(FACTS - len(shown), 0)]:
            shown.append(_value(name, known[name], run.fields[name].unit, odd=False))
        about[place] = shown
    return found.append_column("about", pa.array(about, _ABOUT))


def _known(
    run: RunFile, ids: Sequence[int], own: Sequence[str], by: Callable[[], Yardsticks]
) -> tuple[list[dict[str, Scalar | None]], list[tuple[Odd, ...]]]:
    """Values of each sample by field, and what is odd among them; read once for both."""
    yardsticks = by()
    rows = samples.metadata(run, ids, list(dict.fromkeys([*yardsticks, *own]))).to_pylist()
    return rows, [judged(run, row, yardsticks) for row in rows]


def _value(name: str, value: object, unit: str, *, odd: bool) -> dict[str, object]:
    return {"name": name, "value": "missing" if value is None else exact(value, unit), "odd": odd}
