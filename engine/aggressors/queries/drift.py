"""Two groups of samples compared: each a filter, such as an aggressor against the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import Condition, Filter, Not
from aggressors.queries.columns import (
    OTHER,
    FloatArray,
    Groups,
    IntArray,
    floats,
    groups,
    numbers,
    read,
    share,
    together,
)
from aggressors.queries.grammar import both
from aggressors.queries.names import FieldRef, known_fields, resolve, resolve_value
from aggressors.queries.scope import fetch_rows, scope
from aggressors.stats import drift
from aggressors.stats.drift import Drift

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MOST = 100_000  # values of a group that drift figures are made of; more are drawn from, by a seed
MOST_EACH = 30_000  # samples of a group by which all fields are compared
_TOP = 100  # categories that are told apart where fields are compared
_BINS = 20

Pair = tuple[Filter, Filter]


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
    member = Condition("concept", "=", (concept_id,))
    return both(member, filter), both(Not(member), filter)


def datasets(filter: Filter, by: str, left: str, right: str) -> Pair:
    """Take two values of a category field from the samples in scope."""
    one, other = (both(Condition(by, "=", (name,)), filter) for name in (left, right))
    return one, other


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
    sides = [read(run, one, [ref, weight] if weighted else [ref]) for one in pair]
    sizes = [len(columns[0]) for columns in sides]
    column = together([columns[0] for columns in sides])
    # The drift of categories tells apart more of them than a chart has room for.
    finer = groups(ref, column, bins=bins, top=_TOP, equal_sizes=False)
    by = finer if ref.kind == "number" else _coarser(finer, top)
    weights = np.concatenate([numbers(columns[1]) for columns in sides]) if weighted else None
    parts = _sides(sizes)
    counts = [by.counts(part) for part in parts]
    shares = [share(_weighed(by, part, weights)) for part in parts]
    rows = pa.table(
        by.head()
        | {"left": pa.array(counts[0], pa.int64()), "right": pa.array(counts[1], pa.int64())}
        | {"left_share": floats(shares[0]), "right_share": floats(shares[1])}
    )
    ours, theirs = (size - int(count.sum()) for size, count in zip(sizes, counts, strict=True))
    found = None
    if counts[0].sum() and counts[1].sum():
        value = numbers(column) if ref.kind == "number" else None
        found = _drift(run, finer, value, weights, sizes, MOST)
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
    refs = [
        ref
        for ref in known_fields(run).values()
        if ref.name not in skip and (ref.needs_metadata or ref.name in ("label", "prediction"))
        if ref.kind in ("number", "category")
    ]
    weighted = _is_weighted(run)
    shown = [*refs, *([resolve(run, "weight")] if weighted else [])]
    sides = [read(run, one, shown, where=_drawn(run, one)) for one in pair]
    sizes = [len(columns[0]) if columns else 0 for columns in sides]
    if not all(sizes):
        return _FIELDS.empty_table()
    weights = np.concatenate([numbers(columns[-1]) for columns in sides]) if weighted else None
    found = [
        row
        for place, ref in enumerate(refs)
        if (row := _difference(run, ref, [one[place] for one in sides], weights, sizes))
    ]
    found.sort(key=lambda row: (-float(str(row["distance"])), row["field"]))
    return pa.Table.from_pylist(found, schema=_FIELDS)


def _difference(
    run: RunFile,
    ref: FieldRef,
    columns: list[pa.ChunkedArray],
    weights: FloatArray | None,
    sizes: list[int],
) -> dict[str, object] | None:
    column = together(columns)
    value = numbers(column) if ref.kind == "number" else None
    by = groups(ref, column, bins=_BINS, top=_TOP, equal_sizes=True)
    parts = _sides(sizes)
    if not all(by.counts(part).sum() for part in parts):
        return None
    shares = [share(_weighed(by, part, weights)) for part in parts]
    worth = [_worth(by, part, weights) for part in parts]
    one = _drift(run, by, value, weights, sizes, MOST_EACH)
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
    sizes: list[int],
    most: int,
) -> Drift:
    """Compare the two groups that lie one after the other, both with at least one value."""
    level, parts = run.info.settings.level, _sides(sizes)
    if value is None:
        summed = [_weighed(by, part, weights).astype(np.float64) for part in parts]
        worth = [_worth(by, part, weights) for part in parts]
        return drift.of_categories(
            summed[0], summed[1], n_left=worth[0], n_right=worth[1], level=level
        )
    used = [_thinned(np.flatnonzero(np.isfinite(value[part])), most) + part.start for part in parts]
    heavy = [None if weights is None else weights[rows] for rows in used]
    return drift.of_numbers(value[used[0]], value[used[1]], heavy[0], heavy[1], level=level)


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


def _drawn(run: RunFile, filter: Filter) -> str:
    """Give a condition that keeps about `MOST_EACH` of the samples in scope, always the same."""
    [(n,)] = fetch_rows(run, "SELECT count(*) FROM {source} WHERE {where}", scope(run, filter))
    if n <= MOST_EACH:
        return "TRUE"
    return f"hash(s.row_id) % 1000000 < {MOST_EACH * 1_000_000 // n}"


def _is_weighted(run: RunFile) -> bool:
    [(least, most)] = fetch_rows(run, "SELECT min(weight), max(weight) FROM samples")
    return bool(least != most)


def _sides(sizes: list[int]) -> tuple[slice, slice]:
    """Where the two groups stand among the values of both."""
    return slice(0, sizes[0]), slice(sizes[0], None)


def _weighed(by: Groups, part: slice, weights: FloatArray | None) -> NDArray[np.float64] | IntArray:
    """(k,) summed weight of the groups of values, of one side."""
    if weights is None:
        return by.counts(part)
    code, known = by.code[part], by.code[part] >= 0
    return np.bincount(code[known], weights[part][known], minlength=len(by))


def _worth(by: Groups, part: slice, weights: FloatArray | None) -> float:
    """How many samples of equal weight the known values of one side are worth (Kish 1965)."""
    known = by.code[part] >= 0
    if weights is None:
        return float(known.sum())
    used = weights[part][known]
    return float(used.sum() ** 2 / (used @ used))
