"""What stands for a sample that has neither picture nor text: its most telling values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from aggressors.queries import samples
from aggressors.queries.unusual import Yardsticks, unusual
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
    usual = samples.metadata(run, ids, own).to_pylist()
    judged_rows = unusual(run, ids, by()) if ids else []
    for place, judged, known in zip(bare, judged_rows, usual, strict=True):
        odd = [one for one in judged if one.marked and run.fields[one.field].source != BUILT_IN]
        odd = odd[:MOST_ODD]
        shown = [_value(one.field, one.value, one.unit, odd=True) for one in odd]
        taken = {one.field for one in odd}
        rest = [name for name in own if name not in taken and known[name] is not None]
        for name in rest[: max(FACTS - len(shown), 0)]:
            shown.append(_value(name, known[name], run.fields[name].unit, odd=False))
        about[place] = shown
    return found.append_column("about", pa.array(about, _ABOUT))


def _value(name: str, value: object, unit: str, *, odd: bool) -> dict[str, object]:
    return {"name": name, "value": "missing" if value is None else exact(value, unit), "odd": odd}
