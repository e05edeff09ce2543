"""Parts of a field, and claims about it, in words; pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from aggressors.contracts import Condition, Filter, Group, Not, Scalar
from aggressors.queries.grammar import chips, format_filter
from aggressors.queries.measured import Failing, Figures
from aggressors.queries.parts import Part
from aggressors_app.format import count, share, short, typeset

LISTED = 4  # values of a list that are written out
_OTHERWISE = {"<": "≥", "<=": ">", ">": "≤", ">=": "<"}


def label_of(part: Part) -> str:
    """Name one part on the axis of its field."""
    if part.is_missing:
        return "no value"
    if part.value is not None:
        return part.value
    if part.low is None and part.high is None:
        return "any value"
    if part.low is None or part.high is None:
        return f"< {short(part.high)}" if part.high is not None else f"≥ {short(part.low or 0.0)}"
    return f"{short(part.low)} – {short(part.high)}"


def titled_part(part: Part) -> str:
    """Name one part with its field."""
    label = label_of(part)
    if part.is_missing:
        return f"no {part.field}"
    return f"{part.field} {label}" if label[0] in "<≥" else f"{part.field}: {label}"


def said(claim: Filter) -> str:
    """Say what a claim about fields holds for."""
    if isinstance(claim, Not):
        return _denied(claim.part)
    if isinstance(claim, Group):
        if claim.kind == "or":
            return " or ".join(said(part) for part in claim.parts)
        return _together(claim.parts)
    if claim.op == "missing":
        return f"{claim.field} is missing"
    if claim.op == "in":
        return f"{claim.field}: {_listed(claim.values)}"
    if claim.op in ("=", "!="):
        return f"{claim.field} {'is' if claim.op == '=' else 'is not'} {_value(claim.values[0])}"
    return typeset(f"{claim.field} {claim.op} ") + _value(claim.values[0])


def _denied(claim: Filter) -> str:
    if isinstance(claim, Condition):
        if claim.op == "missing":
            return f"{claim.field} has a value"
        if claim.op in _OTHERWISE:
            return f"{claim.field} {_OTHERWISE[claim.op]} {_value(claim.values[0])} or missing"
        if claim.op == "in":
            return f"{claim.field} is none of {_listed(claim.values)}"
        if claim.op == "=":
            return f"{claim.field} is not {_value(claim.values[0])}"
    return f"not: {typeset(format_filter(claim))}"


def _together(parts: Sequence[Filter]) -> str:
    """Join claims; both bounds of a number are one range."""
    low, high = parts[0], parts[-1]
    if (
        len(parts) == 2
        and isinstance(low, Condition)
        and isinstance(high, Condition)
        and (low.field, low.op, high.op) == (high.field, ">=", "<")
    ):
        return f"{low.field}: {_value(low.values[0])} – {_value(high.values[0])}"
    return " · ".join(said(part) for part in parts)


def in_full(claim: Filter) -> str:
    """Write a claim as its filter, for a tooltip."""
    return typeset(" and ".join(format_filter(part) for part in chips(claim))) or "all"


def _listed(values: Sequence[Scalar]) -> str:
    shown = ", ".join(_value(value) for value in values[:LISTED])
    more = len(values) - LISTED
    return f"{shown} +{more}" if more > 0 else shown


def _value(value: Scalar) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return short(float(value)) if is_number else str(value)


# --- Figures ---

RATES = {"wrong": "error", "failing": "failing"}
ALL_OF_IT = {"wrong": "of all errors", "failing": "of all that fail"}


def rate_of(figures: Figures, failing: Failing) -> str:
    """Say which share fails: "error 12.3 %"; '' where none can be judged."""
    if figures.error_rate is None:
        return ""
    return f"{RATES[failing]} {share(figures.error_rate)}"


def share_of(figures: Figures, failing: Failing) -> str:
    """Say which share of all failures lies here; '' where nothing fails."""
    if figures.error_share is None:
        return ""
    return f"{share(figures.error_share, 0)} {ALL_OF_IT[failing]}"


def size_of(figures: Figures) -> str:
    """Say how many samples there are, and how many of them can be judged."""
    n = f"{count(figures.n)} {'sample' if figures.n == 1 else 'samples'}"
    return n if figures.n_known == figures.n else f"{n}, {count(figures.n_known)} known"
