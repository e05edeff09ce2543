"""What stands for a sample that has neither picture nor text: its id and a few of its values."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from aggressors.queries import samples
from aggressors.store.read import RunFile
from aggressors_app.format import exact

FACTS = 3  # metadata values in a tile


def with_facts(run: RunFile, found: pa.Table, fields: Sequence[str]) -> pa.Table:
    """Add the column `about` to a table of `queries.cards`; NULL where there is something to see.

    Parameters
    ----------
    fields : metadata fields, the most telling first.
    """
    about: list[str | None] = [None] * found.num_rows
    rows = found.select(["row_id", "sample_id", "thumbnail", "text"]).to_pylist()
    bare = [place for place, row in enumerate(rows) if not row["thumbnail"] and not row["text"]]
    names = list(fields[:FACTS])
    values = samples.metadata(run, [rows[place]["row_id"] for place in bare], names)
    for place, known in zip(bare, values.to_pylist(), strict=True):
        lines = [f"{name}: {exact(known[name])}" for name in names if known[name] is not None]
        about[place] = "\n".join([rows[place]["sample_id"], *lines])
    return found.append_column("about", pa.array(about, pa.string()))
