"""Metadata against loss, inside against outside, dataset against dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import Condition, Filter
from aggressors.errors import FilterError
from aggressors.queries.columns import Groups, encode, groups, means, numbers, read
from aggressors.queries.grammar import both
from aggressors.queries.names import FieldRef, known_fields, resolve, resolve_value
from aggressors.queries.signals import signal_sql
from aggressors.queries.sql import fill

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

_MEMBER = "(s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = {concept}))::INTEGER"
_DIFFERENCES = pa.schema(
    [
        ("field", pa.string()),
        ("kind", pa.string()),
        ("distance", pa.float64()),
        ("n_left", pa.int64()),
        ("n_right", pa.int64()),
    ]
)
MAX_DATASETS = 12  # of one comparison, the largest


def field_vs_loss(
    run: RunFile, filter: Filter, field: str, bins: int = 20, top: int = 20
) -> pa.Table:
    """Mean signal by value of a field, among the samples in scope for which it is known.

    Parameters
    ----------
    bins : most groups of a number, of equal sizes.
    top : most categories, the most frequent; the others stand together as `(other)`.

    Returns
    -------
    value (category, NULL for a number), low, high (bounds of a number's group), n, mean,
    mean_low, mean_high (interval at the run's level, NULL below 2 samples), overall (mean of all
    labeled samples in scope, the same in every row). All means are weighted.

    Raises
    ------
    FilterError : an unknown field or category.
    """
    ref = resolve_value(run, field)
    signal = FieldRef("signal", "number", signal_sql(run))
    weight = resolve(run, "weight")
    columns = read(run, filter, [ref, signal, weight], where="s.loss IS NOT NULL")
    known = pc.is_valid(columns[1])
    columns = [column.filter(known) for column in columns]
    by = groups(ref, columns[0], bins=bins, top=top, equal_sizes=True)
    value, weights = numbers(columns[1]), numbers(columns[2])
    found = means(by, value, weights, level=run.info.settings.level)
    with np.errstate(invalid="ignore"):  # weights may all be 0
        overall = value @ weights / weights.sum()
    return pa.table(
        by.head()
        | {
            "n": pa.array(found.n, pa.int64()),
            "mean": _floats(found.mean),
            "mean_low": _floats(found.low),
            "mean_high": _floats(found.high),
            "overall": _floats(np.full(len(by), overall)),
        }
    )


def inside_outside(
    run: RunFile, filter: Filter, field: str, concept_id: int, bins: int = 20, top: int = 20
) -> pa.Table:
    """How the members of a concept are spread over a field, against the other samples in scope.

    Returns
    -------
    value, low, high as in `field_vs_loss` (a number in equal widths), inside, outside (samples),
    inside_share, outside_share (of the samples of that side that have a value).
    """
    ref = resolve_value(run, field)
    member = FieldRef("member", "number", fill(_MEMBER, concept=str(int(concept_id))))
    column, flags = read(run, filter, [ref, member])
    inside = numbers(flags) > 0
    by = groups(ref, column, bins=bins, top=top, equal_sizes=False)
    ours, theirs = by.counts(inside), by.counts(~inside)
    return pa.table(
        by.head()
        | {
            "inside": pa.array(ours, pa.int64()),
            "outside": pa.array(theirs, pa.int64()),
            "inside_share": _floats(_share(ours)),
            "outside_share": _floats(_share(theirs)),
        }
    )


def compare_datasets(
    run: RunFile,
    filter: Filter,
    field: str,
    by: str = "population",
    bins: int = 20,
    top: int = 12,
) -> pa.Table:
    """How each dataset is spread over a field, over the same groups of values.

    Parameters
    ----------
    by : the category field that tells the datasets apart; its largest `MAX_DATASETS` are shown.

    Returns
    -------
    dataset, value, low, high, n, share (of the dataset's samples that have a value), mean_loss
    (weighted; NULL where none is labeled): one row a dataset and group.

    Raises
    ------
    FilterError : an unknown field, or `by` is no category.
    """
    ref, dataset = resolve_value(run, field), _category(run, by)
    columns = read(run, filter, [ref, dataset, resolve(run, "loss"), resolve(run, "weight")])
    values = groups(ref, columns[0], bins=bins, top=top, equal_sizes=False)
    split = groups(dataset, columns[1], bins=1, top=MAX_DATASETS, equal_sizes=False)
    return _datasets(values, split, numbers(columns[2]), numbers(columns[3]))


def _datasets(values: Groups, split: Groups, loss: np.ndarray, weight: np.ndarray) -> pa.Table:
    k, sets = len(values), len(split)
    used = (values.code >= 0) & (split.code >= 0)
    cell = split.code[used] * k + values.code[used]
    labeled = np.isfinite(loss[used])
    counts = np.bincount(cell, minlength=sets * k).reshape(sets, k)
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = np.where(labeled, weight[used], 0.0)
        summed = np.bincount(cell, weights * np.where(labeled, loss[used], 0), sets * k)
        mean_loss = summed / np.bincount(cell, weights, sets * k)
    head = values.head()
    repeated = pa.array(np.tile(np.arange(k), sets), pa.int64())
    return pa.table(
        {"dataset": pa.array(np.repeat(np.array(split.names, dtype=object), k), pa.string())}
        | {name: column.take(repeated) for name, column in head.items()}
        | {
            "n": pa.array(counts.ravel(), pa.int64()),
            "share": _floats(np.concatenate([_share(row) for row in counts] or [np.empty(0)])),
            "mean_loss": _floats(mean_loss),
        }
    )


def differences(
    run: RunFile, filter: Filter, left: str, right: str, by: str = "population", bins: int = 20
) -> pa.Table:
    """In which fields two datasets differ, the most first.

    Parameters
    ----------
    left, right : two values of the category field `by`.

    Returns
    -------
    field, kind, distance (total variation between the two spreads, in [0, 1]), n_left, n_right
    (samples that have a value).

    Raises
    ------
    FilterError : `by` is no category, or has no such value.
    """
    dataset = _category(run, by)
    refs = [
        ref
        for ref in known_fields(run).values()
        if ref.name != by and (ref.needs_metadata or ref.name in ("label", "prediction"))
        if ref.kind in ("number", "category")
    ]
    among = both(Condition(by, "in", (left, right)), filter)
    datasets, *columns = read(run, among, [dataset, *refs])
    code, names = encode(datasets)
    sides = [code == pc.index(names, name).as_py() for name in (left, right)]
    found = []
    for ref, column in zip(refs, columns, strict=True):
        spread = groups(ref, column, bins=bins, top=100, equal_sizes=True)
        ours, theirs = spread.counts(sides[0]), spread.counts(sides[1])
        if ours.sum() and theirs.sum():
            distance = float(np.abs(_share(ours) - _share(theirs)).sum() / 2)
            found.append((ref.name, ref.kind, distance, int(ours.sum()), int(theirs.sum())))
    found.sort(key=lambda row: (-row[2], row[0]))
    return pa.Table.from_pylist(
        [dict(zip(_DIFFERENCES.names, row, strict=True)) for row in found], schema=_DIFFERENCES
    )


def _category(run: RunFile, name: str) -> FieldRef:
    ref = resolve(run, name)
    if ref.kind != "category":
        raise FilterError(
            f"Datasets are told apart by a category field; {name!r} is of kind {ref.kind}."
        )
    return ref


def _share(counts: np.ndarray) -> np.ndarray:
    total = counts.sum()
    return counts / total if total else np.zeros(len(counts))


def _floats(value: np.ndarray) -> pa.Array:
    """Turn an array into a column with NULL for NaN."""
    return pa.array(value, pa.float64(), from_pandas=True)
