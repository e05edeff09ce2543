"""Join the shards of a run: one order, one row_id a sample, two halves, checked as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import POPULATIONS, Settings
from aggressors.errors import InputError
from aggressors.sources.fields import FIELDS, settle
from aggressors.stages import tables as make

BY_ROW = (
    *("samples", "metadata", "media", "fingerprints"),
    *("embeddings", "spaces", "probabilities", "positions"),
)
Tables = Mapping[str, pa.Table]


def collate(
    shards: Iterable[tuple[str, Tables]], settings: Settings, task: str
) -> dict[str, pa.Table]:
    """Build the work tables of a run from its shards.

    Parameters
    ----------
    shards : population and tables of each shard (see `sources.protocol.Shard`), in any order.
    settings : `analysed` names the population that is split into halves.
    task : classification or regression.

    Returns
    -------
    The tables by name: those that stand by row ordered by population and sample_id, with `row_id`;
    the result does not depend on the order of shards, nor of samples within.

    Raises
    ------
    InputError : a repeated sample_id, a loss that is missing or not finite, vectors of different
        lengths, labels of one class only, an empty analysed population.
    """
    joined = _join(list(shards))
    samples = joined["samples"]
    _check_ids(samples)
    _check_losses(samples)
    _check_analysed(samples, settings.analysed, task)
    order = _order(samples)
    row_ids = pa.array(np.arange(len(order), dtype=np.int64))
    ordered = {
        name: joined[name].take(order).add_column(0, "row_id", row_ids)
        for name in BY_ROW
        if name in joined
    }
    for name in ("embeddings", "spaces", "probabilities"):
        if name in ordered:
            ordered[name] = _check_vectors(name, ordered[name], ordered["samples"])
    fields = joined.get("metadata_fields", FIELDS.empty_table())
    bare = pa.table({"row_id": row_ids})
    ordered["metadata"], ordered["metadata_fields"] = settle(ordered.get("metadata", bare), fields)
    ordered["samples"] = _complete(ordered["samples"], settings.analysed)
    if "media" in ordered:
        ordered["media"] = ordered["media"].add_column(
            1, "sample_id", ordered["samples"]["sample_id"]
        )
    ordered["metrics"] = _metrics(joined.get("metrics"), ordered["samples"])
    return ordered


def fold_of(key: str) -> str:
    """Half in which a sample (or group) falls: the same in every run, process and version."""
    return "discover" if blake2b(key.encode(), digest_size=1).digest()[0] & 1 else "confirm"


def _join(shards: Sequence[tuple[str, Tables]]) -> dict[str, pa.Table]:
    if not any(tables["samples"].num_rows for _, tables in shards):
        raise InputError("There are no samples. Give `validation` at least one.")
    parts: dict[str, list[pa.Table]] = {}
    for population, tables in shards:
        for name, table in tables.items():
            if name == "samples":
                names = pa.array([population] * table.num_rows, pa.string())
                table = table.add_column(1, "population", names)
            parts.setdefault(name, []).append(table)
    joined = {
        name: pa.concat_tables(tables, promote_options="permissive")
        for name, tables in parts.items()
    }
    n_samples = joined["samples"].num_rows
    for name in BY_ROW:
        if name in joined and joined[name].num_rows != n_samples:
            raise InputError(
                f"Table {name!r} has {joined[name].num_rows} rows for {n_samples} samples: some "
                "populations have it and some do not. Give it for all or for none."
            )
    return joined


def _order(samples: pa.Table) -> pa.Array:
    codes = pc.index_in(samples["population"], value_set=pa.array(POPULATIONS, pa.string()))
    keys = pa.table({"population": codes, "sample_id": samples["sample_id"]})
    return pc.sort_indices(
        keys, sort_keys=[("population", "ascending"), ("sample_id", "ascending")]
    )


# --- What only shows once all samples are together ---


def repeated(ids: pa.ChunkedArray) -> list[str]:
    """Ids that stand more than once, sorted."""
    if len(pc.unique(ids)) == len(ids):
        return []
    counts = pc.value_counts(ids.combine_chunks())
    more = counts.filter(pc.greater(counts.field("counts"), 1))
    return sorted(more.field("values").to_pylist())


def _check_ids(samples: pa.Table) -> None:
    again = repeated(samples["sample_id"])
    if not again:
        return
    rows = samples.filter(pc.equal(samples["sample_id"], again[0]))
    where = rows["population"].to_pylist()
    raise InputError(
        f"sample_id {again[0]!r} is used {len(where)} times ({', '.join(sorted(set(where)))}), "
        f"and {len(again) - 1} others are repeated too. Every sample needs an id of its own, "
        "also over populations."
    )


def _check_losses(samples: pa.Table) -> None:
    loss = samples["loss"].cast(pa.float64())
    unlabeled = pc.equal(samples["population"], "unlabeled")
    wrong = pc.and_(pc.invert(unlabeled), pc.invert(pc.fill_null(pc.is_finite(loss), False)))
    rows = samples.filter(wrong)
    if rows.num_rows == 0:
        return
    first = rows.take(_order(rows)[:1]).to_pylist()[0]
    raise InputError(
        f"The loss of sample {first['sample_id']!r} in {first['population']!r} is "
        f"{first['loss']}, and so for {rows.num_rows - 1} others. Every labeled sample needs a "
        "finite loss; correct the loss function or leave these samples out."
    )


def _check_analysed(samples: pa.Table, analysed: str, task: str) -> None:
    chosen = samples.filter(pc.equal(samples["population"], analysed))
    if chosen.num_rows == 0:
        raise InputError(
            f"Population {analysed!r}, in which aggressors are to be found, is empty. Give it "
            "samples, or choose another with the setting 'analysed'."
        )
    labels = pc.unique(chosen["label"]).drop_null()
    if task == "classification" and len(labels) == 1 and chosen.num_rows > 1:
        raise InputError(
            f"All {chosen.num_rows} samples of {analysed!r} have the label {labels[0].as_py()!r}. "
            "Check how labels are read; a classification needs two classes."
        )


def _check_vectors(name: str, table: pa.Table, samples: pa.Table) -> pa.Table:
    """Check every column of vectors, in the order of their names."""
    columns = {"row_id": table["row_id"]}
    for column in sorted(set(table.column_names) - {"row_id"}):
        what = f"vectors of space {column!r}" if name == "spaces" else name
        columns[column] = _checked(what, table[column].combine_chunks(), samples)
    return pa.table(columns)


def _checked(what: str, vectors: pa.Array, samples: pa.Table) -> pa.Array:
    """Require one length, and return the vectors as fixed-size lists of float32."""
    lengths = pc.fill_null(pc.list_value_length(vectors), -1).to_numpy(zero_copy_only=False)
    expected = int(lengths[0])
    wrong = np.flatnonzero((lengths != expected) | (lengths < 1))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"The {what} of sample {samples['sample_id'][row].as_py()!r} has "
            f"{max(int(lengths[row]), 0)} values; the first sample's has {expected}. "
            "All must be of one length."
        )
    flat = vectors.flatten().cast(pa.float32())
    finite = pc.fill_null(pc.is_finite(flat), False).to_numpy(zero_copy_only=False)
    if not finite.all():
        row = int(np.argmin(finite)) // expected
        raise InputError(
            f"The {what} of sample {samples['sample_id'][row].as_py()!r} hold a value that is "
            "missing, NaN or infinite. Correct or leave out this sample."
        )
    return pa.FixedSizeListArray.from_arrays(flat, expected)


# --- Completing the tables ---


def _complete(samples: pa.Table, analysed: str) -> pa.Table:
    """Add the columns of the schema that sources do not fill, in the schema's order."""
    keys = pc.coalesce(samples["group_id"].cast(pa.string()), samples["sample_id"]).to_pylist()
    populations = samples["population"].to_pylist()
    folds = [
        fold_of(key) if population == analysed else None
        for key, population in zip(keys, populations, strict=True)
    ]
    columns = {name: samples[name] for name in samples.column_names} | {"fold": pa.array(folds)}
    wanted = make.schema("samples")
    filled = [
        columns.get(entry.name, pa.nulls(samples.num_rows)).cast(entry.type) for entry in wanted
    ]
    return pa.table(filled, names=wanted.names)


def _metrics(metrics: pa.Table | None, samples: pa.Table) -> pa.Table:
    if metrics is None or metrics.num_rows == 0:
        return make.empty("metrics")
    rows = pc.index_in(metrics["sample_id"], value_set=samples["sample_id"].combine_chunks())
    table = make.table("metrics", row_id=rows, metric=metrics["metric"], value=metrics["value"])
    return table.sort_by([("metric", "ascending"), ("row_id", "ascending")])
