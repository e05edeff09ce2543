"""The analysed data as numpy arrays, built once from the Arrow tables that stages exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.contracts import POPULATIONS, FieldKind, Settings, Signal
from aggressors.queries.columns import joined
from aggressors.stages.protocol import Context, Tables
from aggressors.stats.severity import failing

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Field:
    """One metadata field over all samples.

    `numbers` is (n,) float64 with NaN where missing, for kind number; `codes` is (n,) int64 with
    -1 where missing, an index into `categories`, for every other kind.
    """

    name: str
    kind: FieldKind
    unit: str
    numbers: FloatArray | None
    codes: IntArray | None
    categories: tuple[str, ...]

    @property
    def unit_text(self) -> str:
        """What stands behind a number of it in a sentence: ` px`, or nothing."""
        return f" {self.unit}" if self.unit and self.unit not in ("1", "share") else ""

    def at(self, rows: IntArray) -> Field:
        """Choose samples."""
        numbers = None if self.numbers is None else self.numbers[rows]
        codes = None if self.codes is None else self.codes[rows]
        return replace(self, numbers=numbers, codes=codes)


@dataclass(frozen=True)
class Frame:
    """All samples of a run in the order of `row_id`; n samples, k classes, d dimensions.

    `population`, `label`, `prediction` are (n,) int64 codes (-1 = none) into POPULATIONS and
    `classes`; `loss` is (n,) float64, NaN where unlabeled; `signal` (n,) float64, see `signal_of`;
    `group` (n,) int64 codes, equal for samples that belong together; `probabilities` (n, k) and
    `embedding` (n, d) float32. The last three are None where the source has none. `spaces`
    holds further vectors (n, d) float32 by name, in the order of the names.
    """

    sample_id: NDArray[np.object_]
    population: IntArray
    discover: BoolArray
    confirm: BoolArray
    label: IntArray
    prediction: IntArray
    loss: FloatArray
    signal: FloatArray
    weight: FloatArray
    group: IntArray | None
    classes: tuple[str, ...]
    fields: tuple[Field, ...]
    probabilities: NDArray[np.float32] | None
    embedding: NDArray[np.float32] | None
    settings: Settings
    spaces: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sample_id)

    @cached_property
    def analysed(self) -> BoolArray:
        """(n,) True in the population in which aggressors are found."""
        return self.discover | self.confirm

    def in_population(self, name: str) -> BoolArray:
        """(n,) True in the named population."""
        return np.asarray(self.population == POPULATIONS.index(name))

    def failing(self, rest: BoolArray) -> BoolArray:
        """(n,) analysed samples that fail, given those that a group is compared with."""
        known = self.analysed & np.isfinite(self.signal)
        signal = np.where(known, self.signal, -np.inf)
        return failing(signal, self.signal[rest], self.settings.core_quantile)

    @classmethod
    def from_tables(cls, tables: Tables, context: Context) -> Frame:
        """Read `samples`, `metadata`, `metadata_fields` and, if there, the vectors and `metrics`.

        All tables stand in the order of `row_id`.
        """
        samples = tables["samples"]
        fold = np.asarray(samples["fold"].to_numpy(zero_copy_only=False), dtype=object)
        return cls(
            sample_id=samples["sample_id"].to_numpy(zero_copy_only=False),
            population=_codes(samples["population"], POPULATIONS),
            discover=np.asarray(fold == "discover", dtype=np.bool_),
            confirm=np.asarray(fold == "confirm", dtype=np.bool_),
            label=_codes(samples["label"], context.classes),
            prediction=_codes(samples["prediction"], context.classes),
            loss=_floats(samples["loss"]),
            signal=signal_of(Signal.parse(context.settings.signal), tables),
            weight=_floats(samples["weight"]),
            group=joined(samples["group_id"]),
            classes=context.classes,
            fields=tuple(_fields(tables["metadata"], tables["metadata_fields"])),
            probabilities=_matrix(tables.get("probabilities")),
            embedding=_matrix(tables.get("embeddings")),
            settings=context.settings,
            spaces=_spaces(tables.get("spaces")),
        )


def signal_of(signal: Signal, tables: Tables) -> FloatArray:
    """(n,) what must be bad inside an aggressor, NaN where unknown.

    The same in SQL is `queries.signals.signal_sql`.

    Parameters
    ----------
    tables : `samples` in the order of `row_id` and, if there, `metrics`.
    """
    samples = tables["samples"]
    if signal.name == "loss":
        return _floats(samples["loss"])
    if signal.name == "error":
        label, prediction = (samples[name].cast(pa.string()) for name in ("label", "prediction"))
        return _floats(pc.not_equal(label, prediction))
    value = np.full(samples.num_rows, np.nan)
    if (metrics := tables.get("metrics")) is not None:
        found = metrics.filter(pc.equal(metrics["metric"], signal.name))
        value[found["row_id"].to_numpy()] = _floats(found["value"])
    return {"": value, "-": -value, "1 -": 1 - value}[signal.turned]


def _fields(metadata: pa.Table, described: pa.Table) -> list[Field]:
    fields = []
    for row in described.to_pylist():
        column = metadata[row["field"]]
        if row["kind"] == "number":
            numbers, codes, categories = _floats(column), None, ()
        else:
            encoded = pc.dictionary_encode(column.cast(pa.string())).combine_chunks()
            order = np.argsort(np.asarray(encoded.dictionary.to_pylist(), dtype=object))
            categories = tuple(encoded.dictionary.take(pa.array(order)).to_pylist())
            place = np.empty(len(order) + 1, dtype=np.int64)
            place[order], place[-1] = np.arange(len(order)), -1
            codes = place[pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)]
            numbers = None
        fields.append(Field(row["field"], row["kind"], row["unit"], numbers, codes, categories))
    return fields


def _codes(column: pa.ChunkedArray, names: tuple[str, ...]) -> IntArray:
    found = pc.index_in(column.cast(pa.string()), value_set=pa.array(names, pa.string()))
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _floats(column: pa.ChunkedArray) -> FloatArray:
    filled = pc.fill_null(column.cast(pa.float64()), np.nan)
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.float64)


def _matrix(table: pa.Table | None) -> NDArray[np.float32] | None:
    if table is None or table.num_rows == 0:
        return None
    return _rows_of(table["vector"])


def _spaces(table: pa.Table | None) -> dict[str, NDArray[np.float32]]:
    """Vectors of every further space, by name."""
    if table is None or table.num_rows == 0:
        return {}
    return {name: _rows_of(table[name]) for name in sorted(table.column_names) if name != "row_id"}


def _rows_of(vectors: pa.ChunkedArray) -> NDArray[np.float32]:
    """(n, d) from a column of n lists."""
    flat = vectors.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float32).reshape(len(vectors), -1)
