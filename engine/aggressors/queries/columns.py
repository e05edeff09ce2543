"""Fields of the samples in scope as numpy arrays, and their division into groups of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.contracts import Filter
from aggressors.queries.names import FieldRef
from aggressors.queries.scope import fetch, scope

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
OTHER = "(other)"
_TAILS = (0.005, 0.995)  # quantiles between which equal bins are laid; the outer ones hold the rest
_LAID_ON = 50_000  # values from which bins are laid; all values are then counted in them


@dataclass(frozen=True)
class Groups:
    """n samples divided into k groups of one field's values.

    `code` is (n,) in 0..k-1, -1 where the field is missing. A number has `low` and `high`, (k,)
    each, and no `names`; a category has `names` and NaN bounds.
    """

    code: IntArray
    names: tuple[str, ...]
    low: FloatArray
    high: FloatArray

    def __len__(self) -> int:
        return len(self.low)

    def counts(self, inside: NDArray[np.bool_] | None = None) -> IntArray:
        """(k,) samples in each group, of those `inside`."""
        code = self.code if inside is None else self.code[inside]
        return np.bincount(code[code >= 0], minlength=len(self)).astype(np.int64)

    def head(self) -> dict[str, pa.Array]:
        """Columns value, low and high, with one row a group; NULL where they do not apply."""
        names = list(self.names) if self.names else [None] * len(self)
        return {
            "value": pa.array(names, pa.string()),
            "low": pa.array(self.low, pa.float64(), from_pandas=True),
            "high": pa.array(self.high, pa.float64(), from_pandas=True),
        }


def read(
    run: RunFile, filter: Filter, refs: Sequence[FieldRef], *, where: str = "TRUE"
) -> list[pa.ChunkedArray]:
    """Read fields of the samples that a filter lets through, all in the same row order.

    Parameters
    ----------
    where : a further condition over `s`, made by this package.
    """
    within = scope(run, filter, *refs)
    shown = ", ".join(f"{ref.sql} AS c{place}" for place, ref in enumerate(refs))
    sql = "SELECT {shown} FROM {source} WHERE {more} AND {where}"
    found = fetch(run, sql, within, shown=shown, more=where)
    return [found[f"c{place}"] for place in range(len(refs))]


def numbers(column: pa.ChunkedArray) -> FloatArray:
    """(n,) float64 with NaN where the column is NULL."""
    filled = pc.fill_null(column.cast(pa.float64()), np.nan)
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.float64)


def groups(
    ref: FieldRef, column: pa.ChunkedArray, *, bins: int, top: int, equal_sizes: bool
) -> Groups:
    """Divide samples by one field.

    Parameters
    ----------
    bins : most groups of a number; each distinct value is its own where there are no more.
    top : most groups of a category, the most frequent first; the others become one more.
    equal_sizes : True divides a number at quantiles, False into equal widths.
    """
    if ref.kind == "number":
        return _number_groups(numbers(column), bins, equal_sizes)
    return _category_groups(column, top)


def _number_groups(value: FloatArray, bins: int, equal_sizes: bool) -> Groups:
    known = value[np.isfinite(value)]
    if not len(known):
        nothing = np.empty(0)
        return Groups(np.full(len(value), -1), (), nothing, nothing)
    sampled = np.sort(known[:: len(known) // _LAID_ON + 1])
    distinct = np.unique(sampled)
    if len(distinct) <= bins and len(sampled) < len(known):
        distinct = np.unique(known)  # the sample may have missed a rare one
    if len(distinct) <= bins:
        code = np.searchsorted(distinct, value)
        found = Groups(_known(code, value), (), distinct, distinct)
    else:
        edges = _edges(sampled, bins, equal_sizes)
        edges[0], edges[-1] = known.min(), known.max()
        code = np.clip(np.searchsorted(edges, value, side="right") - 1, 0, len(edges) - 2)
        found = Groups(_known(code, value), (), edges[:-1], edges[1:])
    return found


def _known(code: IntArray, value: FloatArray) -> IntArray:
    return np.where(np.isfinite(value), code, -1).astype(np.int64)


def _edges(sampled: FloatArray, bins: int, equal_sizes: bool) -> FloatArray:
    if equal_sizes:
        edges = np.unique(np.quantile(sampled, np.linspace(0, 1, bins + 1)))
    else:
        low, high = np.quantile(sampled, _TAILS)
        edges = np.linspace(low, high, bins + 1) if high > low else np.empty(0)
    if len(edges) < 2:
        edges = np.array([sampled[0], sampled[-1]])
    return np.asarray(edges, dtype=np.float64)


def _category_groups(column: pa.ChunkedArray, top: int) -> Groups:
    code, names = encode(column)
    counts = np.bincount(code[code >= 0], minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    used = order[: np.count_nonzero(counts)]
    kept = used[:top]
    place = np.full(len(names) + 1, -1, dtype=np.int64)  # the last stands for missing
    place[used] = len(kept)
    place[kept] = np.arange(len(kept))
    shown = names.take(pa.array(kept)).to_pylist() + ([OTHER] if len(used) > len(kept) else [])
    nothing = np.full(len(shown), np.nan)
    return Groups(place[code], tuple(shown), nothing, nothing)


def encode(column: pa.ChunkedArray) -> tuple[IntArray, pa.Array]:
    """(n,) codes, -1 where missing, and what they stand for, sorted or in the order of an ENUM."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks)
    if pa.types.is_dictionary(whole.type):
        order = np.arange(len(whole.dictionary))
    else:
        whole = whole.cast(pa.string()).dictionary_encode()
        order = np.asarray(pc.sort_indices(whole.dictionary).to_numpy(), dtype=np.int64)
    rank = np.full(len(order) + 1, -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    raw = pc.fill_null(whole.indices.cast(pa.int64()), len(order))
    code = rank[np.asarray(raw.to_numpy(zero_copy_only=False), dtype=np.int64)]
    return code, whole.dictionary.cast(pa.string()).take(pa.array(order))


@dataclass(frozen=True)
class Means:
    """Weighted mean of a value in k groups, (k,) each, with its interval; NaN where unknown."""

    n: IntArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray


def means(groups: Groups, value: FloatArray, weight: FloatArray, *, level: float) -> Means:
    """Mean of a value by group, with Student's t interval; none below 2 samples.

    Parameters
    ----------
    value, weight : (n,); samples with a NaN value are left out.

    Source: Student 1908, with the variance of a weighted mean and Kish's effective size.
    """
    from scipy.special import stdtrit

    used = (groups.code >= 0) & np.isfinite(value)
    code, value, weight = groups.code[used], value[used], weight[used]
    k = len(groups)

    def total(part: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(code, weights=part, minlength=k), dtype=np.float64)

    with np.errstate(invalid="ignore", divide="ignore"):
        sums = total(weight)
        mean = total(weight * value) / sums
        size = sums**2 / total(weight**2)
        spread = total((weight * (value - mean[code])) ** 2) / sums**2 * size / (size - 1)
        half = stdtrit(size - 1, (1 + level) / 2) * np.sqrt(spread)
    half = np.where(size > 1 + 1e-9, half, np.nan)
    n = np.bincount(code, minlength=k).astype(np.int64)
    return Means(n, mean, mean - half, mean + half)


def share(counts: FloatArray | IntArray) -> FloatArray:
    """(k,) parts of their sum; all 0 where that is."""
    total = counts.sum()
    return np.asarray(counts / total if total else np.zeros(len(counts)), dtype=np.float64)


def floats(value: FloatArray) -> pa.Array:
    """Turn an array into a column with NULL for NaN."""
    return pa.array(value, pa.float64(), from_pandas=True)


def joined(column: pa.ChunkedArray) -> IntArray | None:
    """(n,) codes of `group_id`; a sample without one stands alone. None where each does."""
    if column.null_count == len(column):
        return None
    codes = pc.dictionary_encode(column.cast(pa.string())).combine_chunks().indices
    found = pc.fill_null(codes, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    alone = np.flatnonzero(found < 0)
    found[alone] = found.max(initial=-1) + 1 + np.arange(len(alone))
    return np.asarray(found)
