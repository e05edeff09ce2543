"""Pairs of fields: conditions that describe a concept together far better than either alone.

A pair is sought among the samples of the discover half and judged by the confirm half alone, on
which nothing was chosen, so that the search does not flatter itself. Its cost is bounded: per
concept `SEARCHED` samples, the `FIELDS` most telling fields, every two of them, `JUDGED` verdicts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from aggressors.contracts import Condition
from aggressors.queries.grammar import both, format_filter
from aggressors.stages.associate import Analysed
from aggressors.stages.frame import BoolArray, Field, FloatArray, Frame, IntArray
from aggressors.stages.wording import amount, categories
from aggressors.stats.association import Effect, coded, cramers_v
from aggressors.stats.clustering import Clusters
from aggressors.stats.splits import short_numbers
from aggressors.words import percent

SEARCHED = (2_000, 6_000)  # members and others by which pairs are sought
FIELDS = 12  # fields whose pairs are tried
JUDGED = 2  # pairs of one concept that the other half judges
GAIN = 0.05  # F1 that a pair must add to the best single condition
FEWEST = 20  # members below which no pair is sought
MOST_VALUES = 3
DIGITS = 0.005  # F1 that a shorter threshold may give up
Record = dict[str, object]


@dataclass(frozen=True)
class Sample:
    """Rows by which pairs are sought, by what one stands for: (n,) members and weights."""

    member: BoolArray
    weight: FloatArray
    total: float  # weight of all members


@dataclass(frozen=True)
class Column:
    """One field over the rows of a search; `order` sorts the known numbers."""

    field: Field
    order: IntArray


@dataclass(frozen=True)
class Literal:
    """A condition, the (n,) rows that fulfil it and how well it describes the members."""

    condition: Condition
    holds: BoolArray
    f1: float


@dataclass(frozen=True)
class Pair:
    """Two conditions on two fields; `alone` are both, and the best of one field, to compare."""

    first: Condition
    second: Condition
    alone: tuple[Condition, ...]
    f1: float


@dataclass(frozen=True)
class Judges:
    """Samples that a pair was not found on: (n,) positions, and which are members."""

    at: IntArray
    member: BoolArray
    clusters: Clusters | None
    level: float

    def relate(self, met: BoolArray) -> Effect | None:
        """Relate (n,) a condition to membership; the effect has no sign."""
        inflation = 1.0
        if self.clusters is not None:
            both = (self.clusters.likeness(part.astype(float)) for part in (met, self.member))
            inflation = self.clusters.inflation(*both)
        return cramers_v(
            coded(met.astype(np.int64), 2), np.flatnonzero(self.member),
            level=self.level, inflation=inflation,
        )  # fmt: skip

    def where(self, holds: BoolArray) -> Judges:
        """Choose samples."""
        clusters = self.clusters.at(np.flatnonzero(holds)) if self.clusters else None
        return Judges(self.at[holds], self.member[holds], clusters, self.level)


def records(
    frame: Frame, analysed: IntArray, fields: Sequence[Field], data: Analysed
) -> dict[int, list[tuple[float, Record]]]:
    """Rows of `combinations` by concept, each with its p-value and without its q-value."""
    found: dict[int, list[tuple[float, Record]]] = {}
    discover, confirm = frame.discover[analysed], frame.confirm[analysed]
    whole = Judges(analysed, np.zeros(0, dtype=np.bool_), data.part.clusters, data.settings.level)
    for concept, group in data.groups.items():
        member = np.zeros(len(analysed), dtype=np.bool_)
        member[group.members] = True
        rows, sample = _sample(member, discover, frame.settings.seed)
        if min(sample.member.sum(), member[confirm].sum()) < FEWEST or sample.member.all():
            continue
        pairs = search([_column(each, analysed[rows]) for each in fields], sample)
        judges = replace(whole, member=member).where(confirm)
        found[concept] = [judge(pair, fields, judges) for pair in pairs]
    return found


def search(columns: Sequence[Column], sample: Sample) -> list[Pair]:
    """Pairs that describe the members better than any single condition, the best first."""
    everywhere = np.ones(len(sample.member), dtype=np.bool_)
    single = [(column, _fit(column, sample, everywhere)) for column in columns]
    known = sorted(
        ((column, literal) for column, literal in single if literal is not None),
        key=lambda entry: (-entry[1].f1, entry[0].field.name),
    )[:FIELDS]
    if not known:
        return []
    bar, top = known[0][1].f1 + GAIN, known[0][1].condition
    found = []
    for one, other in combinations(known, 2):
        starts = ((one, other[0]), (other, one[0]))
        tried = [pair for start, column in starts if (pair := _grow(start, column, sample))]
        best = max(tried, key=lambda pair: pair[2], default=None)
        if best is not None and best[2] >= bar:
            alone = dict.fromkeys((*best[:2], one[1].condition, other[1].condition, top))
            found.append(Pair(best[0], best[1], tuple(alone), best[2]))
    found.sort(key=lambda pair: (-pair.f1, pair.first.field, pair.second.field))
    return _unlike(found)[:JUDGED]


def _unlike(found: Sequence[Pair]) -> list[Pair]:
    """Leave out pairs that share a field with a better one: they tell the same."""
    kept: list[Pair] = []
    for pair in found:
        fields = {pair.first.field, pair.second.field}
        if not any(fields & {each.first.field, each.second.field} for each in kept):
            kept.append(pair)
    return kept


def judge(pair: Pair, fields: Sequence[Field], judges: Judges) -> tuple[float, Record]:
    """Compare a pair with either condition alone, on samples that it was not found on.

    Returns
    -------
    The larger p-value of the two that one condition adds nothing where the other holds (an
    intersection-union test: both must add for the pair to be one), and the row.
    """
    named = {each.name: each for each in fields}
    at, member = judges.at, judges.member
    first, second = (holds(each, named[each.field], at) for each in (pair.first, pair.second))
    joint = first & second
    whole = _phi(joint, judges)
    p_value = max(_adds(second, first, judges), _adds(first, second, judges))
    singles = [(each, _figures(holds(each, named[each.field], at), member)) for each in pair.alone]
    recall, outside, precision, f1 = _figures(joint, member)
    filter = both(pair.first, pair.second)
    base = max(singles[:2], key=lambda entry: entry[1][2])
    head = f"{condition_words(pair.first, named)} and {condition_words(pair.second, named)}"
    sentence = (
        f"{head}: {percent(recall)} of the unseen members, {percent(outside)} of the rest; "
        f"{percent(precision)} of all those are members, "
        f"against {percent(base[1][2])} with {condition_words(base[0], named)} alone"
    )
    detail = {
        "head": head,
        "sentence": sentence,
        "inside_share": recall,
        "outside_share": outside,
        "precision": precision,
        "alone": [
            {"filter": format_filter(each), "inside_share": found[0], "outside_share": found[1],
             "precision": found[2]}
            for each, found in singles
        ],
    }  # fmt: skip
    return p_value, {
        "first": pair.first.field,
        "second": pair.second.field,
        "filter": format_filter(filter),
        "effect": whole[1],
        "low": whole[0],
        "high": whole[2],
        "gain": f1 - max(each[3] for _, each in singles),
        "n": len(at),
        "detail": json.dumps(detail),
    }


def holds(condition: Condition, field: Field, at: IntArray) -> BoolArray:
    """(n,) True where the condition is met by the samples at these positions."""
    if field.numbers is not None:
        numbers = field.numbers[at]
        if condition.op == "missing":
            return np.isnan(numbers)
        bound = float(condition.values[0])
        return np.asarray(numbers < bound if condition.op == "<" else numbers >= bound)
    assert field.codes is not None
    codes = field.codes[at]
    if condition.op == "missing":
        return np.asarray(codes < 0)
    wanted = [field.categories.index(str(value)) for value in condition.values]
    return np.isin(codes, wanted)


def condition_words(condition: Condition, fields: dict[str, Field]) -> str:
    """Say a condition inside a sentence."""
    name = condition.field
    if condition.op == "missing":
        return f"no {name}"
    if condition.op in ("<", ">="):
        side = "below" if condition.op == "<" else "from"
        return f"{name} {side} {amount(fields[name], float(condition.values[0]))}"
    return f"{name} = {categories([str(value) for value in condition.values])}"


# --- On the discover half ---


def _sample(member: BoolArray, discover: BoolArray, seed: int) -> tuple[IntArray, Sample]:
    """Rows of the discover half: all, or a sample of many, each with what it stands for."""
    rng = np.random.default_rng(seed)
    rows, weight = [], []
    for side, most in zip((member, ~member), SEARCHED, strict=True):
        there = np.flatnonzero(side & discover)
        kept = np.sort(rng.choice(there, most, replace=False)) if len(there) > most else there
        rows.append(kept)
        weight.append(np.full(len(kept), len(there) / max(len(kept), 1)))
    chosen, weights = np.concatenate(rows), np.concatenate(weight)
    inside = member[chosen]
    return chosen, Sample(inside, weights, float(weights[inside].sum()))


def _column(field: Field, at: IntArray) -> Column:
    numbers = None if field.numbers is None else field.numbers[at]
    codes = None if field.codes is None else field.codes[at]
    order = np.empty(0, dtype=np.int64)
    if numbers is not None:
        order = np.argsort(numbers, kind="stable")[: int((~np.isnan(numbers)).sum())]
    return Column(
        Field(field.name, field.kind, field.unit, numbers, codes, field.categories), order
    )


def _grow(
    start: tuple[Column, Literal], column: Column, sample: Sample
) -> tuple[Condition, Condition, float] | None:
    """Fit the second condition where the first holds, then the first where the second does."""
    second = _fit(column, sample, start[1].holds)
    if second is None:
        return None
    first = _fit(start[0], sample, second.holds)
    if first is None or first.f1 < second.f1:
        return start[1].condition, second.condition, second.f1
    return first.condition, second.condition, first.f1


def _fit(column: Column, sample: Sample, within: BoolArray) -> Literal | None:
    """Condition on a field that best describes the members, together with what holds already.

    `f1` is that of both. None where the field parts nothing there.
    """
    if column.field.numbers is not None:
        tried = [_fit_number(column, column.field.numbers, sample, within)]
        missing = np.isnan(column.field.numbers)
    else:
        assert column.field.codes is not None
        tried = [_fit_category(column.field, column.field.codes, sample, within)]
        missing = column.field.codes < 0
    if (missing & within).any() and not missing.all():
        f1 = _f1(missing & within, sample)
        tried.append(Literal(Condition(column.field.name, "missing"), missing, f1))
    return max((each for each in tried if each), key=lambda each: each.f1, default=None)


def _fit_number(
    column: Column, numbers: FloatArray, sample: Sample, within: BoolArray
) -> Literal | None:
    order = column.order[within[column.order]]
    if len(order) < 2 or numbers[order[0]] == numbers[order[-1]]:
        return None
    values = numbers[order]
    weight = sample.weight[order]
    hit = np.cumsum(weight * sample.member[order])
    size = np.cumsum(weight)
    below = 2 * hit / (size + sample.total)
    above = 2 * (hit[-1] - hit) / (size[-1] - size + sample.total)
    places = np.flatnonzero(values[1:] > values[:-1])
    side = below if below[places].max() >= above[places].max() else above
    at = int(places[np.argmax(side[places])])
    threshold = _short(values, side, at)
    with np.errstate(invalid="ignore"):
        met = numbers < threshold if side is below else numbers >= threshold
    condition = Condition(column.field.name, "<" if side is below else ">=", (threshold,))
    return Literal(condition, met, _f1(met & within, sample))


def _short(values: FloatArray, side: FloatArray, at: int) -> float:
    """Threshold after position `at` in few digits that describe about as well."""
    low, high = float(values[at]), float(values[at + 1])
    for short in short_numbers(low, high):
        place = int(np.searchsorted(values, short)) - 1
        if 0 <= place < len(values) - 1 and side[place] >= side[at] - DIGITS:
            return short
    return high


def _fit_category(
    field: Field, codes: IntArray, sample: Sample, within: BoolArray
) -> Literal | None:
    known = within & (codes >= 0)
    k = len(field.categories)
    hit = np.bincount(codes[known & sample.member], sample.weight[known & sample.member], k)
    size = np.bincount(codes[known], sample.weight[known], k)
    if (size > 0).sum() < 2:
        return None
    order = np.argsort(-(hit / np.maximum(size, 1e-12)), kind="stable")[:MOST_VALUES]
    f1 = 2 * np.cumsum(hit[order]) / (np.cumsum(size[order]) + sample.total)
    chosen = order[: int(np.argmax(f1)) + 1]
    names = tuple(field.categories[code] for code in sorted(chosen.tolist()))
    met = np.isin(codes, chosen)
    condition = Condition(field.name, "=" if len(names) == 1 else "in", names)
    return Literal(condition, met, _f1(met & within, sample))


def _f1(met: BoolArray, sample: Sample) -> float:
    hit = float(sample.weight[met & sample.member].sum())
    return 2 * hit / (float(sample.weight[met].sum()) + sample.total)


# --- On the confirm half ---


def _phi(met: BoolArray, judges: Judges) -> tuple[float, float, float]:
    """Signed association of a condition with membership: low, value, high; NaN where none is."""
    effect = judges.relate(met)
    if effect is None:
        return float("nan"), float("nan"), float("nan")
    if met[judges.member].mean() >= met[~judges.member].mean():
        return effect.low, effect.value, effect.high
    return -effect.high, -effect.value, -effect.low


def _adds(met: BoolArray, where: BoolArray, judges: Judges) -> float:
    """p-value that a condition adds nothing where the other holds; 1 where it adds the opposite."""
    member = judges.member
    effect = judges.where(where).relate(met[where])
    if effect is None:
        return 1.0
    more = met[where & member].mean() > met[where & ~member].mean()
    return effect.p_value if more else 1.0


def _figures(met: BoolArray, member: BoolArray) -> tuple[float, float, float, float]:
    """Share of members, share of others, precision and F1 of a condition."""
    hit, size, m = int((met & member).sum()), int(met.sum()), int(member.sum())
    outside = (size - hit) / max(len(member) - m, 1)
    return hit / max(m, 1), outside, hit / max(size, 1), 2 * hit / max(size + m, 1)
