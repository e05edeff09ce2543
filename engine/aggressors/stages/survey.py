"""Built-in metadata that need all samples: near-duplicates, rare words, unusual values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.sources.fields import FIELDS, declared, settle
from aggressors.stages.describe import SOURCE, TYPES, UNITS, column_of, without
from aggressors.stages.measure import Own, Whole
from aggressors.stages.protocol import Context, Stage, Tables


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


def _whole(tables: Tables) -> Whole:
    """Gather what may be compared; samples without media are rows of metadata."""
    metadata, media = tables["metadata"], tables.get("media")
    n = metadata.num_rows
    if media is None:
        texts, bare = pa.chunked_array([pa.nulls(n, pa.string())]), np.ones(n, dtype=np.bool_)
    else:
        texts = media["text"].cast(pa.string())
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
