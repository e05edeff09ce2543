"""Metadata that comes after its run: a table checked against the run, and put in its row order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.collate import repeated
from aggressors.contracts import ADDED
from aggressors.errors import TableError
from aggressors.sources import fields
from aggressors.sources.files import digest_of_table, read_table
from aggressors.sources.times import units_of, with_periods
from aggressors.words import listed

ID = "sample_id"
MOST_FIELDS = 1_000
SHOWN = 3  # ids or columns that a problem names


@dataclass(frozen=True, slots=True)
class Known:
    """What a table is checked against.

    Parameters
    ----------
    run : name of the run.
    ids : (n,) sample ids in the order of `row_id`.
    fields : source of each metadata field by name.
    reserved : further names that a filter reads in its own way, such as `aggressor`.
    """

    run: str
    ids: pa.ChunkedArray
    fields: Mapping[str, str]
    reserved: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Added:
    """New fields of all samples.

    `metadata` has `row_id` and a column a field; `described` is their part of `metadata_fields`.
    """

    metadata: pa.Table
    described: pa.Table

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the new fields."""
        return tuple(self.described["field"].to_pylist())

    def digest(self) -> str:
        """SHA-256 over names, kinds and values; the order of rows and the file type count nothing.

        Values behind a NULL are not defined, so they are filled first.
        """
        columns = {}
        for row in self.described.to_pylist():
            values = self.metadata[row["field"]]
            filler = 0.0 if row["kind"] == "number" else ""
            columns[f"{row['kind']} {row['field']}"] = pc.fill_null(values, filler)
            columns[f"known {row['field']}"] = pc.is_valid(values)
        names = sha256(repr(sorted(columns)).encode()).hexdigest()
        return f"{names} {digest_of_table(None, pa.table(columns))}"


def read_added(given: Any, known: Known, what: str = "The table") -> Added:
    """Read a table of new fields, and put it in the row order of a run.

    Parameters
    ----------
    given : path (Parquet, CSV, JSON lines), or an Arrow, pandas or polars table, with `sample_id`
        and a column a field. Samples that it does not mention have no value.
    what : what it is, as messages start.

    Raises
    ------
    TableError : it cannot be read; or it does not fit the run, with all problems, one a line.
    """
    table = read_table(given, what, [ID])
    problems = list(_problems(table, known))
    if problems:
        several = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
        heading = f"{what} cannot be added to run {known.run!r}, for it has {several}:"
        raise TableError("\n- ".join([heading, *problems]))
    place = pc.index_in(known.ids, value_set=_flat(_ids(table)))
    own = {name.casefold() for name in (*known.fields, *known.reserved)} - {
        name.casefold() for name in table.column_names
    }
    table = with_periods({"": table}, [ID])[""]
    columns = {
        name: _field(table[name]).take(place)
        for name in table.column_names
        if name != ID and name.casefold() not in own
    }
    rows = {"row_id": pa.array(np.arange(len(known.ids), dtype=np.int64))}
    declared = fields.declared(columns, ADDED, units_of(columns))
    return Added(*fields.settle(pa.table({**rows, **columns}), declared))


# --- What can be wrong with it ---


def _problems(table: pa.Table, known: Known) -> Iterator[str]:
    names = Counter(table.column_names)
    for name, count in names.items():
        if count > 1:
            yield f"It has {count} columns {name!r}. Rename or drop all but one."
    if table.num_rows == 0:
        yield "It has no rows. Give it one for each sample that has a value."
    new = [name for name in names if name != ID]
    if not new:
        yield f"It has no column beside {ID!r}. Add one for each new field."
    if ID not in names:
        near = get_close_matches(ID, new, n=1)
        hint = f"the nearest is {near[0]!r}" if near else f"it has {_some(new)}"
        yield f"It has no column {ID!r}; {hint}. Name the column of the samples' ids so."
    if len(new) > MOST_FIELDS:
        yield (
            f"It has {len(new):,} new columns, and at most {MOST_FIELDS:,} can be added at once. "
            "Choose those that you suspect."
        )
        return
    yield from _name_problems(new, known)
    once = [name for name in new if names[name] == 1]
    if table.num_rows:
        for name in once:
            yield from _value_problems(name, table[name])
        if names[ID] == 1:
            yield from _id_problems(table, known)


def _name_problems(names: Sequence[str], known: Known) -> Iterator[str]:
    yield from fields.name_problems(names, "It")
    fields_of_run = {name.casefold(): name for name in known.fields}
    reserved = {name.casefold() for name in known.reserved}
    for name in names:
        folded = name.casefold()
        if folded in fields_of_run:
            own = fields_of_run[folded]
            called = "" if own == name else f", as {own!r}"
            yield (
                f"The run has a field {name!r} already{called} ({known.fields[own]}). "
                "Rename the column, or leave it out."
            )
        elif folded in reserved and folded not in fields.TAKEN:
            yield f"A filter reads {name!r} in its own way. Rename the column."


def _value_problems(name: str, values: pa.ChunkedArray) -> Iterator[str]:
    found = fields.from_column(values)
    if found is None:
        yield (
            f"Column {name!r} holds {values.type}, which is no metadata field (a number, text, "
            "truth value or time). Convert it, or leave it out."
        )
    elif found.null_count == len(found):
        yield f"Column {name!r} has no value in any row. Fill it in, or leave it out."


def _id_problems(table: pa.Table, known: Known) -> Iterator[str]:
    ids = _ids(table)
    if ids is None:
        yield f"Column {ID!r} holds {table[ID].type}. Give each sample's id as text."
        return
    empty = pc.fill_null(pc.equal(ids, ""), True)
    if rows := pc.sum(empty).as_py():
        first = pc.index(empty, True).as_py() + 1
        have = "row has" if rows == 1 else "rows have"
        yield f"{rows:,} {have} no {ID!r}, the first is row {first}. Fill it in."
    ids = ids.filter(pc.invert(empty))
    if again := repeated(ids):
        stand = "id stands" if len(again) == 1 else "ids stand"
        yield (
            f"{len(again):,} {stand} more than once: {_some(again)}. Keep one row for each sample."
        )
    strange = pc.unique(ids.filter(pc.is_null(pc.index_in(ids, value_set=_flat(known.ids)))))
    if len(strange):
        belong = "id belongs" if len(strange) == 1 else "ids belong"
        example = f"; its ids are like {known.ids[0].as_py()!r}" if len(known.ids) else ""
        yield (
            f"{len(strange):,} {belong} to no sample of the run: "
            f"{_some(strange[:SHOWN].to_pylist(), len(strange))}{example}. "
            "Correct them, or leave these rows out."
        )


def _some(names: Sequence[str], total: int | None = None) -> str:
    """Quote the first few names, and count the rest."""
    quoted = [f"{name!r:.80}" for name in names[:SHOWN]]
    return listed(quoted, total or len(names))


def _ids(table: pa.Table) -> pa.ChunkedArray | None:
    """Ids as text; None where they cannot be."""
    column = table[ID]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        return None


def _field(values: pa.ChunkedArray) -> pa.ChunkedArray:
    found = fields.from_column(values)
    assert found is not None  # `_problems` has refused the others
    return found


def _flat(column: pa.ChunkedArray | None) -> pa.Array:
    assert column is not None
    flat = column.combine_chunks()
    return pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat
