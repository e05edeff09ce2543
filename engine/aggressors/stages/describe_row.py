"""Measurements of what the user tells about a sample: how much is missing, how unusual it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.sources.times import added_beside
from aggressors.stages.measure import Batch, Measure, Measured, Own, Values, Whole
from aggressors.stats.duplicates import equal_counts, mixed
from aggressors.stats.outliers import largest_score

NAME = "row"
MEASURES = (
    Measure(
        "missing_values",
        "fields",
        "your fields without a value; left out where only one field ever lacks one, which says "
        "the same by itself",
    ),
    Measure(
        "outlier_score",
        "",
        "how unusual the most unusual of your values is: as a normal value so many standard "
        "deviations from the mean; a number counts by its distance from the median and by how few "
        "lie as far out, whichever is less, a category by how few samples have one as rare; left "
        "out where only one field varies, which says the same by itself",
    ),
    Measure(
        "row_duplicates",
        "samples",
        "other samples with the same values in all of your fields, of those without image and "
        "text; left out where more than half have such a twin, as the fields then hardly tell "
        "samples apart",
    ),
)
_UNUSUAL = ("number", "category")  # an identifier is always unusual


def read(batch: Batch) -> Sequence[None]:
    """Nothing can be said of a row before all are known."""
    return [None] * len(batch)


def measure(items: Sequence[None]) -> Measured:
    """Measure nothing, see `read`."""
    return Measured({})


def compare(whole: Whole) -> Mapping[str, Values]:
    """Measure what the fields of the user tell beside those of all other samples."""
    if not whole.own:
        return {}
    largest, judged = np.full(len(whole), np.nan), 0
    keys = np.zeros(len(whole), dtype=np.uint64)
    for entry in whole.own:
        values = _values(entry)
        if entry.kind in _UNUSUAL:
            largest = largest_score(values, largest)
            judged += _varies(values)
        if entry.kind != "identifier":
            keys = mixed(keys, values.view(np.uint64))
    found: dict[str, Values] = {"outlier_score": largest} if judged > 1 else {}
    told_beside = added_beside(entry.name for entry in whole.own)  # they lack what theirs lacks
    counted = [entry for entry in whole.own if entry.name not in told_beside]
    if sum(entry.values.null_count > 0 for entry in counted) > 1:
        found["missing_values"] = _missing(counted, len(whole))
    rows = np.flatnonzero(whole.bare)
    twins = equal_counts(keys[rows])
    if 2 * (twins > 0).sum() <= len(rows):
        found["row_duplicates"] = np.full(len(whole), np.nan)
        found["row_duplicates"][rows] = twins
    return found


def _varies(values: NDArray[np.float64] | NDArray[np.int64]) -> bool:
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values[values >= 0]
    return len(known) > 0 and bool((known != known[0]).any())


def _missing(own: Sequence[Own], n: int) -> Values:
    count = np.zeros(n)
    for entry in own:
        count += entry.values.is_null().to_numpy()
    return count


def _values(entry: Own) -> NDArray[np.float64] | NDArray[np.int64]:
    """(n,) numbers, NaN where missing; or codes of texts, -1 where missing."""
    if entry.kind == "number":
        numbers = pc.fill_null(entry.values.cast(pa.float64()), np.nan).to_numpy()
        return np.asarray(numbers + 0.0, dtype=np.float64)  # -0.0 becomes 0.0
    encoded = pc.dictionary_encode(entry.values.cast(pa.string())).combine_chunks()
    return np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(), dtype=np.int64)
