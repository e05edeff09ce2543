"""The fields a filter or a question may name: built into every run, or metadata of this run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

from duckdb.sqltypes import DuckDBPyType

from aggressors.contracts import FOLDS, POPULATIONS
from aggressors.errors import FilterError
from aggressors.store.sql import identifier

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

_KNOWN: WeakKeyDictionary[RunFile, Mapping[str, FieldRef]] = WeakKeyDictionary()

Kind = Literal["number", "category", "text", "identifier", "quantile", "region", "group"]

CORRECT = "CASE WHEN s.label = s.prediction THEN 'yes' WHEN s.label <> s.prediction THEN 'no' END"


@dataclass(frozen=True, slots=True)
class FieldRef:
    """One field that can be named in a filter.

    Parameters
    ----------
    name : as written in a filter.
    kind : number, category, text or identifier: a value per sample; quantile, region and group:
        can be filtered by, but have no value of their own.
    sql : expression over `s` (samples) and `m` (metadata); the table and key for a group.
    unit : of a number; '' where it has none.
    source : built-in, integration or table.
    needs_metadata : True when `sql` reads `m`.
    """

    name: str
    kind: Kind
    sql: str
    unit: str = ""
    source: str = "built-in"
    needs_metadata: bool = False

    @property
    def has_value(self) -> bool:
        """True when the field has one value per sample, so that it can be shown and sorted by."""
        return self.kind not in ("quantile", "region", "group")


def known_fields(run: RunFile) -> Mapping[str, FieldRef]:
    """Collect every field of a run by name: built-in first, then metadata; built-in names win."""
    found = _KNOWN.get(run)
    if found is None:  # a filter is compiled many times a page
        found = _KNOWN[run] = _known_fields(run)
    return found


def _known_fields(run: RunFile) -> Mapping[str, FieldRef]:
    target: Kind = "category" if run.classes else "number"
    built_in = [
        FieldRef("population", "category", "s.population"),
        FieldRef("fold", "category", "s.fold"),
        FieldRef("label", target, "s.label"),
        FieldRef("prediction", target, "s.prediction"),
        *([FieldRef("correct", "category", CORRECT)] if run.classes else []),
        FieldRef("confidence", "number", "s.confidence", "share"),
        FieldRef("loss", "number", "s.loss", "loss"),
        FieldRef("loss_quantile", "quantile", "s.loss", "share"),
        FieldRef("weight", "number", "s.weight"),
        FieldRef("group_id", "identifier", "s.group_id"),
        FieldRef("sample_id", "identifier", "s.sample_id"),
        FieldRef("row_id", "number", "s.row_id"),
        FieldRef("map_x", "number", "s.map_x"),
        FieldRef("map_y", "number", "s.map_y"),
        FieldRef("map", "region", "s.map_x"),
        FieldRef("aggressor", "group", "rank"),
        FieldRef("concept", "group", "concept_id"),
    ]
    known = {ref.name: ref for ref in built_in}
    for info in run.fields.values():
        ref = FieldRef(
            info.name, info.kind, f"m.{identifier(info.name)}", info.unit, info.source, True
        )
        known.setdefault(info.name, ref)
    return known


def resolve(run: RunFile, name: str) -> FieldRef:
    """Find a field by its exact name.

    Raises
    ------
    FilterError : no such field; the message names the nearest.
    """
    known = known_fields(run)
    if name in known:
        return known[name]
    raise FilterError(
        f"There is no field {name!r} in run {run.info.name!r}; {_nearest(name, list(known))}."
    )


def resolve_value(run: RunFile, name: str) -> FieldRef:
    """Find a field that has a value per sample, so that it can be shown or sorted by.

    Raises
    ------
    FilterError : no such field, or one that can only be filtered by.
    """
    ref = resolve(run, name)
    if ref.has_value:
        return ref
    raise FilterError(f"Field {name!r} can be filtered by, but has no value to show or sort by.")


def categories(run: RunFile, ref: FieldRef) -> tuple[str, ...] | None:
    """List the values a category field may have, in order; None where they are too many."""
    fixed = {"population": POPULATIONS, "fold": FOLDS, "correct": ("yes", "no")}
    if not ref.needs_metadata:
        return fixed.get(ref.name, tuple(run.classes))
    # An ENUM column tells its values without a scan.
    with run.asking() as cursor:
        cursor.execute("SELECT {field} FROM metadata m LIMIT 0".replace("{field}", ref.sql))
        column = cursor.description[0][1] if cursor.description else None
    if not isinstance(column, DuckDBPyType) or column.id != "enum":
        return None
    values = column.children[0][1]
    return tuple(values) if isinstance(values, list) else None


def check_categories(run: RunFile, ref: FieldRef, wanted: tuple[str, ...]) -> None:
    """Refuse a category that the field does not have.

    An unknown value would silently match nothing.

    Raises
    ------
    FilterError : names the field, the value and the nearest valid one.
    """
    valid = categories(run, ref)
    if valid is None:
        valid = _present(run, ref, wanted)
    for value in wanted:
        if value not in valid:
            raise FilterError(
                f"Field {ref.name!r} has no value {value!r}; {_nearest(value, list(valid))}."
            )


def concepts_by_rank(run: RunFile) -> dict[int, int]:
    """Concept of each aggressor, by its rank."""
    with run.asking() as cursor:
        return dict(cursor.execute("SELECT rank, concept_id FROM aggressors").fetchall())


def no_such_rank(run: RunFile, rank: float, known: Collection[int]) -> str:
    """Say that no aggressor of a run has a rank, and which there are."""
    there = f"the ranks are 1 to {max(known)}" if known else "it has none"
    return f"Run {run.info.name!r} has no aggressor of rank {rank:g}; {there}."


def _present(run: RunFile, ref: FieldRef, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Find the wanted values that occur, or else, for the first that does not, the most similar."""
    one = "SELECT 1 FROM metadata m WHERE {field} = $wanted LIMIT 1"  # ends where it is found
    similar = """
        SELECT arg_max(value, jaro_winkler_similarity(value, $wanted))
        FROM (SELECT DISTINCT {field} AS value FROM metadata m) WHERE value IS NOT NULL
    """
    present: list[str] = []
    with run.asking() as cursor:
        for value in wanted:
            asked = {"wanted": value}
            if not cursor.execute(one.replace("{field}", ref.sql), asked).fetchall():
                near = cursor.execute(similar.replace("{field}", ref.sql), asked).fetchall()
                return (*present, *(str(row[0]) for row in near if row[0] is not None))
            present.append(value)
    return tuple(present)


def _nearest(name: str, valid: list[str]) -> str:
    near = get_close_matches(name, valid, n=1, cutoff=0.5)
    if near:
        return f"the nearest is {near[0]!r}"
    listed = ", ".join(valid[:12]) + (", …" if len(valid) > 12 else "")
    return f"there are {listed}" if valid else "it has none"
