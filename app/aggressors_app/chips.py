"""Parts of a filter as the filter bar shows them; pure functions on the one filter grammar."""

from __future__ import annotations

from collections.abc import Sequence

from aggressors.contracts import Condition, Filter, Group, Not, Operator, Scalar
from aggressors.queries.grammar import both, canonical, chips, format_filter
from aggressors_app.format import THIN, count, short, typeset

REGION, POPULATION, QUANTILE = "map", "population", "loss_quantile"
AGGRESSOR, SAMPLE = "aggressor", "sample_id"
NAMED = 3  # values that a chip names; of more it tells how many
LONGEST = 44  # characters of a chip
_LIMITS = (">=", ">", "<=", "<")


def _about(part: Filter, field: str) -> bool:
    """Whether the bar's control of `field` can show this part."""
    if isinstance(part, Not):
        inner = part.part
        if not isinstance(inner, Condition) or inner.field != field:
            return False
        # Populations are chosen with one click, which has no place for those that are not.
        excluded = inner.op in ("=", "in") and field != POPULATION
        return inner.op == "missing" or excluded
    if not isinstance(part, Condition) or part.field != field:
        return False
    # A limit that is no number is refused by whoever asks the run; here it must break nothing.
    limit = part.op in _LIMITS and not isinstance(part.values[0], str | bool)
    return limit or part.op in ("=", "in", "missing")


def fields_in(filter: Filter) -> tuple[str, ...]:
    """Fields that a control of the bar can show, in the order of the filter."""
    named = [part.part if isinstance(part, Not) else part for part in chips(filter)]
    found = dict.fromkeys(part.field for part in named if isinstance(part, Condition))
    return tuple(name for name in found if others(filter, (name,)) != chips(filter))


def others(filter: Filter, shown: Sequence[str]) -> tuple[Filter, ...]:
    """List the claims that no control of the `shown` fields shows."""
    controlled = [part for field in shown for part in _controlled(filter, field)]
    return tuple(part for part in chips(filter) if part not in controlled)


def _controlled(filter: Filter, field: str) -> tuple[Filter, ...]:
    """Find the claims that a control shows at once: limits of a number, or one of any other."""
    about = tuple(part for part in chips(filter) if _about(part, field))
    limits = tuple(part for part in about if isinstance(part, Condition) and part.op in _LIMITS)
    return limits or about[:1]


def only_populations(filter: Filter) -> Filter:
    """Keep the part of a filter that chooses populations."""
    chosen = values(filter, POPULATION)
    return with_values(Group("and", ()), POPULATION, chosen)


def cleared(filter: Filter, field: str) -> Filter:
    """Return the filter without its claims about one field."""
    return canonical(Group("and", tuple(p for p in chips(filter) if not _about(p, field))))


def values(filter: Filter, field: str) -> tuple[str, ...]:
    """Values that a category is limited to; none means no limit."""
    for part in _controlled(filter, field):
        if isinstance(part, Condition) and part.op in ("=", "in"):
            return tuple(str(value) for value in part.values)
    return ()


def excluded(filter: Filter, field: str) -> tuple[str, ...]:
    """Values of a category that are left out; none where there is no such limit."""
    for part in _controlled(filter, field):
        if isinstance(part, Not):
            return values(part.part, field)
    return ()


def is_missing(filter: Filter, field: str) -> bool | None:
    """Whether only samples without a value of a field are in scope (True), or only those with."""
    for part in _controlled(filter, field):
        inner = part.part if isinstance(part, Not) else part
        if isinstance(inner, Condition) and inner.op == "missing":
            return inner is part
    return None


def worst(filter: Filter) -> float | None:
    """Share of the samples with the highest loss that the filter is limited to; None for all."""
    for part in chips(filter):
        if isinstance(part, Condition) and (part.field, part.op) == (QUANTILE, ">"):
            return _share_above(part)
    return None


def _share_above(part: Condition) -> float:
    return round(1 - float(part.values[0]), 9)


def with_worst(filter: Filter, share: float | None) -> Filter:
    """Return the filter limited to the worst share of samples; None lifts the limit."""
    rest = cleared(filter, QUANTILE)
    return rest if share is None else both(rest, Condition(QUANTILE, ">", (round(1 - share, 9),)))


def with_missing(filter: Filter, field: str, missing: bool | None) -> Filter:
    """Return the filter limited to samples without a value of a field, or to those with one."""
    rest = cleared(filter, field)
    if missing is None:
        return rest
    claim = Condition(field, "missing")
    return both(rest, claim if missing else Not(claim))


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


def with_values(
    filter: Filter, field: str, chosen: Sequence[Scalar], *, exclude: bool = False
) -> Filter:
    """Return the filter with a category limited to `chosen`, or without them.

    No value lifts the limit.
    """
    rest = cleared(filter, field)
    if not chosen:
        return rest
    claim = Condition(field, "=" if len(chosen) == 1 else "in", tuple(chosen))
    return both(rest, Not(claim) if exclude else claim)


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
    if isinstance(part, Condition) and (known := _in_words(part)):
        return known
    if isinstance(part, Not) and isinstance(part.part, Condition):
        return f"not: {describe(part.part)}"
    text = typeset(format_filter(part))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]}…"


def _in_words(part: Condition) -> str:
    """Say claims that are clearer in words than as a filter; '' for all others."""
    if part.field == REGION and part.op == "in":
        return "region on the map"
    if part.field in (AGGRESSOR, "concept") and part.op in ("=", "in"):
        several = "s" if len(part.values) > 1 else ""
        if len(part.values) <= NAMED:
            return f"{part.field}{several} {', '.join(map(str, part.values))}"
        return f"{count(len(part.values))} {part.field}s"
    if part.field == QUANTILE and part.op in (">", "<="):
        share = _share_above(part) if part.op == ">" else float(part.values[0])
        return f"{'worst' if part.op == '>' else 'best'} {short(100 * share)}{THIN}% by loss"
    if part.op == "in" and len(part.values) > NAMED:
        listed = "samples" if part.field == SAMPLE else f"values of {part.field}"
        return f"{count(len(part.values))} {listed} listed"
    return ""


def summary(filter: Filter, field: str) -> str:
    """Say what a field is limited to, for the label of its control; '' for no limit."""
    for chosen, word in ((values(filter, field), ""), (excluded(filter, field), "not ")):
        if chosen:
            listed = field == SAMPLE and len(chosen) > NAMED
            return word + (f"{count(len(chosen))} listed" if listed else _few(chosen))
    bounds = [bound for bound in _bounds(filter, field) if bound is not None]
    if [bound.op for bound in bounds] == [">=", "<="]:
        return " – ".join(short(float(bound.values[0])) for bound in bounds)
    if bounds:
        shown = [f"{bound.op} {short(float(bound.values[0]))}" for bound in bounds]
        return typeset(", ".join(shown))
    return {True: "missing", False: "known", None: ""}[is_missing(filter, field)]


def _few(chosen: Sequence[str]) -> str:
    """Name the first values, each cut, and count the others."""
    shown = [value if len(value) <= 24 else f"{value[:23]}…" for value in chosen[:2]]
    return ", ".join(shown) + (f" +{count(len(chosen) - 2)}" if len(chosen) > 2 else "")
