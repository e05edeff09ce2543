"""Further numbers per sample, beside the loss: the user's metrics and the engine's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.contracts import BUILT_IN_SIGNALS, Signal
from aggressors.errors import SettingsError, TableError
from aggressors.sources.roles import missing

METRICS = pa.schema([("sample_id", pa.string()), ("metric", pa.string()), ("value", pa.float64())])


def metrics_table(
    ids: Sequence[str] | pa.Array | pa.ChunkedArray, metrics: Mapping[str, NDArray[np.float64]]
) -> pa.Table:
    """Build `metrics`: one row a sample and metric; NaN and infinite values become NULL.

    Parameters
    ----------
    ids : n ids of samples.
    metrics : (n,) values by name.
    """
    tables = [
        pa.table(
            [ids, pa.array([name] * len(ids), pa.string()), _known(values)],
            schema=METRICS,
        )
        for name, values in metrics.items()
    ]
    return pa.concat_tables([METRICS.empty_table(), *tables])


def _known(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(np.where(np.isfinite(values), values, np.nan), pa.float64(), from_pandas=True)


def wrong_names(names: Iterable[str]) -> list[str]:
    """One sentence for each metric that the setting `signal` could not name."""
    found = []
    for name in names:
        try:
            clear = isinstance(name, str) and Signal.parse(name) == Signal(name)
        except SettingsError:
            clear = False
        if not clear or name in BUILT_IN_SIGNALS:
            found.append(
                f"A metric cannot be called {name!r}, which the setting 'signal' reads as "
                "something else. Choose another name."
            )
    return found


def check_metrics(columns: Sequence[str], tables: Mapping[str, pa.Table]) -> None:
    """Require that each metric can be named and stands in some table; raises TableError."""
    if wrong := wrong_names(columns):
        raise TableError(wrong[0])
    names = list(dict.fromkeys(name for table in tables.values() for name in table.column_names))
    for column in columns:
        if column not in names:
            raise missing("metric", column, names, "any table")


def metric_columns(
    columns: Sequence[str], population: str, table: pa.Table
) -> dict[str, NDArray[np.float64]]:
    """(n,) values of the metrics that a table has, NaN where missing."""
    return {
        column: _numbers(column, population, table[column])
        for column in columns
        if column in table.column_names
    }


def _numbers(name: str, population: str, column: pa.ChunkedArray) -> NDArray[np.float64]:
    try:
        numbers = pc.fill_null(column.cast(pa.float64()), np.nan)
    except pa.ArrowException as error:
        raise TableError(
            f"Metric {name!r} of {population!r} must hold numbers; got {column.type}: {error}. "
            "Correct it, or make it metadata: leave out its --columns metric."
        ) from error
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)
