"""What a mark of a chart stands for, as a change of the filter; pure functions.

A bar made under a filter holds a part of what that filter lets through, so that its claim about the
field replaces those before. What stands for several values, `(other)`, only adds to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aggressors.contracts import Condition, Filter, Group, Not
from aggressors.queries.columns import OTHER
from aggressors.queries.grammar import both, canonical
from aggressors.queries.grammar import chips as parts_of
from aggressors_app import chips

Change = Callable[[Filter], Filter]
AGGRESSOR = "aggressor"


def one_of(field: str, value: str) -> Change:
    """Only samples with this value of a category."""
    return lambda filter: chips.with_values(filter, field, [value])


def between(field: str, low: float, high: float, *, below: bool) -> Change:
    """Only samples with a number from `low` to `high`; `below` leaves `high` itself out."""
    return lambda filter: chips.with_limits(filter, field, low, high, below=below)


def none_of(field: str, named: Sequence[str]) -> Change:
    """Only samples with a value that is none of the named."""
    others = Not(Condition(field, "in", tuple(named)))
    return lambda filter: both(filter, others, Not(Condition(field, "missing", ())))


def missing(field: str) -> Change:
    """Only samples without a value."""
    return lambda filter: both(chips.cleared(filter, field), Condition(field, "missing", ()))


def known(field: str) -> Change:
    """Only samples with a value."""
    return lambda filter: both(filter, Not(Condition(field, "missing", ())))


def member(rank: int, *, inside: bool) -> Change:
    """Only the members of an aggressor, or only the rest."""
    claim = Condition(AGGRESSOR, "=", (rank,))
    return lambda filter: both(without_aggressor(filter), claim if inside else Not(claim))


def every(*changes: Change) -> Change:
    """All changes, one after the other."""

    def change(filter: Filter) -> Filter:
        for one in changes:
            filter = one(filter)
        return filter

    return change


def without_aggressor(filter: Filter) -> Filter:
    """Return the filter without its claims about which aggressor a sample belongs to."""

    def about(part: Filter) -> bool:
        inner = part.part if isinstance(part, Not) else part
        return isinstance(inner, Condition) and inner.field == AGGRESSOR

    return canonical(Group("and", tuple(part for part in parts_of(filter) if not about(part))))


def of_rows(field: str, rows: Sequence[Mapping[str, Any]], prefix: str = "") -> list[Change]:
    """Say what each row of a breakdown stands for, by its `value`, or its `low` and `high`.

    Parameters
    ----------
    rows : of one field; the last bin of a number holds its end too, the others do not.
    prefix : of the names of the three columns.
    """
    value, low, high = (f"{prefix}{name}" for name in ("value", "low", "high"))
    named = [row[value] for row in rows if row[value] not in (None, OTHER)]
    last = max((row[high] for row in rows if row[high] is not None), default=None)
    found: list[Change] = []
    for row in rows:
        if row[value] == OTHER:
            found.append(none_of(field, list(dict.fromkeys(named))))
        elif row[value] is not None:
            found.append(one_of(field, row[value]))
        elif row[low] is not None:
            below = row[high] != last and row[high] != row[low]
            found.append(between(field, row[low], row[high], below=below))
        else:
            found.append(missing(field))
    return found
