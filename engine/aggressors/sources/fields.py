"""The metadata fields of a run: columns from Python values, and what they are once all are seen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aggressors.errors import InputError
from aggressors.stages.describe import SOURCE as BUILT_IN
from aggressors.stages.describe import UNITS
from aggressors.store.schema import BY_NAME

SPACER = ""  # an empty column that keeps the rows of a metadata table without fields
MOST_CATEGORIES = 50  # up to here a text field is a category, however few samples there are
FIELDS = pa.schema([(name, pa.string()) for name in ("field", "kind", "unit", "source")])
TAKEN = frozenset(  # columns of every run
    column.name for table in ("samples", "metadata") for column in BY_NAME[table].columns
)
_EXACT = range(-(2**53), 2**53 + 1)  # whole numbers that a float tells apart
_TEXT_WORDS = 3.0  # mean words from which a field with many values is text, not an identifier


def check_names(names: Iterable[str], what: str) -> None:
    """Refuse metadata fields that could not be told from one another, or from the run's own.

    Parameters
    ----------
    names : names of the fields.
    what : where they come from, as a message starts with it.

    Raises
    ------
    InputError : an empty or reserved name, or two that differ in case only.
    """
    for problem in name_problems(names, what):
        raise InputError(problem)


def name_problems(names: Iterable[str], what: str) -> Iterator[str]:
    """Yield a sentence for each name that `check_names` would refuse."""
    seen: dict[str, str] = {}
    for name in names:
        folded = name.casefold() if isinstance(name, str) else ""
        if not folded.strip() or not name.isprintable():
            yield f"{what} has a field named {name!r}. Give it a printable name."
        elif folded in TAKEN:
            yield f"{what} has a field {name!r}, which is a column of every run. Rename the field."
        elif folded in seen:
            yield (
                f"{what} has the fields {seen[folded]!r} and {name!r}, which differ in case only. "
                "Rename one of them."
            )
        else:
            seen[folded] = name


def from_column(values: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Turn a column of a table into one of a field: float64, text, or Arrow's null type.

    None where its type is none of a field's. Numbers that are not finite become NULL, whole numbers
    beyond what a float holds exactly become text: they are ids.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    if pa.types.is_null(kind) or pa.types.is_boolean(kind):
        return values if pa.types.is_null(kind) else values.cast(pa.string())
    if pa.types.is_integer(kind) and _inexact(values):
        return values.cast(pa.string())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = values.cast(pa.float64(), safe=False)
        return pc.if_else(pc.is_finite(numbers), numbers, None)
    try:
        return values.cast(pa.string())
    except pa.ArrowException:
        return None


def _inexact(values: pa.ChunkedArray) -> bool:
    """Whether some whole number is larger than a float holds exactly."""
    ends = pc.min_max(values)
    return any((end.as_py() or 0) not in _EXACT for end in (ends["min"], ends["max"]))


def value_kind(value: Any) -> str | None:
    """Tell `number` from `category`; None where missing (None, NaN, infinite), `?` for the rest."""
    if value is None:
        return None
    if isinstance(value, bool | str):
        return "category"
    if isinstance(value, int | float):
        return "number" if math.isfinite(value) else None
    return "?"


def plain(value: Any) -> Any:
    """Turn a numpy or torch scalar into the Python value it holds."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    item = getattr(value, "item", None)
    return item() if item is not None and getattr(value, "size", 1) in (1, ()) else value


def column(name: str, values: Sequence[Any], sample_ids: Sequence[str]) -> pa.Array:
    """Build one metadata column; Arrow's null type where no sample has a value.

    Parameters
    ----------
    name : name of the field, for messages.
    values : one value a sample: text, number, truth value or None.
    sample_ids : ids of the samples, for messages.

    Raises
    ------
    InputError : values that are not numbers, texts or truth values, or of more than one kind.
    """
    try:
        return _fast_column(values)
    except (pa.ArrowException, OverflowError):
        pass
    values = [plain(value) for value in values]
    kinds = [value_kind(value) for value in values]
    first = next((kind for kind in kinds if kind is not None), None)
    for value, kind, sample_id in zip(values, kinds, sample_ids, strict=True):
        if kind == "?":
            raise InputError(
                f"Metadata field {name!r} of sample {sample_id!r} must be a number, a text, a "
                f"truth value or None; got {type(value).__name__}. Return a plain Python value."
            )
        if kind is not None and kind != first:
            raise InputError(
                f"Metadata field {name!r} holds a {first} in one sample and {value!r} in sample "
                f"{sample_id!r}. Return values of one kind, and None where the value is missing."
            )
    if first == "number":
        return pa.array(
            [
                None if kind is None else float(value)
                for value, kind in zip(values, kinds, strict=True)
            ],
            pa.float64(),
        )
    return pa.array([_as_text(value) for value in values], pa.string())


def _fast_column(values: Sequence[Any]) -> pa.Array:
    """Let Arrow infer one type, which fails for mixed kinds."""
    array = pa.array(values, from_pandas=True)  # NaN becomes NULL
    kind = array.type
    if pa.types.is_null(kind):
        return array
    if pa.types.is_boolean(kind):
        return array.cast(pa.string())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = array.cast(pa.float64())
        return pc.if_else(pc.is_finite(numbers), numbers, None)
    if pa.types.is_string(kind):
        return array
    raise pa.ArrowInvalid(f"no metadata type: {kind}")


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def declared(columns: Mapping[str, pa.Array], source: str, units: Mapping[str, str]) -> pa.Table:
    """Declare one row a field; its kind is `number`, `category`, or empty without a value."""
    kinds = [_column_kind(array.type) for array in columns.values()]
    return pa.table(
        [
            list(columns),
            kinds,
            [units.get(name, "") for name in columns],
            [source] * len(columns),
        ],
        schema=FIELDS,
    )


def _column_kind(kind: pa.DataType) -> str:
    if pa.types.is_null(kind):
        return ""
    return "number" if pa.types.is_floating(kind) or pa.types.is_integer(kind) else "category"


def agree(fields: pa.Table, known: dict[str, str], place: str) -> pa.Table:
    """Return `fields` after adding their kinds to those of earlier batches.

    Raises
    ------
    InputError : a field is a number in one batch and text in another.
    """
    for name, kind in zip(fields["field"].to_pylist(), fields["kind"].to_pylist(), strict=True):
        before = known.get(name)
        if kind and before and kind != before:
            raise InputError(
                f"Metadata field {name!r} was a {before} so far and is a {kind} in {place}. "
                "Return values of one kind, and None where the value is missing."
            )
        if kind:
            known[name] = kind
    return fields


# --- Once all shards are joined ---


def settle(metadata: pa.Table, fields: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Decide on the fields of a run from all of its samples.

    Parameters
    ----------
    metadata : one row a sample, one column a field; other columns are kept as they are.
    fields : what the shards declared (field, kind, unit, source), repeats included.

    Returns
    -------
    The metadata with its columns in their final types, without built-in fields that do not vary;
    and one row a field (field, kind, unit, source, missing). Both list the user's own fields by
    name, then the built-in ones. Text is a `category` up to 50 distinct
    values or while each stands for two samples, else `text` (three words or more on average) or
    `identifier`.

    Raises
    ------
    InputError : a field is a number in one shard and text in another.
    """
    known = _distinct(fields)
    fixed = [name for name in metadata.column_names if name not in known and name != SPACER]
    columns: dict[str, pa.ChunkedArray] = {name: metadata[name] for name in fixed}
    rows: list[dict[str, object]] = []
    for name, (kind, unit, source) in known.items():
        values = metadata[name].cast(pa.float64() if kind == "number" else pa.string())
        if source == BUILT_IN and len(pc.unique(values.drop_null())) < 2:
            continue
        columns[name] = values
        rows.append(
            {
                "field": name,
                "kind": kind if kind == "number" else _text_kind(values),
                "unit": unit,
                "source": source,
                "missing": values.null_count,
            }
        )
    described = pa.Table.from_pylist(rows, FIELDS.append(pa.field("missing", pa.int64())))
    return pa.table(columns), described


def _distinct(fields: pa.Table) -> dict[str, tuple[str, str, str]]:
    """Kind, unit and source by name: the user's own fields by name, then the built-in ones."""
    known: dict[str, tuple[str, str, str]] = {}
    for row in fields.to_pylist():
        name, kind, source = row["field"], row["kind"], row["source"]
        before, _, source_before = known.get(name, (kind, "", source))
        if before and kind and before != kind:
            raise InputError(
                f"Metadata field {name!r} is a {before} in some samples and a {kind} in others. "
                "Return values of one kind, and None where the value is missing."
            )
        if source != source_before:
            raise InputError(
                f"Metadata field {name!r} is given for some samples, and measured for others "
                "because there is a built-in field of this name. Give it for all, or rename it."
            )
        if name not in known or (kind and not before):
            known[name] = (kind, row["unit"], source)
    check_names(known, "The metadata")
    place = {name: rank for rank, name in enumerate(UNITS)}
    order = sorted(known, key=lambda name: (known[name][2] == BUILT_IN, place.get(name, -1), name))
    return {name: (known[name][0] or "category", *known[name][1:]) for name in order}


def _text_kind(values: pa.ChunkedArray) -> str:
    values = values.drop_null()
    distinct = pc.unique(values)
    if len(distinct) <= max(MOST_CATEGORIES, len(values) // 2):
        return "category"
    words = pc.mean(pc.count_substring_regex(distinct, r"\S+")).as_py()
    return "text" if words >= _TEXT_WORDS else "identifier"
