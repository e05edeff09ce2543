"""Labels, predictions, probabilities and losses of a table, completed from one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.contracts import CONFIDENCE_GAP
from aggressors.errors import TableError, UsageError
from aggressors.sources.roles import is_list
from aggressors.sources.spaces import PREFIX, in_order
from aggressors.stats.evidence import confidence_gap

CLIP = 1e-7  # smallest probability of a label that counts, so that a loss is finite
_LARGEST = float(np.finfo(np.float32).max)  # as vectors are kept
_SUM = 1e-2  # how far probabilities may miss a sum of 1, as rounding leaves them
Roles = Mapping[str, str]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scored:
    """What every run has of the samples of one population; all columns have one length."""

    sample_id: pa.ChunkedArray
    label: pa.Array
    prediction: pa.Array
    confidence: pa.Array
    loss: pa.Array
    weight: pa.Array
    group_id: pa.Array
    probabilities: pa.Array | None
    embedding: pa.Array | None
    spaces: Mapping[str, pa.Array]

    def tables(self) -> dict[str, pa.Table]:
        """Build the tables of a shard that come from these columns."""
        names = ("sample_id", "label", "prediction", "confidence", "loss", "weight", "group_id")
        tables = {"samples": pa.table({name: getattr(self, name) for name in names})}
        tables["positions"] = pa.table({"position": np.arange(len(self.sample_id))})
        if self.probabilities is not None:
            tables["probabilities"] = pa.table({"vector": self.probabilities})
        if self.embedding is not None:
            tables["embeddings"] = pa.table({"vector": self.embedding})
        if self.spaces:
            tables["spaces"] = in_order(self.spaces)
        return tables

    def metrics(self, classes: Sequence[str]) -> dict[str, Floats]:
        """Give `confidence_gap` (n,), NaN without a label, where there are probabilities."""
        if self.probabilities is None or len(classes) < 2:
            return {}
        flat = self.probabilities.flatten().to_numpy(zero_copy_only=False)
        label = _codes(self.label, classes)
        return {CONFIDENCE_GAP: confidence_gap(flat.reshape(-1, len(classes)), label)}


def infer_task(
    tables: Mapping[str, pa.Table], roles: Mapping[str, Roles], classes: Sequence[str]
) -> str:
    """Regression where label and prediction are numbers with fractions, else classification."""
    if classes or any("probabilities" in found for found in roles.values()):
        return "classification"
    numbers = [
        table[roles[name][role]]
        for name, table in tables.items()
        for role in ("label", "prediction")
        if role in roles[name]
    ]
    if not numbers or not all(pa.types.is_floating(column.type) for column in numbers):
        return "classification"
    return "regression" if any(_has_fractions(column) for column in numbers) else "classification"


def _has_fractions(column: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.not_equal(column, pc.floor(column))).as_py())


def class_names(
    tables: Mapping[str, pa.Table], roles: Mapping[str, Roles], classes: Sequence[str]
) -> tuple[str, ...]:
    """Take the given classes, or all names in labels and predictions, sorted."""
    if classes:
        if len(set(classes)) < len(classes):
            raise UsageError(f"Classes must be distinct; got {list(classes)}. Correct --classes.")
        return tuple(classes)
    found = (
        pc.unique(_as_names(table[roles[name][role]])).drop_null().to_pylist()
        for name, table in tables.items()
        for role in ("label", "prediction")
        if role in roles[name] and not (name == "unlabeled" and role == "label")
    )
    return tuple(sorted(set(chain.from_iterable(found))))


def loss_name(roles: Roles, task: str) -> str:
    """Name of the per-sample loss, as shown on screen."""
    if "loss" in roles:
        return roles["loss"]
    if task == "regression":
        return "squared error"
    return "cross-entropy" if "probabilities" in roles else "0/1 loss"


def score(
    population: str, table: pa.Table, roles: Roles, task: str, classes: Sequence[str]
) -> Scored:
    """Check the columns that have a role, and complete what is missing.

    Losses are computed where no column has them: cross-entropy of the probabilities, clipped at
    1e-7; without probabilities 0 or 1, or the squared error of a regression.

    Raises
    ------
    TableError : a value is missing, no number, no class, or of the wrong length; names the sample.
    """
    reader = _Reader(population, table, roles)
    ids = reader.ids()
    labeled = population != "unlabeled"
    probabilities = reader.probabilities(classes)
    label = reader.outcome("label", task, classes) if labeled else None
    prediction = reader.outcome("prediction", task, classes)
    if prediction is None and probabilities is not None:
        prediction = pa.array(classes, pa.string()).take(pa.array(probabilities.argmax(axis=1)))
    kind = pa.float64() if task == "regression" else pa.string()
    n = table.num_rows
    loss = reader.loss() if labeled else None
    if loss is None and labeled and label is not None:
        loss = _computed_loss(label, prediction, probabilities, task, classes)
    return Scored(
        sample_id=ids,
        label=pa.nulls(n, kind) if label is None else label,
        prediction=pa.nulls(n, kind) if prediction is None else prediction,
        confidence=_confidence(probabilities, prediction, classes, n),
        loss=pa.nulls(n, pa.float64()) if loss is None else pa.array(loss, pa.float64()),
        weight=pa.array(reader.weights(), pa.float32()),
        group_id=reader.groups(),
        probabilities=None if probabilities is None else _fixed(probabilities),
        embedding=reader.embedding(),
        spaces=reader.spaces(),
    )


def _computed_loss(
    label: pa.Array,
    prediction: pa.Array | None,
    probabilities: Floats | None,
    task: str,
    classes: Sequence[str],
) -> Floats:
    if task == "regression":
        return np.asarray((label.to_numpy() - prediction.to_numpy()) ** 2)  # type: ignore[union-attr]
    if probabilities is None:
        return np.asarray(
            pc.not_equal(label, prediction).to_numpy(zero_copy_only=False), dtype=np.float64
        )
    code = _codes(label, classes)
    chosen = probabilities[np.arange(len(code)), code]
    return np.asarray(-np.log(np.maximum(chosen, CLIP)))


def _confidence(
    probabilities: Floats | None, prediction: pa.Array | None, classes: Sequence[str], n: int
) -> pa.Array:
    if probabilities is None or prediction is None:
        return pa.nulls(n, pa.float32())
    code = _codes(prediction, classes)
    chosen = np.where(code < 0, np.nan, probabilities[np.arange(n), code])
    return pa.array(chosen, pa.float32(), from_pandas=True)


def _codes(names: pa.Array, classes: Sequence[str]) -> NDArray[np.int64]:
    """(n,) positions in the classes; -1 where missing or no class."""
    found = pc.index_in(names, value_set=pa.array(classes, pa.string())).fill_null(-1)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def _fixed(values: NDArray[np.floating]) -> pa.Array:
    flat = pa.array(values.astype(np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _as_names(column: pa.ChunkedArray) -> pa.Array:
    """Turn class names of any type to text; a whole number has no decimal point."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type) and not _has_fractions(column):
        column = column.cast(pa.int64())
    return column.cast(pa.string()).combine_chunks()


@dataclass(frozen=True, slots=True)
class _Reader:
    """Columns of one table by role, with messages that name the sample."""

    population: str
    table: pa.Table
    roles: Roles

    def _column(self, role: str) -> pa.ChunkedArray:
        return self.table[self.roles[role]]

    def fail(self, role: str, row: int, got: str, advice: str) -> TableError:
        sample = self._column("sample_id")[row].as_py()
        return TableError(
            f"Column {self.roles[role]!r} of sample {sample!r} in {self.population!r} {got}. "
            f"{advice}"
        )

    def ids(self) -> pa.ChunkedArray:
        column = self._column("sample_id").cast(pa.string())
        bad = pc.fill_null(pc.equal(column, ""), True).to_numpy()
        if bad.any():
            row = int(np.argmax(bad))
            raise TableError(
                f"Row {row + 1} of {self.population!r} has no {self.roles['sample_id']!r}. "
                "Give every sample an id."
            )
        return column

    def outcome(self, role: str, task: str, classes: Sequence[str]) -> pa.Array | None:
        """Labels or predictions: float64 for regression, else class names."""
        if role not in self.roles:
            return None
        if task == "regression":
            return pa.array(self._numbers(role), pa.float64())
        names = _as_names(self._column(role))
        absent = names.is_null().to_numpy(zero_copy_only=False)
        if absent.any() and "loss" not in self.roles:
            row = int(np.argmax(absent))
            raise self.fail(role, row, "is missing", "Fill it in, or leave the sample out.")
        wrong = (_codes(names, classes) < 0) & ~absent
        if wrong.any():
            row = int(np.argmax(wrong))
            got = names[row].as_py()
            near = get_close_matches(got, classes, n=1)
            hint = f"the nearest is {near[0]!r}" if near else f"they are {list(classes)[:10]}"
            raise self.fail(
                role, row, f"is {got!r}, which is no class; {hint}", "Correct it or --classes."
            )
        return names

    def loss(self) -> Floats | None:
        return self._numbers("loss") if "loss" in self.roles else None

    def weights(self) -> Floats:
        if "weight" not in self.roles:
            return np.ones(self.table.num_rows)
        values = self._numbers("weight")
        if (values < 0).any():
            row = int(np.argmax(values < 0))
            raise self.fail("weight", row, f"is {values[row]}", "Give weights of 0 or more.")
        return values

    def groups(self) -> pa.Array:
        if "group" not in self.roles:
            return pa.nulls(self.table.num_rows, pa.string())
        return _as_names(self._column("group"))

    def _numbers(self, role: str) -> Floats:
        """(n,) finite numbers."""
        column = self._column(role)
        try:
            numbers = column.cast(pa.float64())
        except pa.ArrowException as error:
            raise TableError(
                f"Column {self.roles[role]!r} of {self.population!r} must hold numbers; got "
                f"{column.type}: {error}. Correct it, or name another column for {role}."
            ) from error
        values = pc.fill_null(numbers, np.nan).to_numpy()
        finite = np.isfinite(values)
        if not finite.all():
            row = int(np.argmin(finite))
            count = int((~finite).sum())
            got = "is missing" if column[row].as_py() is None else f"is {values[row]}"
            raise self.fail(
                role, row, f"{got} ({count} such samples)", "Correct it, or leave the sample out."
            )
        return np.asarray(values, dtype=np.float64)

    def embedding(self) -> pa.Array | None:
        if "embedding" not in self.roles:
            return None
        return _fixed(self._vectors("embedding", None))

    def spaces(self) -> dict[str, pa.Array]:
        """Vectors of every further space, by its name."""
        further = (role for role in self.roles if role.startswith(PREFIX))
        return {role.removeprefix(PREFIX): _fixed(self._vectors(role, None)) for role in further}

    def probabilities(self, classes: Sequence[str]) -> Floats | None:
        if "probabilities" not in self.roles:
            return None
        values = self._vectors("probabilities", len(classes))
        total = values.sum(axis=1)
        wrong = (values < 0).any(axis=1) | (np.abs(total - 1) > _SUM)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self.fail(
                "probabilities",
                row,
                f"is no probability distribution: values in [{values[row].min():.3g}, "
                f"{values[row].max():.3g}] that sum to {total[row]:.4g}",
                "Apply softmax to the outputs.",
            )
        return values

    def _vectors(self, role: str, wanted: int | None) -> Floats:
        """(n, d) finite numbers; d is `wanted`, or the length in the first row."""
        column = self._column(role)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = self._parsed(role, column)
        if not is_list(column.type):
            raise TableError(
                f"Column {self.roles[role]!r} of {self.population!r} must hold lists of numbers; "
                f"got {column.type}. Name another column for {role}, or rename this one."
            )
        array = column.combine_chunks()
        expected = self._length(role, array, wanted)
        flat = pc.fill_null(pc.list_flatten(array).cast(pa.float64()), np.nan)
        values = np.asarray(flat.to_numpy(zero_copy_only=False)).reshape(-1, expected)
        usable = (np.abs(values) <= _LARGEST).all(axis=1)
        if not usable.all():
            row = int(np.argmin(usable))
            what = (
                "a value beyond 3.4e38"
                if np.isfinite(values[row]).all()
                else ("a missing, NaN or infinite value")
            )
            raise self.fail(role, row, f"holds {what}", "Correct it or leave it out.")
        return values

    def _length(self, role: str, array: pa.Array, wanted: int | None) -> int:
        """Length of all the lists: `wanted`, or that of the first."""
        lengths = pc.list_value_length(array)
        empty = pc.fill_null(pc.less(lengths, 1), True).to_numpy(zero_copy_only=False)
        if empty.any():
            row = int(np.argmax(empty))
            got = "is missing" if array[row].as_py() is None else "is an empty list"
            count = int(empty.sum())
            raise self.fail(
                role, row, f"{got} ({count} such samples)", "Fill it in, or leave the sample out."
            )
        found = lengths.to_numpy(zero_copy_only=False)
        expected = int(found[0]) if wanted is None else wanted
        if (found != expected).any():
            row = int(np.argmax(found != expected))
            because = "the first sample's has" if wanted is None else "the number of classes is"
            advice = "All must be of one length." if wanted is None else "Pass --classes with all."
            raise self.fail(role, row, f"has {found[row]} values; {because} {expected}", advice)
        return expected

    def _parsed(self, role: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Read lists from texts such as `[0.1, 0.9]`, as a CSV has them."""
        import json

        lists = []
        for row, text in enumerate(column.to_pylist()):
            try:
                lists.append(None if text is None else [float(value) for value in json.loads(text)])
            except (ValueError, TypeError):
                raise self.fail(
                    role, row, f"is {text[:40]!r}", "Write lists as [0.1, 0.9]."
                ) from None
        return pa.chunked_array([pa.array(lists, pa.list_(pa.float64()))])
