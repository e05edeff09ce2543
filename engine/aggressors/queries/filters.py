"""Filter -> SQL: every value is bound, every name comes from the run's own fields.

A predicate reads `samples` as `s` and, where needed, `metadata` as `m`. Two-valued logic: a
condition on a missing value does not hold, and its negation does. In a WHERE clause SQL's NULL
already counts as false; only NOT has to say so, hence `IS NOT TRUE`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aggressors.contracts import POPULATIONS, Condition, Filter, Not, Scalar
from aggressors.errors import FilterError, UsageError
from aggressors.queries.grammar import canonical
from aggressors.queries.names import (
    FieldRef,
    check_categories,
    concepts_by_rank,
    no_such_rank,
    resolve,
)
from aggressors.queries.sql import Params, fill
from aggressors.stats.polygons import edges

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

__all__ = ["FieldRef", "Predicate", "compile_filter", "compile_filters", "resolve"]

MAX_CORNERS = 64
_LISTED = 32  # values; a longer list is one parameter, as DuckDB reads SQL of 20,000 in seconds
_TINY = 1e-9  # below 1/n for any n that fits a run file

_OF_CONCEPT = "s.row_id IN (SELECT row_id FROM assignments WHERE {which})"
_OF_RANK = """s.row_id IN (SELECT row_id FROM assignments WHERE concept_id IN (
    SELECT concept_id FROM aggressors WHERE {which}))"""
_THRESHOLD = """WHEN '{population}' THEN (
    SELECT quantile_disc(loss, {at}) FROM samples WHERE population = '{population}')"""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition over `s` (samples) and, if `needs_metadata`, `m` (metadata).

    `params` binds the named parameters `$f0`, `$f1`, … of `sql`.
    """

    sql: str
    params: Params
    needs_metadata: bool


def compile_filter(filter: Filter, run: RunFile) -> Predicate:
    """Compile a filter for one run.

    Raises
    ------
    FilterError : an unknown field or category (the nearest valid one is named), or an operator
        or value that the field's kind does not take.
    """
    return compile_filters([filter], run)[0]


def compile_filters(filters: Sequence[Filter], run: RunFile) -> tuple[Predicate, ...]:
    """Compile filters that stand in one query; each has the parameters of all.

    Raises
    ------
    FilterError : see `compile_filter`.
    """
    compiler = _Compiler(run)
    texts = [compiler.compile(canonical(filter)) for filter in filters]
    return tuple(Predicate(sql, compiler.params, compiler.needs_metadata) for sql in texts)


@dataclass
class _Compiler:
    run: RunFile
    params: Params = field(default_factory=dict)
    needs_metadata: bool = False

    def compile(self, filter: Filter) -> str:
        if isinstance(filter, Condition):
            return self.condition(filter)
        if isinstance(filter, Not):
            return f"({self.compile(filter.part)}) IS NOT TRUE"
        if not filter.parts:
            return "TRUE" if filter.kind == "and" else "FALSE"
        joined = f" {filter.kind.upper()} ".join(self.compile(part) for part in filter.parts)
        return f"({joined})"

    def condition(self, condition: Condition) -> str:
        ref = resolve(self.run, condition.field)
        self.needs_metadata |= ref.needs_metadata
        _check_shape(ref, condition)
        if condition.op == "missing":
            return self.missing(ref)
        return _BY_KIND[ref.kind](self, ref, condition)

    def missing(self, ref: FieldRef) -> str:
        if ref.kind == "group":
            return f"NOT {self.member(ref, 'TRUE')}"
        return f"{ref.sql} IS NULL"

    def bind(self, value: Any) -> str:
        name = f"f{len(self.params)}"
        self.params[name] = value
        return f"${name}"

    def compare(self, sql: str, op: str, values: tuple[Scalar, ...]) -> str:
        if op == "in" and len(values) > _LISTED:
            alike = values if len(set(map(type, values))) == 1 else tuple(map(float, values))
            return f"{sql} IN (SELECT unnest({self.bind(list(alike))}))"
        if op == "in":
            return f"{sql} IN ({', '.join(map(self.bind, values))})"
        return f"{sql} {'<>' if op == '!=' else op} {self.bind(values[0])}"

    # --- one function a kind of field ---

    def number(self, ref: FieldRef, condition: Condition) -> str:
        return self.compare(ref.sql, condition.op, _numbers(ref, condition.values))

    def text(self, ref: FieldRef, condition: Condition) -> str:
        words = tuple(map(_word, condition.values))
        if condition.op == "in" and ref.name == "sample_id" and not ref.needs_metadata:
            return self.listed(words)
        if condition.op == "contains":
            return f"contains(lower({ref.sql}::VARCHAR), lower({self.bind(words[0])}))"
        return self.compare(ref.sql, condition.op, words)

    def listed(self, sample_ids: tuple[str, ...]) -> str:
        # By position: comparing a million ids with each listed one takes ten times as long.
        rows = _rows_of(self.run, sample_ids)
        return f"s.row_id IN (SELECT unnest({self.bind(list(rows))}))" if rows else "FALSE"

    def category(self, ref: FieldRef, condition: Condition) -> str:
        if condition.op == "contains":
            return self.text(ref, condition)
        words = tuple(map(_yes_no if ref.name == "correct" else _word, condition.values))
        check_categories(self.run, ref, words)
        return self.compare(ref.sql, condition.op, words)

    def group(self, ref: FieldRef, condition: Condition) -> str:
        values = _numbers(ref, condition.values)
        if ref.sql == "rank" and condition.op in ("=", "!=", "in"):
            known = concepts_by_rank(self.run)
            for value in values:
                if value not in known:  # it would silently match nothing
                    raise FilterError(no_such_rank(self.run, value, known))
        if condition.op == "!=":
            return f"NOT {self.member(ref, self.compare(ref.sql, '=', values))}"
        return self.member(ref, self.compare(ref.sql, condition.op, values))

    def member(self, ref: FieldRef, which: str) -> str:
        # Both are subqueries on row_id: a sample in two groups still stands once.
        return fill(_OF_RANK if ref.sql == "rank" else _OF_CONCEPT, which=which)

    def quantile(self, ref: FieldRef, condition: Condition) -> str:
        """Share of the labeled samples of the same population whose loss is at most this one's.

        F(loss) >= q holds exactly from the smallest loss with F >= q on, so a threshold per
        population answers it without ranking every sample.
        """
        (share,) = _numbers(ref, condition.values)
        if not 0 <= share <= 1:
            raise FilterError(f"Field {ref.name!r} lies in [0, 1]; got {share!r}.")
        strict = condition.op in (">", "<=")
        if strict and share == 1:
            return "FALSE" if condition.op == ">" else f"{ref.sql} IS NOT NULL"
        at = self.bind(min(1.0, share + _TINY) if strict else max(0.0, share - _TINY))
        cases = " ".join(fill(_THRESHOLD, population=name, at=at) for name in POPULATIONS)
        side = ">=" if condition.op in (">", ">=") else "<"
        return f"{ref.sql} {side} CASE s.population {cases} END"

    def region(self, ref: FieldRef, condition: Condition) -> str:
        """Inside a polygon x0, y0, x1, y1, … by the even-odd rule; first inside its box.

        Source: Shimrat 1962, algorithm 112 (position of point relative to polygon).
        """
        flat = _numbers(ref, condition.values)
        corners = list(zip(flat[::2], flat[1::2], strict=False))
        if len(flat) % 2 or not 3 <= len(corners) <= MAX_CORNERS:
            raise FilterError(
                f"'{ref.name} in' takes the corners x0, y0, x1, y1, … of a polygon with 3 to "
                f"{MAX_CORNERS} corners; got {len(flat)} numbers."
            )
        try:
            sides = edges(corners)
        except UsageError as error:
            raise FilterError(f"'{ref.name} in': {error}") from error
        crossed = [
            f"(s.map_y >= {self.bind(side.bottom)} AND s.map_y < {self.bind(side.top)} AND "
            f"s.map_x < {self.bind(side.start)} + {self.bind(side.slope)} * s.map_y)::INTEGER"
            for side in sides
        ]
        box = (
            f"s.map_x BETWEEN {self.bind(min(flat[::2]))} AND {self.bind(max(flat[::2]))} AND "
            f"s.map_y BETWEEN {self.bind(min(flat[1::2]))} AND {self.bind(max(flat[1::2]))}"
        )
        return f"({box} AND ({' + '.join(crossed) or '0'}) % 2 = 1)"


@lru_cache(8)
def _rows_of(run: RunFile, sample_ids: tuple[str, ...]) -> tuple[int, ...]:
    """Find where samples stand; those that the run does not have are left out.

    Remembered, as each of a page's questions compiles the filter anew.
    """
    sql = "SELECT row_id FROM samples WHERE sample_id IN (SELECT unnest($ids))"
    with run.asking() as cursor:
        return tuple(row for (row,) in cursor.execute(sql, {"ids": list(sample_ids)}).fetchall())


_BY_KIND: dict[str, Callable[[_Compiler, FieldRef, Condition], str]] = {
    "number": _Compiler.number,
    "category": _Compiler.category,
    "text": _Compiler.text,
    "identifier": _Compiler.text,
    "group": _Compiler.group,
    "quantile": _Compiler.quantile,
    "region": _Compiler.region,
}
_OPERATORS: dict[str, tuple[str, ...]] = {
    "number": ("=", "!=", "<", "<=", ">", ">=", "in", "missing"),
    "category": ("=", "!=", "in", "contains", "missing"),
    "text": ("=", "!=", "in", "contains", "missing"),
    "identifier": ("=", "!=", "in", "contains", "missing"),
    "group": ("=", "!=", "<", "<=", ">", ">=", "in", "missing"),
    "quantile": ("<", "<=", ">", ">=", "missing"),
    "region": ("in", "missing"),
}


def _check_shape(ref: FieldRef, condition: Condition) -> None:
    allowed = _OPERATORS[ref.kind]
    if condition.op not in allowed:
        raise FilterError(
            f"Field {ref.name!r} ({ref.kind}) cannot be compared with {condition.op!r}; "
            f"it takes {', '.join(allowed)}."
        )
    wanted = {"missing": 0, "in": max(1, len(condition.values))}.get(condition.op, 1)
    if len(condition.values) != wanted:
        raise FilterError(
            f"{condition.op!r} on field {ref.name!r} takes {wanted} value(s); "
            f"got {len(condition.values)}."
        )


def _numbers(ref: FieldRef, values: tuple[Scalar, ...]) -> tuple[int | float, ...]:
    numbers = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FilterError(f"Field {ref.name!r} is compared with numbers; got {value!r}.")
        if not abs(value) <= sys.float_info.max:  # which NaN is not either
            got = repr(value) if isinstance(value, float) else "a whole number beyond"
            raise FilterError(
                f"Field {ref.name!r} is compared with finite numbers, up to 1.8e308 in size; "
                f"got {got}. For samples without a value write: {ref.name} is missing."
            )
        numbers.append(value)
    return tuple(numbers)


def _word(value: Scalar) -> str:
    """Write a value as categories are stored: a bare 7 may mean the category "7"."""
    word = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        word.encode()
    except UnicodeEncodeError as error:  # half a character, as from a terminal that is not UTF-8
        raise FilterError(f"The value {word!r} is no valid text. Write it in UTF-8.") from error
    return word


def _yes_no(value: Scalar) -> str:
    word = _word(value).lower()
    return {"true": "yes", "1": "yes", "false": "no", "0": "no"}.get(word, word)
