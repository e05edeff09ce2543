"""Which fields are related to anything, which are set aside and why, and which say the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aggressors.slicing.literals import OBSCURE
from aggressors.stages.frame import BoolArray, Field, FloatArray, Frame, IntArray
from aggressors.stats.redundancy import likeness

MAX_CATEGORIES = 100
SAMPLED = 5_000  # samples by which fields are compared with each other
FEWEST = 50  # samples below which nothing is taken for an identifier, or for another field
SAME = 0.8  # likeness from which one field says what another does
DENSE = 0.3  # share of the whole numbers of its range that a counter takes
UNIQUE = 0.99  # share of values that differ, in an identifier
_COUNTER = re.compile(
    r"(^|[^a-z])(id|ids|idx|index|no|nr|num|number|serial|row|uuid|guid|hash|key)($|[^a-z])"
)
_TIME = re.compile(r"(^|[^a-z])(ts|time|timestamp|stamp|date|datetime|epoch|created|updated)")
_EPOCH = (5e8, 2.2e9)  # seconds, 1985 to 2039


@dataclass(frozen=True, slots=True)
class Aside:
    """A field that is not shown on its own, and why.

    `reason` is no value, one value, identifier, text, many values or redundant; `shown_by` the
    field that stands for a redundant one, with its `likeness`; `distinct` counts its values.
    """

    field: str
    reason: str
    shown_by: str = ""
    likeness: float | None = None
    distinct: int | None = None


def usable_fields(frame: Frame) -> list[Field]:
    """Numbers, categories and the label; without identifiers, text or more than 100 categories."""
    return screen(frame)[0]


def screen(frame: Frame) -> tuple[list[Field], list[Aside]]:
    """Part the fields into those that can be related, and those set aside.

    Fields of no or one value in the analysed population stay among the former, since the
    populations may differ in them, and are named among the latter as well.
    """
    usable, aside = [], []
    analysed = np.flatnonzero(frame.analysed)
    for entry in frame.fields:
        found = _set_aside(entry, analysed)
        if found is None or found.reason in ("no value", "one value"):
            usable.append(entry)
        if found is not None:
            aside.append(found)
    if frame.classes and all(entry.name != "label" for entry in usable):
        usable.append(Field("label", "category", "", None, frame.label, frame.classes))
    return usable, aside


def families(
    frame: Frame, usable: Sequence[Field], source: dict[str, str], at: IntArray
) -> list[Aside]:
    """Fields that say what another says, each with the one that is shown in its place.

    Parameters
    ----------
    source : where each field comes from; the user's own stand for built-in ones, and of those the
        readable for the obscure.
    at : positions of the samples by which they are compared.
    """
    if len(at) < FEWEST:
        return []
    if len(at) > SAMPLED:
        rng = np.random.default_rng(frame.settings.seed)
        at = np.sort(rng.choice(at, SAMPLED, replace=False))
    compared = [entry for entry in usable if entry.name != "label"]
    order = sorted(
        range(len(compared)),
        key=lambda i: (source.get(compared[i].name) == "built-in", compared[i].name in OBSCURE, i),
    )
    alike = likeness(
        [None if f.numbers is None else f.numbers[at] for f in compared],
        [None if f.codes is None else f.codes[at] for f in compared],
    )
    leaders: list[int] = []
    found = []
    for i in order:
        nearest = max(leaders, key=lambda leader: alike[i, leader], default=None)
        if nearest is None or alike[i, nearest] < SAME:
            leaders.append(i)
            continue
        name, shown_by = compared[i].name, compared[nearest].name
        found.append(Aside(name, "redundant", shown_by, float(alike[i, nearest])))
    return found


def _set_aside(field: Field, analysed: IntArray) -> Aside | None:
    """Say why a field is set aside; None where it is not."""
    if field.kind == "text":
        return Aside(field.name, "text")
    if field.numbers is not None:
        return _number_aside(field, field.numbers, field.numbers[analysed])
    assert field.codes is not None
    used = np.bincount(field.codes[analysed] + 1, minlength=len(field.categories) + 1)[1:]
    distinct, known = int((used > 0).sum()), int(used.sum())
    if not known:
        return Aside(field.name, "no value", distinct=0)
    if field.kind == "identifier" or (known >= FEWEST and distinct >= UNIQUE * known):
        return Aside(field.name, "identifier", distinct=distinct)
    if len(field.categories) > MAX_CATEGORIES:
        return Aside(field.name, "many values", distinct=len(field.categories))
    return Aside(field.name, "one value", distinct=distinct) if distinct < 2 else None


def _number_aside(field: Field, everywhere: FloatArray, numbers: FloatArray) -> Aside | None:
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return Aside(field.name, "no value", distinct=0)
    low, high = float(known.min()), float(known.max())
    if low == high:
        return Aside(field.name, "one value", distinct=1)
    if len(known) >= FEWEST and _counts(field.name, everywhere, known):
        return Aside(field.name, "identifier", distinct=len(known))
    return None


def _counts(name: str, everywhere: FloatArray, known: FloatArray) -> bool:
    """Whether numbers only tell samples apart: a running number, or the moment of each.

    A measurement in whole numbers, such as a size in bytes, is none: it leaves most numbers out.
    """
    spread = known[:: max(len(known) // SAMPLED, 1)]
    if len(np.unique(spread)) < UNIQUE * len(spread):
        return False
    if _whole(spread):
        all_known = everywhere[~np.isnan(everywhere)]
        span = float(all_known.max() - all_known.min()) + 1
        if len(all_known) >= DENSE * span or _COUNTER.search(name.lower()):
            return True
    return bool(_TIME.search(name.lower())) and _is_time(spread)


def _whole(values: FloatArray) -> bool:
    return bool((values == np.round(values)).all())


def _is_time(values: FloatArray) -> bool:
    """Whether numbers may be seconds, milli-, micro- or nanoseconds since 1970."""
    inside: list[BoolArray] = [
        (values >= _EPOCH[0] * unit) & (values <= _EPOCH[1] * unit) for unit in (1, 1e3, 1e6, 1e9)
    ]
    return any(bool(part.all()) for part in inside)
