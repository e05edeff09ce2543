"""Built-in metadata that need all samples: near-duplicates, rare words, unusual values."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.errors import FilterError
from aggressors.queries.grammar import fields_of, parse
from aggressors.sources.fields import FIELDS, declared, settle
from aggressors.stages import describe_row
from aggressors.stages.describe import SOURCE, TYPES, UNITS, column_of, without
from aggressors.stages.measure import Own, Whole
from aggressors.stages.protocol import Context, Stage, Tables

ROW_MEASURES = frozenset(entry.name for entry in describe_row.MEASURES)


def run(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Measure each sample against all others, of every population.

    Returns
    -------
    `metadata` and `metadata_fields` with what was measured, without fields that do not vary.
    """
    metadata, described = tables["metadata"], tables["metadata_fields"]
    whole = _whole(tables)
    found = {
        name: column_of(values) for part in TYPES for name, values in part.compare(whole).items()
    }
    found = without(found, described["field"].to_pylist())
    if found:
        fields = pa.concat_tables([described.select(FIELDS.names), declared(found, SOURCE, UNITS)])
        for name, column in found.items():
            metadata = metadata.append_column(name, column)
        metadata, described = settle(metadata, fields)
    return {"metadata": metadata, "metadata_fields": described}


def _none(n: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(n, pa.string())])


def again(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Measure rows of metadata anew, after fields were added to those they were measured by.

    Nothing else depends on them. What the rule of a group speaks of stays as it was, or the
    rule would no longer say who belongs to the group.

    Returns
    -------
    `metadata` and `metadata_fields` with the measures of rows in the place of the former ones.
    """
    metadata, described = tables["metadata"], tables["metadata_fields"].to_pylist()
    own = [row["field"] for row in described if row["source"] != SOURCE]
    stay = _spoken_of(tables["concepts"])
    old = {row["field"] for row in described if row["source"] == SOURCE} & ROW_MEASURES - stay
    measured = without(describe_row.compare(_whole(tables)), own)
    fresh = {name: column_of(values) for name, values in measured.items() if name not in stay}
    fresh = {
        name: column for name, column in fresh.items() if len(pc.unique(column.drop_null())) > 1
    }
    metadata = metadata.drop_columns(sorted(old))
    for name, column in fresh.items():
        metadata = metadata.append_column(name, column)
    rows = [row for row in described if row["field"] not in old]
    rows += [
        {"field": name, "kind": "number", "unit": UNITS[name], "source": SOURCE,
         "missing": column.null_count}
        for name, column in fresh.items()
    ]  # fmt: skip
    place = {name: rank for rank, name in enumerate(UNITS)}
    rows.sort(
        key=lambda row: (
            row["source"] == SOURCE,
            row["source"] == SOURCE and place.get(row["field"], -1),
        )
    )
    fields = pa.Table.from_pylist(rows, tables["metadata_fields"].schema)
    return {
        "metadata": metadata.select(["row_id", *fields["field"].to_pylist()]),
        "metadata_fields": fields,
    }


def _spoken_of(concepts: pa.Table) -> frozenset[str]:
    """Fields of which the rule of a group speaks."""
    rules = concepts["rule"].to_pylist()
    return frozenset[str]().union(*(_fields_of_rule(rule) for rule in rules))


def _fields_of_rule(rule: str | None) -> frozenset[str]:
    """None where the rule is odd, as a run file of a stranger may have it."""
    try:
        found = json.loads(rule or "{}")
        text = found.get("filter") if isinstance(found, dict) else None
        return fields_of(parse(text)) if text and isinstance(text, str) else frozenset()
    except (FilterError, RecursionError, ValueError):
        return frozenset()


def _whole(tables: Tables) -> Whole:
    """Gather what may be compared; samples without media are rows of metadata."""
    metadata, media = tables["metadata"], tables.get("media")
    n = metadata.num_rows
    if media is None:
        texts, bare = _none(n), np.ones(n, dtype=np.bool_)
    else:
        texts = media["text"].cast(pa.string()) if "text" in media.column_names else _none(n)
        bare = np.asarray(pc.equal(media["kind"], "row").to_numpy(), dtype=np.bool_)
    prints = tables.get("fingerprints", pa.table({}))
    own = tuple(
        Own(row["field"], row["kind"], metadata[row["field"]])
        for row in sorted(tables["metadata_fields"].to_pylist(), key=lambda row: str(row["field"]))
        if row["source"] != SOURCE
    )
    kinds = {part.NAME for part in TYPES} & set(prints.column_names)
    return Whole(texts, {name: prints[name] for name in kinds}, own, bare)


STAGE = Stage(
    name="survey",
    inputs=("metadata", "metadata_fields"),
    outputs=("metadata", "metadata_fields"),
    run=run,
    optional=("media", "fingerprints"),
)
AGAIN = Stage(
    name="survey",
    inputs=("metadata", "metadata_fields", "concepts"),
    outputs=("metadata", "metadata_fields"),
    run=again,
    optional=("media",),
)
