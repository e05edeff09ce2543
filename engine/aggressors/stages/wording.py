"""What lies behind an association with membership: shares, a claim as a filter, one sentence.

Two shares tell a cause from what is merely frequent: how many of the members a claim holds for, and
how many of those it holds for are members. The sentence says both, and never one for the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggressors.contracts import Condition, Filter, Group, Not
from aggressors.queries.grammar import format_filter
from aggressors.stages.frame import Field, FloatArray, IntArray
from aggressors.stats.splits import Placed, Split, histogram, one_cut, quantiles, two_cuts
from aggressors.words import percent

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOP = 6  # categories whose shares are kept
BARS = 12  # of the small histogram
MOST_VALUES = 3  # categories that one claim joins
NEWS = 0.1  # what a further category must add to the parting to join
DEFINING = 0.8  # share from which a claim holds for nearly all, on either side
ALIKE = 0.02  # parting below which a claim says nothing
THEIR_LABELS = "the rest of their labels"
Detail = dict[str, object]


@dataclass(frozen=True, slots=True)
class Sides:
    """What the two groups of a comparison are called; only members are judged by a direction.

    `gaps` says that shares are of those with a value, as some have none.
    """

    ours: str = "members"
    theirs: str = "the rest"
    gaps: bool = False

    @property
    def membership(self) -> bool:
        """Whether this compares members of a concept with the rest."""
        return self.ours == "members"


@dataclass(frozen=True, slots=True)
class Claim:
    """A condition on a field, and how members and others fulfil it.

    `head` names it ("low brightness"), `such` says what fulfils it ("below 0.21"); `inside` and
    `outside` are shares of members and others, `precision` that of members among what fulfils it.
    """

    filter: Filter
    head: str
    such: str
    inside: float
    outside: float
    precision: float

    @property
    def role(self) -> str:
        """Whether the claim defines the members, or is only more frequent among them."""
        covers, implies = self.inside >= DEFINING, self.precision >= DEFINING
        if self.inside - self.outside < ALIKE:
            return "alike"
        if covers and implies:
            return "defining"
        return "part" if implies else "common" if covers else "frequent"

    def sentence(self, sides: Sides) -> str:
        """Say the shares of both sides, and which way the claim points."""
        such = f" {self.such}" if self.such else ""
        known = "of those with a value, " if sides.gaps else ""
        text = (
            f"{self.head}: {known}{_percent(self.inside)} of {sides.ours}{such}, "
            f"{_percent(self.outside)} of {sides.theirs}"
        )
        if not sides.membership or self.role == "alike":
            return text
        return (
            f"{text}; {_ROLES[self.role]}: {_percent(self.precision)} of all{such or ' those'} "
            "are members"
        )

    def detail(self, sides: Sides) -> Detail:
        """Figures, filter and sentence, ready for JSON."""
        return {
            "filter": format_filter(self.filter),
            "inside_share": self.inside,
            "outside_share": self.outside,
            "precision": self.precision,
            "role": self.role,
            "head": self.head,
            "sentence": self.sentence(sides),
        }


_ROLES = {
    "defining": "defining",
    "part": "marks a part of them",
    "common": "common, not defining",
    "frequent": "over-represented, not defining",
}
_MEMBERS = Sides()


def number_membership(field: Field, placed: Placed, sides: Sides = _MEMBERS) -> Detail:
    """Detail of a number against membership.

    Returns
    -------
    `inside` and `outside` (quantiles 5, 25, 50, 75, 95 %), `threshold`, `side`, `histogram` and
    what a claim has; only a sentence where one side has no value.
    """
    if not placed.members or not placed.others:
        whom = sides.theirs if placed.members else sides.ours
        return {"sentence": f"{field.name} is unknown for {whom}"}
    inside, outside = quantiles(placed, QUANTILES)
    edges, ours, theirs = histogram(placed, BARS)
    detail: Detail = {
        "inside": inside,
        "outside": outside,
        "histogram": {"edges": _brief(edges), "inside": _brief(ours), "outside": _brief(theirs)},
    }
    split = one_cut(placed)
    if split is None:
        sentence = f"{field.name} is spread alike over {sides.ours} and {sides.theirs}"
        return detail | {"sentence": sentence}
    below = split.high is not None
    detail |= {
        "threshold": split.high if below else split.low,
        "side": "below" if below else "above",
    }
    return detail | number_claim(field, split).detail(sides)


def number_within_labels(
    field: Field, placed: Placed, alike: Placed, sides: Sides = _MEMBERS
) -> Detail:
    """Detail of a number by which members differ from the rest of their labels.

    Needed where they differ from the whole rest the other way round, because their labels do.

    Parameters
    ----------
    placed : all samples; tells how many of those that fulfil the claim are members.
    alike : with the rest weighted to the labels of the members.
    """
    split = one_cut(alike)
    if split is None:
        return {}
    below = split.high is not None
    bound = split.high if below else split.low
    assert bound is not None
    met = placed.low < bound if below else placed.low >= bound
    inside, outside = float(placed.inside[met].sum()), float(placed.outside[met].sum())
    split = replace(split, precision=inside / max(inside + outside, 1.0))
    claim = number_claim(field, split).detail(replace(sides, theirs=THEIR_LABELS))
    return {"threshold": bound, "side": "below" if below else "above"} | claim


def number_shape(field: Field, placed: Placed, sides: Sides = _MEMBERS) -> tuple[Detail, float]:
    """Detail of a number whose members lie between two values or outside of them.

    Returns
    -------
    The detail, empty where one threshold parts them as well; and what the second one adds.
    """
    one, two = one_cut(placed), two_cuts(placed)
    if one is None or two is None or two.low is None or two.high is None:
        return {}, 0.0
    edges, ours, theirs = histogram(placed, BARS)
    bars = {"edges": _brief(edges), "inside": _brief(ours), "outside": _brief(theirs)}
    detail = number_claim(field, two).detail(sides)
    return {"histogram": bars, **detail}, two.parting - one.parting


def number_claim(field: Field, split: Split) -> Claim:
    """Put a split into words and a filter."""
    name, low, high = field.name, split.low, split.high
    if split.only is not None:
        only_value = Condition(name, "=", (split.only,))
        return _claim(only_value, f"{name} = {single(field, split.only)}", "", split)
    lower = Condition(name, ">=", (low,)) if low is not None else None
    upper = Condition(name, "<", (high,)) if high is not None else None
    if lower is None or upper is None:
        word, only = ("low", upper) if upper else ("high", lower)
        assert only is not None
        such = f"below {amount(field, high)}" if upper else f"from {amount(field, low)} on"
        return _claim(only, f"{word} {name}", such, split)
    if split.ends:
        such = f"below {exact(high)} or from {amount(field, low)} on"
        return _claim(Group("or", (upper, lower)), f"{name} at both ends", such, split)
    such = f"from {exact(low)} to {amount(field, high)}"
    return _claim(Group("and", (lower, upper)), f"{name} in between", such, split)


def category_membership(
    field: Field, inside: IntArray, outside: IntArray, sides: Sides = _MEMBERS
) -> Detail:
    """Detail of a category against membership.

    Parameters
    ----------
    inside, outside : (k,) samples of each side by category.

    Returns
    -------
    `top` categories with their shares, those that stand out first, and what a claim has.
    """
    if not inside.sum() or not outside.sum():
        whom = sides.theirs if inside.sum() else sides.ours
        return {"sentence": f"{field.name} is unknown for {whom}"}
    return _categories(field, (inside, outside), (inside, outside), sides)


def category_within_labels(
    field: Field,
    inside: IntArray,
    outside: IntArray,
    alike: tuple[FloatArray, FloatArray],
    sides: Sides = _MEMBERS,
) -> Detail:
    """Detail of a category by which members differ from the rest of their labels.

    Parameters
    ----------
    inside, outside : (k,) samples of each side by category.
    alike : (k,) members and others by category, the others weighted to the members' labels.

    Returns
    -------
    Empty where the category that stands out there is one of those that do among all samples.
    """
    among_all, within = (_shares(both) for both in ((inside, outside), alike))
    if _standing_out(*within)[0] in _standing_out(*among_all):
        return {}
    return _categories(field, alike, (inside, outside), replace(sides, theirs=THEIR_LABELS))


def _categories(
    field: Field,
    compared: tuple[NDArray[np.number], NDArray[np.number]],
    counted: tuple[IntArray, IntArray],
    sides: Sides,
) -> Detail:
    """Detail of (k,) categories from the sides that are compared, and samples as they are."""
    ours, theirs = _shares(compared)
    order, chosen = _order(ours, theirs), _standing_out(ours, theirs)
    top = [
        {"value": field.categories[at], "inside": float(ours[at]), "outside": float(theirs[at])}
        for at in order[:TOP].tolist()
    ]
    names = tuple(field.categories[at] for at in chosen)
    members, others = (float(side[chosen].sum()) for side in counted)
    claim = Claim(
        Condition(field.name, "=" if len(names) == 1 else "in", names),
        f"{field.name} = {categories(names)}",
        "",
        float(ours[chosen].sum()),
        float(theirs[chosen].sum()),
        members / (members + others) if members + others else 0.0,
    )
    return {"top": top, **claim.detail(sides)}


def missing_membership(
    field: Field,
    inside: NDArray[np.number],
    outside: NDArray[np.number],
    alike: tuple[FloatArray, FloatArray] | None = None,
) -> Detail:
    """Detail of a field without value against membership.

    Parameters
    ----------
    inside, outside : (2,) members and others with a value, and without one.
    alike : the same, the others weighted to the members' labels; to be compared instead.
    """
    whom = THEIR_LABELS if alike else _MEMBERS.theirs
    with_value, without = 0, 1
    shares = _shares(alike or (inside, outside))
    share_in, share_out = (float(side[without]) for side in shares)
    fewer = share_in < share_out  # then to have a value is what goes with membership
    met = with_value if fewer else without
    missing = Condition(field.name, "missing")
    name, known = field.name, "known" if fewer else "missing"
    claim = Claim(
        Not(missing) if fewer else missing,
        f"{name} is {known}",
        "",
        float(shares[0][met]),
        float(shares[1][met]),
        float(inside[met] / max(inside[met] + outside[met], 1)),
    )
    text = (
        f"{claim.head} for {_percent(claim.inside)} of members, {_percent(claim.outside)} of {whom}"
    )
    if claim.role != "alike":
        those = f"all with {name}" if fewer else f"all without {name}"
        text += f"; {_ROLES[claim.role]}: {_percent(claim.precision)} of {those} are members"
    return claim.detail(_MEMBERS) | {"sentence": text}


def exact(value: float | None) -> str:
    """Write a threshold in all its digits, so that sentence and filter hold the same samples."""
    return f"{value:,}".removesuffix(".0")


def amount(field: Field, value: float | None) -> str:
    """Write a value of a field with its unit: 0.2, 120 px, 1 word."""
    unit = field.unit_text
    return exact(value) + (unit.removesuffix("s") if value == 1 and len(unit) > 3 else unit)


def single(field: Field, value: float) -> str:
    """Write the one value that samples have; of a long one that is no whole number the start."""
    return amount(field, value if value.is_integer() else float(f"{value:.4g}"))


def categories(names: Sequence[str]) -> str:
    """Join categories; one of blanks is quoted, so that it can be seen."""
    return " or ".join(name if name.strip() else f'"{name}"' for name in names)


def _claim(filter: Filter, head: str, such: str, split: Split) -> Claim:
    return Claim(filter, head, such, split.inside, split.outside, split.precision)


def _shares(sides: tuple[NDArray[np.number], NDArray[np.number]]) -> tuple[FloatArray, FloatArray]:
    """Each side's (k,) counts as shares of it."""
    ours, theirs = (np.asarray(side / max(side.sum(), 1e-12), dtype=np.float64) for side in sides)
    return ours, theirs


def _order(ours: FloatArray, theirs: FloatArray) -> IntArray:
    """Order (k,) categories by how far they stand out; the most frequent first if none does."""
    order = np.argsort(-(ours - theirs), kind="stable")
    if ours[order[0]] <= theirs[order[0]]:
        order = np.argsort(-ours, kind="stable")
    return order


def _standing_out(ours: FloatArray, theirs: FloatArray) -> IntArray:
    """Categories that a claim joins: the first, and those that add much to what it parts."""
    order, excess = _order(ours, theirs), ours - theirs
    more = [at for at in order[1:MOST_VALUES].tolist() if excess[at] >= NEWS]
    return np.array([order[0], *more], dtype=np.int64)


def _brief(values: FloatArray) -> list[float]:
    return [float(f"{value:.4g}") for value in values.tolist()]


def _percent(share: float) -> str:
    return percent(share) if share >= 0.01 or share == 0 else "under 1 %"
