"""How the model does by metadata: by one field, by two at once, and by how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import Filter
from aggressors.queries.columns import Groups, floats, groups, means, numbers, read
from aggressors.queries.names import FieldRef, resolve, resolve_value
from aggressors.queries.signals import signal_sql
from aggressors.stats.calibration import BINS, Calibration, calibration

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

_RIGHT = FieldRef("right", "number", "(s.label = s.prediction)::INTEGER")


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
    labeled samples in scope, the same in every row). All means are weighted. Samples without a
    value are the last row, in which value, low and high are NULL.

    Raises
    ------
    FilterError : an unknown field or category.
    """
    ref = resolve_value(run, field)
    column, value, weights = _with_signal(run, filter, ref)
    by = groups(ref, column, bins=bins, top=top, equal_sizes=True)
    head = by.head()
    if (by.code < 0).any():
        by = _missing_too(by)
        head = {name: pa.concat_arrays([one, pa.nulls(1, one.type)]) for name, one in head.items()}
    found = means(by, value, weights, level=run.info.settings.level)
    with np.errstate(invalid="ignore"):  # weights may all be 0
        overall = value @ weights / weights.sum()
    return pa.table(
        head
        | {
            "n": pa.array(found.n, pa.int64()),
            "mean": floats(found.mean),
            "mean_low": floats(found.low),
            "mean_high": floats(found.high),
            "overall": floats(np.full(len(by), overall)),
        }
    )


def fields_vs_loss(
    run: RunFile, filter: Filter, across: str, up: str, bins: int = 8, top: int = 8
) -> pa.Table:
    """Mean signal by the values of two fields at once, among samples for which all are known.

    Parameters
    ----------
    bins, top : of either field, as in `field_vs_loss`.

    Returns
    -------
    across_value, across_low, across_high, up_value, up_low, up_high, n, mean (weighted): one row a
    cell that holds a sample, in the order of the groups of `across`, then of `up`.

    Raises
    ------
    FilterError : an unknown field or category.
    """
    refs = resolve_value(run, across), resolve_value(run, up)
    first, second, value, weights = _with_signal(run, filter, *refs)
    left, right = (
        groups(ref, column, bins=bins, top=top, equal_sizes=True)
        for ref, column in zip(refs, (first, second), strict=True)
    )
    known = (left.code >= 0) & (right.code >= 0)
    k = len(right)
    cell = np.where(known, left.code * k + right.code, -1)
    nothing = np.full(len(left) * k, np.nan)
    found = means(Groups(cell, (), nothing, nothing), value, weights, level=run.info.settings.level)
    filled = np.flatnonzero(found.n)
    columns: dict[str, pa.Array] = {}
    for name, by, place in (
        ("across", left, filled // max(k, 1)),
        ("up", right, filled % max(k, 1)),
    ):
        columns |= {f"{name}_{part}": one.take(place) for part, one in by.head().items()}
    return pa.table(
        columns | {"n": pa.array(found.n[filled], pa.int64()), "mean": floats(found.mean[filled])}
    )


def reliability(run: RunFile, filter: Filter, bins: int = BINS) -> Calibration | None:
    """How sure the model is against how often it is right, among labeled samples in scope.

    Returns
    -------
    None for regression, and where no labeled sample in scope has a confidence.
    """
    if not run.classes:
        return None
    refs = [resolve(run, "confidence"), _RIGHT, resolve(run, "weight")]
    known = "s.label IS NOT NULL AND s.prediction IS NOT NULL AND s.confidence IS NOT NULL"
    confidence, right, weight = (numbers(one) for one in read(run, filter, refs, where=known))
    # A confidence just above 1 is one that was rounded; none is made of anything else.
    used = np.isfinite(confidence) & (weight > 0)
    if not used.any():
        return None
    level = run.info.settings.level
    return calibration(
        np.clip(confidence[used], 0, 1), right[used] > 0, weight[used], bins=bins, level=level
    )


def _with_signal(run: RunFile, filter: Filter, *refs: FieldRef) -> list[np.ndarray]:
    """Read fields, signal and weight of the samples in scope whose signal is known."""
    signal = FieldRef("signal", "number", signal_sql(run))
    columns = read(run, filter, [*refs, signal, resolve(run, "weight")], where="s.loss IS NOT NULL")
    known = pc.is_valid(columns[-2])
    *shown, value, weights = (column.filter(known) for column in columns)
    return [*shown, numbers(value), numbers(weights)]


def _missing_too(by: Groups) -> Groups:
    """Add a last group, of the samples without a value."""
    code = np.where(by.code < 0, len(by), by.code)
    return Groups(code, (), np.append(by.low, np.nan), np.append(by.high, np.nan))
