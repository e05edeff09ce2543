"""Fields of the samples in scope as numpy arrays, and their division into groups of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.contracts import Filter
from aggressors.queries.masks import BoolArray, mask
from aggressors.queries.masks import where as holds
from aggressors.queries.names import FieldRef
from aggressors.queries.scope import Scope, fetch
from aggressors.queries.stored import column as column
from aggressors.queries.stored import numbered, sorted_dictionary, whole_array
from aggressors.queries.stored import numbers as numbers

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Column: TypeAlias = pa.Array | pa.ChunkedArray
OTHER = "(other)"
_TAILS = (0.005, 0.995)  # quantiles between which equal bins are laid; the outer ones hold the rest
_LAID_ON = 50_000  # values from which bins are laid; all values are then counted in them
_FEW_EDGES = 64
_BLOCK = 16_384  # values that fit into a core's own memory


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
    run: RunFile,
    filter: Filter,
    refs: Sequence[FieldRef],
    *,
    where: str = "TRUE",
) -> list[pa.Array]:
    """Read fields of the samples that a filter lets through, all in the order of the run.

    Parameters
    ----------
    where : a further condition over `s`, made by this package.
    """
    chosen = in_scope(run, filter, where)
    return [taken(column(run, ref), chosen) for ref in refs]


def scan(
    run: RunFile, within: Scope, refs: Sequence[FieldRef], more: str = "TRUE"
) -> list[pa.ChunkedArray]:
    """Read fields of the samples in a scope in one scan that nothing is kept of.

    For many fields of few samples: `read` would hold each field of all samples.

    Parameters
    ----------
    more : a further condition over `s`, made by this package.
    """
    sql = "SELECT {shown} FROM {source} WHERE {where} AND {more}"
    return list(fetch(run, sql, within, shown=numbered(refs), more=more).columns)


def in_scope(run: RunFile, filter: Filter, where: str = "TRUE") -> BoolArray | None:
    """(n,) True for the samples of which `read` tells; None where that is all of them."""
    through, further = mask(run, filter), holds(run, where)
    if through is None or further is None:
        return further if through is None else through
    return through & further


def taken(values: pa.Array, chosen: BoolArray | None) -> pa.Array:
    """Take the values that a mask chooses; all where it is None."""
    return values if chosen is None else values.filter(pa.array(chosen))


def groups(ref: FieldRef, column: Column, *, bins: int, top: int, equal_sizes: bool) -> Groups:
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
    finite = np.isfinite(value)
    known = value if finite.all() else value[finite]
    if not len(known):
        nothing = np.empty(0)
        return Groups(np.full(len(value), -1), (), nothing, nothing)
    sampled = np.sort(known[:: len(known) // _LAID_ON + 1])
    distinct = sampled[np.concatenate([[True], sampled[1:] != sampled[:-1]])]
    if len(distinct) <= bins and len(sampled) < len(known):
        distinct = _with_rare(distinct, known)
    if len(distinct) <= bins:
        code = _above(value, distinct[1:])
        found = Groups(_known(code, finite), (), distinct, distinct)
    else:
        edges = _edges(sampled, bins, equal_sizes)
        edges[0], edges[-1] = known.min(), known.max()
        code = _above(value, edges[1:-1])
        found = Groups(_known(code, finite), (), edges[:-1], edges[1:])
    return found


def _with_rare(distinct: FloatArray, known: FloatArray) -> FloatArray:
    """Add the values that a sample of them has missed."""
    nearest = distinct[_above(known, distinct[1:])]
    return np.union1d(distinct, known[nearest != known])


def _above(value: FloatArray, edges: FloatArray) -> IntArray:
    """(n,) how many of a few ascending edges a value reaches; as searchsorted from the right.

    So few comparisons of whole blocks are several times as fast as a search for each value.
    """
    if len(edges) > _FEW_EDGES:
        return np.searchsorted(edges, value, side="right").astype(np.int64)
    code = np.zeros(len(value), dtype=np.int64)
    for start in range(0, len(value), _BLOCK):
        block = value[start : start + _BLOCK]
        count = np.zeros(len(block), dtype=np.uint8)
        for edge in edges:
            count += block >= edge
        code[start : start + _BLOCK] = count
    return code


def _known(code: IntArray, finite: BoolArray) -> IntArray:
    code[~finite] = -1
    return code


def _edges(sampled: FloatArray, bins: int, equal_sizes: bool) -> FloatArray:
    if equal_sizes:
        edges = np.unique(np.quantile(sampled, np.linspace(0, 1, bins + 1)))
    else:
        low, high = np.quantile(sampled, _TAILS)
        edges = np.linspace(low, high, bins + 1) if high > low else np.empty(0)
    if len(edges) < 2:
        edges = np.array([sampled[0], sampled[-1]])
    return np.asarray(edges, dtype=np.float64)


def _category_groups(column: Column, top: int) -> Groups:
    code, names, more = most_frequent(column, top)
    shown = (*names, OTHER) if more else names
    nothing = np.full(len(shown), np.nan)
    return Groups(code, shown, nothing, nothing)


def most_frequent(column: Column, top: int) -> tuple[IntArray, tuple[str, ...], bool]:
    """Code categories by frequency, the most frequent first, all but `top` as one more.

    Returns
    -------
    code : (n,) in 0..k-1 for the k names kept, k for any other, -1 where missing.
    names : those kept, at most `top`.
    more : whether there are others.
    """
    code, names = encode(column)
    counts = np.bincount(code + 1, minlength=len(names) + 1)[1:]
    order = np.argsort(-counts, kind="stable")
    used = order[: np.count_nonzero(counts)]
    kept = used[:top]
    place = np.full(len(names) + 1, -1, dtype=np.int64)  # the last stands for missing
    place[used] = len(kept)
    place[kept] = np.arange(len(kept))
    return place[code], tuple(names.take(pa.array(kept)).to_pylist()), len(used) > len(kept)


def encode(column: Column) -> tuple[IntArray, pa.Array]:
    """(n,) codes, -1 where missing, and what they stand for, sorted or in the order of an ENUM."""
    whole = column if isinstance(column, pa.Array) else whole_array(column)
    whole = sorted_dictionary(whole)
    code = pc.fill_null(whole.indices.cast(pa.int64()), -1)
    values = np.asarray(code.to_numpy(zero_copy_only=False), dtype=np.int64)
    return values, whole.dictionary.cast(pa.string())


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
    code = groups.code
    if not used.all():
        code, value, weight = code[used], value[used], weight[used]
    k = len(groups)
    alike = len(weight) > 0 and bool((weight == 1).all())  # as they are where none were given
    n = np.bincount(code, minlength=k).astype(np.int64)

    def total(part: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(code, weights=part, minlength=k), dtype=np.float64)

    with np.errstate(invalid="ignore", divide="ignore"):
        sums = n.astype(np.float64) if alike else total(weight)
        mean = total(value if alike else weight * value) / sums
        size = sums if alike else sums**2 / total(weight**2)
        apart = value - mean[code]
        squared = total(apart**2 if alike else (weight * apart) ** 2)
        spread = squared / sums**2 * size / (size - 1)
        half = stdtrit(size - 1, (1 + level) / 2) * np.sqrt(spread)
    half = np.where(size > 1 + 1e-9, half, np.nan)
    return Means(n, mean, mean - half, mean + half)


def share(counts: FloatArray | IntArray) -> FloatArray:
    """(k,) parts of their sum; all 0 where that is."""
    total = counts.sum()
    return np.asarray(counts / total if total else np.zeros(len(counts)), dtype=np.float64)


def floats(value: FloatArray) -> pa.Array:
    """Turn an array into a column with NULL for NaN."""
    return pa.array(value, pa.float64(), from_pandas=True)


def joined(column: Column) -> IntArray | None:
    """(n,) codes of `group_id`; a sample without one stands alone. None where each does."""
    if column.null_count == len(column):
        return None
    whole = column if isinstance(column, pa.Array) else whole_array(column)
    codes = whole.cast(pa.string()).dictionary_encode().indices
    found = pc.fill_null(codes, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    alone = np.flatnonzero(found < 0)
    found[alone] = found.max(initial=-1) + 1 + np.arange(len(alone))
    return np.asarray(found)
