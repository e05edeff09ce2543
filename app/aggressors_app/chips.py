"""Parts of a filter as the filter bar shows them; pure functions on the one filter grammar."""

from __future__ import annotations

from collections.abc import Sequence

from aggressors.contracts import Condition, Filter, Group, Not, Operator, Scalar
from aggressors.queries.grammar import both, canonical, chips, format_filter
from aggressors_app.format import short, typeset

REGION, POPULATION = "map", "population"
_LIMITS = (">=", ">", "<=", "<")


def _about(part: Filter, field: str) -> bool:
    """Whether the bar's control of `field` can show this part."""
    if isinstance(part, Not):
        inner = part.part
        return isinstance(inner, Condition) and inner.field == field and inner.op == "missing"
    return (
        isinstance(part, Condition)
        and part.field == field
        and part.op in ("=", "in", "missing", *_LIMITS)
    )


def fields_in(filter: Filter) -> tuple[str, ...]:
    """Fields that a control of the bar can show, in the order of the filter."""
    found = [part.field for part in chips(filter) if isinstance(part, Condition)]
    return tuple(name for name in dict.fromkeys(found) if others(filter, (name,)) != chips(filter))


def others(filter: Filter, shown: Sequence[str]) -> tuple[Filter, ...]:
    """List the claims that no control of the `shown` fields can show."""
    return tuple(part for part in chips(filter) if not any(_about(part, field) for field in shown))


def only_populations(filter: Filter) -> Filter:
    """Keep the part of a filter that chooses populations."""
    chosen = values(filter, POPULATION)
    return with_values(Group("and", ()), POPULATION, chosen)


def cleared(filter: Filter, field: str) -> Filter:
    """Return the filter without its claims about one field."""
    return canonical(Group("and", others(filter, (field,))))


def values(filter: Filter, field: str) -> tuple[str, ...]:
    """Values that a category is limited to; none means no limit."""
    for part in chips(filter):
        if isinstance(part, Condition) and part.field == field and part.op in ("=", "in"):
            return tuple(str(value) for value in part.values)
    return ()


def _tightest(filter: Filter, field: str, ops: tuple[str, str]) -> Condition | None:
    """Find the claim that bounds a number most on one side; of two equal ones the strict."""
    upper = "<" in ops
    found = [
        part
        for part in chips(filter)
        if isinstance(part, Condition) and part.field == field and part.op in ops
    ]
    strictest = sorted(found, key=lambda part: len(part.op))
    return min(
        strictest,
        key=lambda part: float(part.values[0]) * (1 if upper else -1),
        default=None,
    )


def _bounds(filter: Filter, field: str) -> tuple[Condition | None, Condition | None]:
    return _tightest(filter, field, (">=", ">")), _tightest(filter, field, ("<=", "<"))


def limits(filter: Filter, field: str) -> tuple[float | None, float | None]:
    """Lower and upper limit of a number; None where there is none."""
    low, high = _bounds(filter, field)
    return (
        None if low is None else float(low.values[0]),
        None if high is None else float(high.values[0]),
    )


def with_values(filter: Filter, field: str, chosen: Sequence[Scalar]) -> Filter:
    """Return the filter with a category limited to `chosen`; no value lifts the limit."""
    rest = cleared(filter, field)
    if not chosen:
        return rest
    op = "=" if len(chosen) == 1 else "in"
    return both(rest, Condition(field, "=" if op == "=" else "in", tuple(chosen)))


def with_limits(
    filter: Filter, field: str, low: float | None, high: float | None, *, below: bool = False
) -> Filter:
    """Return the filter with a number limited to [low, high]; None lifts a limit.

    `below` leaves `high` itself out. A limit that stays where it was also stays strict.
    """
    parts: list[Filter] = [cleared(filter, field)]
    lower, upper = _bounds(filter, field)
    if low is not None:
        same = lower is not None and float(lower.values[0]) == low
        parts.append(lower if lower and same else Condition(field, ">=", (low,)))
    if high is not None:
        same = upper is not None and float(upper.values[0]) == high and not below
        other: Operator = "<" if below else "<="
        parts.append(upper if upper and same else Condition(field, other, (high,)))
    return both(*parts)


def region(filter: Filter) -> tuple[tuple[float, float], ...] | None:
    """Corners of the region drawn on the map; None where there is none."""
    flat = [
        part.values
        for part in chips(filter)
        if isinstance(part, Condition) and part.field == REGION and part.op == "in"
    ]
    if not flat:
        return None
    numbers = [float(value) for value in flat[0]]
    return tuple(zip(numbers[::2], numbers[1::2], strict=False))


def with_region(filter: Filter, points: Sequence[tuple[float, float]]) -> Filter:
    """Return the filter with another region on the map; no point lifts it."""
    rest = canonical(
        Group(
            "and",
            tuple(
                part
                for part in chips(filter)
                if not (isinstance(part, Condition) and part.field == REGION)
            ),
        )
    )
    if not points:
        return rest
    return both(rest, Condition(REGION, "in", tuple(value for point in points for value in point)))


def describe(part: Filter) -> str:
    """Put a claim into the words of a chip."""
    if isinstance(part, Condition):
        if part.field == REGION:
            return "region on the map"
        if part.field in ("aggressor", "concept") and part.op == "=":
            return f"{part.field} {part.values[0]}"
    if isinstance(part, Not) and isinstance(part.part, Condition):
        return f"not: {describe(part.part)}"
    text = typeset(format_filter(part))
    return text if len(text) <= 44 else f"{text[:42]}…"


def summary(filter: Filter, field: str) -> str:
    """Say what a field is limited to, for the label of its control; '' for no limit."""
    chosen = values(filter, field)
    if chosen:
        more = f" +{len(chosen) - 2}" if len(chosen) > 2 else ""
        return ", ".join(chosen[:2]) + more
    bounds = [bound for bound in _bounds(filter, field) if bound is not None]
    if [bound.op for bound in bounds] == [">=", "<="]:
        return " – ".join(short(float(bound.values[0])) for bound in bounds)
    if bounds:
        shown = [f"{bound.op} {short(float(bound.values[0]))}" for bound in bounds]
        return typeset(", ".join(shown))
    missing = any(
        _about(part, field) and isinstance(part, Condition) and part.op == "missing"
        for part in chips(filter)
    )
    return "missing" if missing else ""
