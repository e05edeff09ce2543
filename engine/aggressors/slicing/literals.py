"""Readable conditions on metadata, and which samples they hold for."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aggressors.contracts import Condition, Filter, Group
from aggressors.slicing.points import BoolArray, FloatArray, Points

if TYPE_CHECKING:
    from aggressors.stages.frame import Field

# Dense in the tails, where rare conditions are.
QUANTILES = (
    *(0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.3),
    *(0.5, 0.7, 0.8, 0.85, 0.875, 0.9, 0.925, 0.95, 0.97),
)
QUANTILES_AROUND = (0.0, 0.02, 0.05, 0.1, 0.2, 0.8, 0.9, 0.95, 0.98, 1.0)
MAX_WORDS = 200  # words of one text field that are tried
LABEL = "label"
# Built-in measurements that say little to a reader; where two rules fit alike, the other is taken.
OBSCURE = frozenset(
    {
        *("noise", "edge_density", "texture_energy", "entropy", "symmetry", "tint", "foreground"),
        *("border_brightness", "border_warmth", "word_length", "punctuation", "repetition"),
        *("rare_words", "missing_values", "outlier_score", "row_duplicates"),
    }
)
PLAINNESS = 0.9  # what a condition on one of them leaves of a rule's quality


@dataclass(frozen=True, slots=True)
class Rule:
    """A conjunction of conditions on metadata."""

    conditions: tuple[Condition, ...]

    def holds(self, points: Points) -> BoolArray:
        """(n,) True where all conditions hold; a missing value fulfils only `missing`."""
        inside = np.ones(len(points), dtype=np.bool_)
        for condition in self.conditions:
            inside &= holds(condition, points)
        return inside


def holds(condition: Condition, points: Points) -> BoolArray:
    """(n,) True where the condition is met."""
    if condition.field == LABEL:
        codes = [points.classes.index(str(value)) for value in condition.values]
        return np.isin(points.label, codes)
    entry = points.by_name[condition.field]
    if entry.numbers is not None:
        return _number_holds(condition, entry.numbers)
    assert entry.codes is not None
    if condition.op == "missing":
        return np.asarray(entry.codes < 0)
    wanted = str(condition.values[0])
    if condition.op == "=":
        met = [category == wanted for category in entry.categories]
    else:
        met = [wanted.lower() in category.lower() for category in entry.categories]
    return np.append(np.asarray(met, dtype=np.bool_), False)[entry.codes]  # code -1: missing


def literals(points: Points, smallest: int, *, around: BoolArray | None = None) -> list[Condition]:
    """Conditions that hold for at least `smallest` of the samples and not for all but few.

    Parameters
    ----------
    points : samples from which thresholds and frequent categories are taken.
    smallest : fewest samples inside, and outside.
    around : (n,) members of a group whose own bounds become thresholds as well.
    """
    found: list[Condition] = []
    for entry in points.fields:
        if entry.numbers is not None:
            found += _thresholds(entry.name, entry.numbers, around)
        elif entry.kind == "category" and entry.codes is not None:
            counts = np.bincount(entry.codes + 1, minlength=len(entry.categories) + 1)[1:]
            found += [
                Condition(entry.name, "=", (entry.categories[code],))
                for code in np.flatnonzero(counts >= smallest)
            ]
        elif entry.kind == "text":
            found += _words(entry, smallest)
        if entry.kind in ("number", "category"):
            found.append(Condition(entry.name, "missing"))
    sizes = [int(holds(condition, points).sum()) for condition in found]
    kept = zip(found, sizes, strict=True)
    return [each for each, n in kept if smallest <= n <= len(points) - smallest]


def plainness(conditions: Sequence[Condition]) -> float:
    """Share of its quality that a rule keeps for being easy to read, in (0, 1]."""
    return float(PLAINNESS ** sum(each.field in OBSCURE for each in conditions))


def as_filter(conditions: tuple[Condition, ...]) -> Filter:
    """Join conditions into a filter of the one grammar."""
    return conditions[0] if len(conditions) == 1 else Group("and", conditions)


def label_condition(codes: Sequence[int], points: Points) -> Condition:
    """Say that a sample carries one of these labels."""
    names = tuple(points.classes[code] for code in codes)
    return Condition(LABEL, "=" if len(names) == 1 else "in", names)


def spoken(condition: Condition) -> str:
    """Say a condition as part of a name: `brightness < 0.18`, or the bare class for a label."""
    if condition.op == "missing":
        return f"no {condition.field}"
    if condition.field == LABEL:
        return " or ".join(map(str, condition.values))
    value = condition.values[0]
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{condition.field} {condition.op} {text}"


def readable(value: float, spread: float, *, whole: bool) -> float | int:
    """Round to the coarsest power of ten that is at most a fiftieth of the spread.

    `whole` numbers stay whole.
    """
    if whole:
        return round(value)
    if spread <= 0 or not math.isfinite(spread):
        return value
    return round(value, -math.floor(math.log10(spread / 50)))


def spread_of(values: FloatArray) -> tuple[float, bool]:
    """How far (n,) finite values spread without their tails, and whether all are whole."""
    low, high = np.quantile(values, (QUANTILES[0], QUANTILES[-1]))
    return float(high - low) or float(np.ptp(values)), bool((values == np.round(values)).all())


def _number_holds(condition: Condition, numbers: FloatArray) -> BoolArray:
    if condition.op == "missing":
        return np.isnan(numbers)
    bound = float(condition.values[0])
    with np.errstate(invalid="ignore"):
        met = numbers < bound if condition.op == "<" else numbers >= bound
    return np.asarray(met)


def _thresholds(name: str, numbers: FloatArray, around: BoolArray | None) -> list[Condition]:
    known = np.isfinite(numbers)
    if not known.any():
        return []
    cuts = np.quantile(numbers[known], QUANTILES)
    spread, whole = spread_of(numbers[known])
    if around is not None and (known & around).any():
        own = np.quantile(numbers[known & around], QUANTILES_AROUND)
        cuts = np.append(cuts, own)
    rounded = sorted({readable(float(cut), spread, whole=whole) for cut in cuts})
    return [Condition(name, op, (cut,)) for cut in rounded for op in ("<", ">=")]


def _words(entry: Field, smallest: int) -> list[Condition]:
    """Conditions on words that occur in many samples of a text field, most frequent first."""
    if entry.codes is None:
        return []
    uses = np.bincount(entry.codes + 1, minlength=len(entry.categories) + 1)[1:]
    samples: Counter[str] = Counter()
    for code, text in enumerate(entry.categories):
        for word in set(re.findall(r"[^\W\d_]{3,}", text.lower())):
            samples[word] += int(uses[code])
    frequent = sorted((-n, word) for word, n in samples.items() if n >= smallest)[:MAX_WORDS]
    return [Condition(entry.name, "contains", (word,)) for _, word in frequent]
