"""One metadata field against the loss: of all samples, or inside a concept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from aggressors.stages import losses
from aggressors.stages.frame import Field, FloatArray, IntArray
from aggressors.stats.association import (
    Coded,
    Codes,
    Effect,
    Ranked,
    centred,
    coded,
    correlation_ratio,
    ranked,
    relative,
    spearman,
)
from aggressors.stats.clustering import Clusters

STRATA = ("all", "label")
FEWEST_MISSING = 5  # samples without a value that are worth a test
Detail = dict[str, object]
Told = tuple[str, Effect, Detail]
Base = TypeVar("Base", Ranked, Coded)


@dataclass(frozen=True)
class Part:
    """Samples whose loss is related to fields: n of them, with (n,) signal and label codes."""

    signal: losses.Signal
    label: Codes | None
    clusters: Clusters | None
    level: float

    @property
    def loss(self) -> FloatArray:
        """Signal of each sample."""
        return self.signal.values

    @cached_property
    def even(self) -> losses.Signal:
        """Signal with the labels evened out."""
        return self.signal if self.label is None else self.signal.evened(self.label)

    @cached_property
    def by_loss(self) -> IntArray:
        """Order of the samples by loss."""
        return np.argsort(self.loss)

    @cached_property
    def capped(self) -> FloatArray:
        """Loss cut at its 99th percentile, so that one huge loss does not decide."""
        return np.minimum(self.loss, np.quantile(self.loss, 0.99)) if len(self.loss) else self.loss

    @cached_property
    def ranks(self) -> tuple[Ranked, Ranked | None]:
        """The loss ranked over all, and within labels."""
        within = None if self.label is None else ranked(self.loss, self.label, order=self.by_loss)
        return ranked(self.loss, order=self.by_loss), within

    @cached_property
    def ranks_alike(self) -> tuple[float, ...]:
        """How much alike `ranks` are of samples that belong together; 0 where none do."""
        return tuple(
            self.clusters.likeness(relative(ranks)) if self.clusters and ranks else 0.0
            for ranks in self.ranks
        )

    @cached_property
    def capped_alike(self) -> tuple[float, ...]:
        """The same of the capped loss, as it is and beyond that of the label."""
        if self.clusters is None:
            return 0.0, 0.0
        within = self.capped if self.label is None else centred(self.capped, self.label)
        return self.clusters.likeness(self.capped), self.clusters.likeness(within)


def relate(field: Field, part: Part) -> Iterator[Told]:
    """Relate a field to the loss, over all of a part and within its labels."""
    label = None if field.name == "label" else part.label
    if field.numbers is not None:
        order = np.argsort(field.numbers)
        within = None if label is None else ranked(field.numbers, label, order=order)
        bases = strata(ranked(field.numbers, order=order), within)
        yield from number(field, field.numbers, bases, part)
        missing = np.isnan(field.numbers)
    else:
        assert field.codes is not None
        k = len(field.categories)
        within_codes = None if label is None else coded(field.codes, k, label)
        yield from category(field, field.codes, strata(coded(field.codes, k), within_codes), part)
        missing = field.codes < 0
    if worth_telling(missing):
        values = missing.astype(np.float64)
        yield from without(field, values, missing_strata(values, label), part)


def number(
    field: Field, values: FloatArray, bases: Sequence[tuple[str, Ranked]], part: Part
) -> Iterator[Told]:
    """Relate (n,) numbers, ranked in each stratum, to the loss by their order."""
    at = bases[0][1].at
    if len(at) < 2 or values[at[0]] == values[at[-1]]:
        return
    full = len(at) == len(values)
    found = []
    for stratum, base in bases:
        shared = part.ranks[STRATA.index(stratum)]
        if not full or shared is None:
            loss = np.where(np.isnan(values), np.nan, part.loss)
            shared = ranked(loss, base.stratum, order=part.by_loss)
        found.append((stratum, _rank_correlation(stratum, base, shared, part)))
    gap = {"missing_inside": 1 - len(at) / len(values)}
    yield from _told(
        found, part, lambda signal: losses.number_losses(field, values[at], signal.at(at)) | gap
    )


def category(
    field: Field, codes: IntArray, bases: Sequence[tuple[str, Coded]], part: Part
) -> Iterator[Told]:
    """Relate (n,) categories to the loss itself: ranks would hide where few fail, but badly."""
    found = []
    for stratum, base in bases:
        inflation = 1.0
        if part.clusters:
            alike = part.clusters.likeness_of_codes(codes, base.stratum)
            inflation = part.clusters.inflation(alike, part.capped_alike[STRATA.index(stratum)])
        effect = correlation_ratio(base, part.capped, level=part.level, inflation=inflation)
        found.append((stratum, effect))
    gap = {"missing_inside": float((codes < 0).sum() / max(len(codes), 1))}
    yield from _told(
        found,
        part,
        lambda signal: losses.category_losses(field, codes, signal) | gap,
        lambda *_: losses.no_longer_worse(field, codes, part.signal, part.even),
    )


def without(
    field: Field, missing: FloatArray, bases: Sequence[tuple[str, Ranked]], part: Part
) -> Iterator[Told]:
    """Relate having no value, 1 where there is none (n,), to the loss."""
    found = []
    for stratum, base in bases:
        shared = part.ranks[STRATA.index(stratum)]
        effect = None if shared is None else _rank_correlation(stratum, base, shared, part)
        found.append((stratum, None if effect is None else replace(effect, statistic="missing")))
    yield from _told(found, part, lambda signal: losses.missing_losses(field, missing, signal))


def _rank_correlation(stratum: str, base: Ranked, shared: Ranked, part: Part) -> Effect | None:
    inflation = 1.0
    if part.clusters:
        at = STRATA.index(stratum)
        usual = shared is part.ranks[at]  # no value is missing
        alike = part.ranks_alike[at] if usual else part.clusters.likeness(relative(shared))
        inflation = part.clusters.inflation(part.clusters.likeness(relative(base)), alike)
    return spearman(base, shared, level=part.level, inflation=inflation)


def worth_telling(missing: np.ndarray) -> bool:
    """Whether enough samples have no value, and enough have one, for a test."""
    return bool(FEWEST_MISSING <= missing.sum() <= len(missing) - FEWEST_MISSING)


def missing_strata(missing: FloatArray, label: Codes | None) -> list[tuple[str, Ranked]]:
    """Rank 0 and 1 over all and within labels."""
    order = np.concatenate([np.flatnonzero(missing == 0), np.flatnonzero(missing)])
    within = None if label is None else ranked(missing, label, order=order)
    return strata(ranked(missing, order=order), within)


def strata(plain: Base, within: Base | None) -> list[tuple[str, Base]]:
    """Name a field's two bases; the second is left out where it does not exist."""
    pairs = zip(STRATA, (plain, within), strict=True)
    return [(stratum, base) for stratum, base in pairs if base is not None]


def _opposed(effect: Effect, first: Effect) -> bool:
    return effect.value * first.value < 0


def _told(
    found: Sequence[tuple[str, Effect | None]],
    part: Part,
    tell: Callable[[losses.Signal], Detail],
    turned: Callable[[Effect, Effect], bool] = _opposed,
) -> Iterator[Told]:
    """Tell each effect by the samples as they are, or with labels evened out if these turn it."""
    known = [(stratum, effect) for stratum, effect in found if effect is not None]
    if not known:
        return
    (_, first), plain = known[0], tell(part.signal)
    for stratum, effect in known:
        own = effect is not first and turned(effect, first)
        yield stratum, effect, tell(part.even) if own else plain
