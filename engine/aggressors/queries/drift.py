"""Two groups of samples compared, such as an aggressor against the rest; both read in one scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import Condition, Filter
from aggressors.queries.columns import (
    OTHER,
    Column,
    FloatArray,
    Groups,
    IntArray,
    floats,
    groups,
    numbers,
    scan,
    share,
)
from aggressors.queries.drawn import comparable, drawn
from aggressors.queries.filters import compile_filters
from aggressors.queries.grammar import both
from aggressors.queries.names import FieldRef, resolve, resolve_value
from aggressors.queries.scope import POSITIONAL, Scope, fetch_rows
from aggressors.stats import drift
from aggressors.stats.drift import Drift

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MOST = 100_000  # values of a group that drift figures are made of; more are drawn from, by a seed
MOST_EACH = 20_000  # samples of a group by which all fields are compared
FEWEST_EACH = 1_000  # of those that are drawn of every run; more are read where a group has fewer
_TOP = 100  # categories that are told apart in drift figures
_BINS = 20
_SHARES = 1_000_000  # into which a hash parts the samples, to draw some of them

BoolArray = NDArray[np.bool_]
Sides = tuple[BoolArray, BoolArray]
_Read = tuple[list[Column], Sides]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups among the samples of `scope`: those of `left`, and the others.

    Parameters
    ----------
    whole : the second group is all of `scope`, those of `left` included.
    """

    scope: Filter
    left: Filter
    whole: bool = False


@dataclass(frozen=True)
class Compared:
    """One field in two groups.

    Parameters
    ----------
    rows : a table with value (category, NULL for a number), low, high (bounds of a number's bin),
        left, right (samples), left_share, right_share (weighted, of the group's samples that have
        a value).
    drift : how far they differ; None where a group has no value.
    missing : samples of the left and of the right group without a value.
    """

    rows: pa.Table
    drift: Drift | None
    missing: tuple[int, int]


def inside_outside(filter: Filter, concept_id: int) -> Pair:
    """Part the samples in scope into the members of a concept and the rest."""
    return Pair(filter, Condition("concept", "=", (concept_id,)))


def datasets(filter: Filter, by: str, left: str, right: str) -> Pair:
    """Take two values of a category field from the samples in scope."""
    return Pair(both(Condition(by, "in", (left, right)), filter), Condition(by, "=", (left,)))


def compared(run: RunFile, pair: Pair, field: str, bins: int = 20, top: int = 12) -> Compared:
    """How a field is spread over two groups, and how far they differ.

    Parameters
    ----------
    bins : of a number, in equal widths; each distinct value is its own where there are no more.
    top : categories, the most frequent; the others stand together as `(other)`.

    Raises
    ------
    FilterError : an unknown field or category.
    """
    ref, weight = resolve_value(run, field), resolve(run, "weight")
    weighted = _is_weighted(run)
    columns, sides = _read(run, pair, [ref, weight] if weighted else [ref])
    # The drift of categories tells apart more of them than a chart has room for.
    finer = groups(ref, columns[0], bins=bins, top=_TOP, equal_sizes=False)
    by = finer if ref.kind == "number" else _coarser(finer, top)
    weights = numbers(columns[1]) if weighted else None
    counts = [by.counts(side) for side in sides]
    shares = [share(_weighed(by, side, weights)) for side in sides]
    rows = pa.table(
        by.head()
        | {"left": pa.array(counts[0], pa.int64()), "right": pa.array(counts[1], pa.int64())}
        | {"left_share": floats(shares[0]), "right_share": floats(shares[1])}
    )
    found = None
    if counts[0].sum() and counts[1].sum():
        value = numbers(columns[0]) if ref.kind == "number" else None
        found = _drift(run, finer, value, weights, sides, MOST)
    ours, theirs = (
        int(side.sum() - count.sum()) for side, count in zip(sides, counts, strict=True)
    )
    return Compared(rows, found, (ours, theirs))


_FIELDS = pa.schema(
    [
        ("field", pa.string()),
        ("kind", pa.string()),
        ("distance", pa.float64()),
        ("statistic", pa.string()),
        ("effect", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("drift", pa.float64()),
        ("psi", pa.float64()),
        ("chi_square", pa.float64()),
        ("p_value", pa.float64()),
        ("n_left", pa.int64()),
        ("n_right", pa.int64()),
    ]
)


def differences(run: RunFile, pair: Pair, skip: Sequence[str] = ()) -> pa.Table:
    """In which fields two groups differ, the most first; on `MOST_EACH` samples of each at most.

    Parameters
    ----------
    skip : fields to leave out, such as the one by which the groups were parted.

    Returns
    -------
    field, kind, distance (total variation between the two spreads, less what chance gives; orders
    the fields of both kinds, in [0, 1]), then as in `stats.drift.Drift` (`drift` is its distance).
    """
    refs = [ref for ref in comparable(run) if ref.name not in skip]
    weight = [resolve(run, "weight")] if _is_weighted(run) else []
    columns, sides = _of_drawn(run, pair, [*refs, *weight]) or _of_each(run, pair, [*refs, *weight])
    weights = numbers(columns.pop()) if weight else None
    found = [
        row
        for ref, column in zip(refs, columns, strict=True)
        if (row := _difference(run, ref, column, weights, sides))
    ]
    found.sort(key=lambda row: (-float(str(row["distance"])), row["field"]))
    return pa.Table.from_pylist(found, schema=_FIELDS)


def _difference(
    run: RunFile,
    ref: FieldRef,
    column: Column,
    weights: FloatArray | None,
    sides: Sides,
) -> dict[str, object] | None:
    value = numbers(column) if ref.kind == "number" else None
    by = groups(ref, column, bins=_BINS, top=_TOP, equal_sizes=True)
    if not all(by.counts(side).sum() for side in sides):
        return None
    shares = [share(_weighed(by, side, weights)) for side in sides]
    worth = [_worth(by, side, weights) for side in sides]
    one = _drift(run, by, value, weights, sides, MOST_EACH)
    return {
        "field": ref.name, "kind": ref.kind,
        "distance": drift.beyond_chance(shares[0], shares[1], worth[0], worth[1]),
        "statistic": one.statistic, "effect": one.effect, "low": one.low, "high": one.high,
        "drift": one.distance, "psi": one.psi, "chi_square": one.chi_square,
        "p_value": one.p_value, "n_left": one.n_left, "n_right": one.n_right,
    }  # fmt: skip


def _drift(
    run: RunFile,
    by: Groups,
    value: FloatArray | None,
    weights: FloatArray | None,
    sides: Sides,
    most: int,
) -> Drift:
    """Compare two groups that both have at least one value."""
    level = run.info.settings.level
    if value is None:
        summed = [_weighed(by, side, weights).astype(np.float64) for side in sides]
        worth = [_worth(by, side, weights) for side in sides]
        return drift.of_categories(
            summed[0], summed[1], n_left=worth[0], n_right=worth[1], level=level
        )
    known = np.isfinite(value)
    used = [_thinned(np.flatnonzero(known & side), most) for side in sides]
    heavy = [None if weights is None else weights[rows] for rows in used]
    return drift.of_numbers(value[used[0]], value[used[1]], heavy[0], heavy[1], level=level)


def _of_drawn(run: RunFile, pair: Pair, refs: Sequence[FieldRef]) -> _Read | None:
    """Take both groups from the samples that are drawn of every run; None where one has too few."""
    from_run = drawn(run)
    there, left = from_run.inside(run, pair.scope), from_run.inside(run, pair.left)
    groups_of = [there & left, there if pair.whole else there & ~left]
    if not from_run.whole and min(group.sum() for group in groups_of) < FEWEST_EACH:
        return None
    thinned = [_thinned(np.flatnonzero(group), MOST_EACH) for group in groups_of]
    rows = np.unique(np.concatenate(thinned))
    sides = np.isin(rows, thinned[0]), np.isin(rows, thinned[1])
    return [from_run.take(ref, rows) for ref in refs], sides


def _of_each(run: RunFile, pair: Pair, refs: Sequence[FieldRef]) -> _Read:
    """Read about `MOST_EACH` samples of each group, always the same, from the file."""
    within, side = _parted(run, pair, refs)
    sql = "SELECT count(*), count(*) FILTER ({side}) FROM {source} WHERE {where}"
    [(n, there)] = fetch_rows(run, sql, within, side=side.sql)
    kept = [_SHARES * MOST_EACH // max(of, 1) for of in (there, n - there)]
    more = "TRUE"
    if min(kept) < _SHARES:
        draw = "hash(s.row_id) % {shares} < CASE WHEN {side} THEN {left} ELSE {right} END"
        more = draw.format(shares=_SHARES, side=side.sql, left=kept[0], right=kept[1])
    return _scanned(run, pair, within, [side, *refs], more)


def _read(run: RunFile, pair: Pair, refs: Sequence[FieldRef]) -> _Read:
    """Read fields of both groups in one scan, and which samples each of them holds."""
    within, side = _parted(run, pair, refs)
    return _scanned(run, pair, within, [side, *refs])


def _parted(run: RunFile, pair: Pair, refs: Sequence[FieldRef]) -> tuple[Scope, FieldRef]:
    whole, left = compile_filters([pair.scope, pair.left], run)
    side = FieldRef("side", "number", f"(({left.sql}) IS TRUE)")
    joined = whole.needs_metadata or any(ref.needs_metadata for ref in refs)
    return Scope(POSITIONAL if joined else "samples s", whole.sql, whole.params), side


def _scanned(
    run: RunFile, pair: Pair, within: Scope, refs: Sequence[FieldRef], more: str = "TRUE"
) -> _Read:
    found, *columns = scan(run, within, refs, more)
    left: BoolArray = found.to_numpy().astype(np.bool_)
    return [*columns], (left, np.ones_like(left) if pair.whole else ~left)


def _coarser(by: Groups, top: int) -> Groups:
    """Keep the first `top` categories, which are the most frequent; the rest become one."""
    if len(by) <= top:
        return by
    nothing = np.full(top + 1, np.nan)
    return Groups(np.minimum(by.code, top), (*by.names[:top], OTHER), nothing, nothing)


def _thinned(rows: IntArray, most: int) -> IntArray:
    """Keep at most so many rows, each equally likely, the same every time."""
    if len(rows) <= most:
        return rows
    kept = np.random.default_rng(len(rows)).random(len(rows)) < most / len(rows)
    return rows[kept]


def _is_weighted(run: RunFile) -> bool:
    [(least, most)] = fetch_rows(run, "SELECT min(weight), max(weight) FROM samples")
    return bool(least != most)


def _weighed(by: Groups, side: BoolArray, weights: FloatArray | None) -> FloatArray | IntArray:
    """(k,) summed weight of the groups of values, of one side."""
    if weights is None:
        return by.counts(side)
    used = side & (by.code >= 0)
    return np.bincount(by.code[used], weights[used], minlength=len(by))


def _worth(by: Groups, side: BoolArray, weights: FloatArray | None) -> float:
    """How many samples of equal weight the known values of one side are worth (Kish 1965)."""
    used = side & (by.code >= 0)
    if weights is None:
        return float(used.sum())
    return float(weights[used].sum() ** 2 / (weights[used] @ weights[used]))
