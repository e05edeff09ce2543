"""A field divided into parts, each of which is a filter; no value is a part of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from aggressors.contracts import Condition, Filter, Group, Not, Operator, Scalar
from aggressors.queries.columns import OTHER
from aggressors.queries.grammar import both, canonical, chips

_WHOLE = 10**15  # below it a float holds every whole number
_UPPER, _LOWER = ("<", "<="), (">", ">=")
_TURNED: Mapping[Operator, Operator] = {"<": ">=", ">=": "<", "=": "!="}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a field: what it is called, and the filter that holds exactly its samples.

    `low` and `high` bound a number, None where a side is open; `value` is that of a category.
    """

    field: str
    claim: Filter
    low: float | None = None
    high: float | None = None
    value: str | None = None
    is_missing: bool = False


def number_parts(name: str, cuts: Sequence[float]) -> list[Part]:
    """Parts of a number: below the first cut, between two, from the last on."""
    bounds = [None, *(float(cut) for cut in cuts), None]
    return [Part(name, _range(name, low, high), low, high) for low, high in pairwise(bounds)]


def category_parts(name: str, values: Sequence[str], *, more: bool) -> list[Part]:
    """Parts of a category: each of the values, and all others together if there are `more`."""
    parts = [Part(name, Condition(name, "=", (value,)), value=value) for value in values]
    if more:
        named = Condition(name, "in", tuple(values))
        rest = canonical(Group("and", (Not(named), Not(missing(name).claim))))
        parts.append(Part(name, rest, value=OTHER))
    return parts


def missing(name: str) -> Part:
    """Part of the samples in which a field has no value."""
    return Part(name, Condition(name, "missing"), is_missing=True)


def union(parts: Sequence[Part], chosen: Sequence[int]) -> Filter:
    """Filter of some parts of one field: neighbouring parts of a number as one range.

    Parameters
    ----------
    parts : of a number in order, or of a category; the part without a value last.
    chosen : places of some of them, increasing.
    """
    if len(chosen) == 1:
        return parts[chosen[0]].claim
    picked = [parts[place] for place in chosen]
    if all(part.value not in (None, OTHER) for part in picked):
        return Condition(picked[0].field, "in", tuple(str(part.value) for part in picked))
    neighbours = list(chosen) == list(range(chosen[0], chosen[-1] + 1))
    if neighbours and picked[0].value is None and not picked[-1].is_missing:
        return _range(picked[0].field, picked[0].low, picked[-1].high)
    return canonical(Group("or", tuple(part.claim for part in picked)))


def _range(name: str, low: float | None, high: float | None) -> Filter:
    """Filter of a number from `low` on and below `high`; any value where both are open."""
    limits: list[Filter] = []
    if low is not None:
        limits.append(Condition(name, ">=", (_bound(low),)))
    if high is not None:
        limits.append(Condition(name, "<", (_bound(high),)))
    return canonical(Group("and", tuple(limits))) if limits else Not(missing(name).claim)


def _bound(value: float) -> Scalar:
    """Write whole numbers as such, as people do."""
    return int(value) if value.is_integer() and abs(value) < _WHOLE else value


def opposite(claim: Filter, *, always_there: bool) -> Filter:
    """Filter of the samples for which a claim about one field does not hold.

    It reads as a comparison where no sample lacks a value, which a comparison would lose.
    """
    if isinstance(claim, Not):
        return claim.part
    if isinstance(claim, Condition) and always_there and claim.op in _TURNED:
        return Condition(claim.field, _TURNED[claim.op], claim.values)
    return Not(claim)


def narrowed(filter: Filter, *claims: Filter) -> Filter:
    """Join filters so that all hold, without what a tighter claim of them makes needless.

    It holds for exactly the samples for which all of them hold.
    """
    parts = chips(both(filter, *claims))
    kept = [
        part
        for part in parts
        if not any(_is_implied(part, other) for other in parts if other != part)
    ]
    return canonical(Group("and", tuple(kept)))


def _is_implied(part: Filter, other: Filter) -> bool:
    """Whether a claim about a field holds wherever another claim about it does."""
    if not isinstance(other, Condition) or other.op == "missing":
        return False
    if isinstance(part, Not):
        return part.part == Condition(other.field, "missing") and other.op != "!="
    if not isinstance(part, Condition) or part.field != other.field:
        return False
    if part.op == "in":
        return other.op == "=" and other.values[0] in part.values
    return any(
        part.op in side and other.op in side and _is_looser(part, other, sign)
        for side, sign in ((_UPPER, 1), (_LOWER, -1))
    )


def _is_looser(part: Condition, other: Condition, sign: int) -> bool:
    loose, tight = part.values[0], other.values[0]
    if isinstance(loose, str) or isinstance(tight, str):
        return False
    if loose == tight:
        return len(part.op) > len(other.op)  # of two equal bounds the strict one implies the other
    return sign * loose > sign * tight
