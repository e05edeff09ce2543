"""One metadata field against the membership of every concept, and against loss.

A field is ranked or counted once and then compared with each concept from the members alone, so
that a hundred fields of a million samples take a minute and no more memory than one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from aggressors.contracts import Settings
from aggressors.stages import losses, wording
from aggressors.stages.frame import Field, FloatArray, IntArray
from aggressors.stats.association import (
    Coded,
    Codes,
    Effect,
    Ranked,
    coded,
    correlation_ratio,
    cramers_v,
    rank_biserial,
    ranked,
    spearman,
)
from aggressors.stats.information import in_bins, mutual_information
from aggressors.stats.splits import Placed
from aggressors.words import spoken

ALL_SAMPLES = -1
STRATA = ("all", "label")
MOST_INSIDE = 10_000  # members whose losses are related to their fields
FEWEST_MISSING = 5  # samples without a value that are worth a test
SHAPED = 0.1  # what a second threshold must add to be worth a finding
Detail = dict[str, object]
Base = TypeVar("Base", Ranked, Coded)


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of `correlations`, before its q-value."""

    field: str
    target: str
    stratum: str
    effect: Effect
    detail: Detail


@dataclass(frozen=True)
class Group:
    """Members of one concept, as sorted positions; `some` are those whose losses are related."""

    members: IntArray
    some: IntArray
    loss: FloatArray
    label: Codes | None

    @cached_property
    def by_loss(self) -> IntArray:
        """Order of `some` by loss."""
        return np.argsort(self.loss)


@dataclass(frozen=True)
class Analysed:
    """What all fields share: n samples with a signal, and the concepts' members among them."""

    loss: FloatArray
    label: Codes | None
    groups: Mapping[int, Group]
    settings: Settings

    @cached_property
    def by_loss(self) -> IntArray:
        """Order of the samples by loss."""
        return np.argsort(self.loss)

    @cached_property
    def cut_loss(self) -> FloatArray:
        """Loss cut at its 99th percentile, so that one huge loss does not decide."""
        return cut(self.loss)

    @cached_property
    def ranks(self) -> tuple[Ranked, Ranked | None]:
        """The loss ranked over all, and within labels."""
        within = None if self.label is None else ranked(self.loss, self.label, order=self.by_loss)
        return ranked(self.loss, order=self.by_loss), within


def group_of(members: IntArray, loss: FloatArray, label: Codes | None, seed: int) -> Group:
    """Choose the members whose losses are related: all, or a sample of many."""
    some = members
    if len(members) > MOST_INSIDE:
        rng = np.random.default_rng(seed)
        some = np.sort(rng.choice(members, MOST_INSIDE, replace=False))
    return Group(members, some, loss[some], None if label is None else label[some])


def cut(loss: FloatArray) -> FloatArray:
    """(n,) loss, none of it above its 99th percentile."""
    return np.minimum(loss, np.quantile(loss, 0.99)) if len(loss) else loss


def relate(field: Field, data: Analysed) -> Iterator[tuple[int, Finding]]:
    """Compare one field with the membership and the loss of every concept, and all loss."""
    label = None if field.name == "label" else data.label
    if field.numbers is not None:
        yield from _relate_number(field, field.numbers, label, data)
        missing = np.isnan(field.numbers)
    else:
        assert field.codes is not None
        yield from _relate_category(field, field.codes, label, data)
        missing = field.codes < 0
    if FEWEST_MISSING <= missing.sum() <= len(missing) - FEWEST_MISSING:
        yield from _relate_missing(field, missing.astype(np.float64), label, data)


# --- Numbers ---


def _relate_number(
    field: Field, values: FloatArray, label: Codes | None, data: Analysed
) -> Iterator[tuple[int, Finding]]:
    order = np.argsort(values)
    plain = ranked(values, order=order)
    if len(plain.at) < 2 or values[plain.at[0]] == values[plain.at[-1]]:
        return
    bases = _strata(plain, None if label is None else ranked(values, label, order=order))
    binned = [(stratum, in_bins(base)) for stratum, base in bases]
    level = data.settings.level
    what = spoken(data.settings.signal)
    full = len(plain.at) == len(values)
    told = losses.number_losses(field, values[plain.at], data.loss[plain.at], what)
    for stratum, base in bases:
        shared = data.ranks[0 if base is plain else 1]
        if not full or shared is None:
            loss = np.where(np.isnan(values), np.nan, data.loss)
            shared = ranked(loss, base.stratum, order=data.by_loss)
        if (effect := spearman(base, shared, level=level)) is not None:
            yield ALL_SAMPLES, Finding(field.name, "loss", stratum, effect, told)
    for concept, group in data.groups.items():
        placed = Placed.of(plain, group.members)
        detail = _number_detail(field, placed, len(values), len(group.members))
        for stratum, base in bases:
            effect = rank_biserial(base, group.members, level=level)
            if effect is not None:
                told = detail
                if base is not plain and _turned(effect, detail):
                    alike = Placed.within(base, group.members)
                    told = detail | wording.number_within_labels(field, placed, alike)
                yield concept, Finding(field.name, "membership", stratum, effect, told)
        shape, adds = wording.number_shape(field, placed)
        shape = shape | {"adds": adds} if adds >= SHAPED else {}
        for stratum, bins in binned:
            effect = mutual_information(bins, group.members, level=level)
            if effect is not None:
                yield concept, Finding(field.name, "membership", stratum, effect, shape)
        own = None if label is None else group.label
        for stratum, inside, told in _number_inside(field, values[group.some], own, group, data):
            yield concept, Finding(field.name, "loss", stratum, inside, told)


def _number_detail(field: Field, placed: Placed, n: int, m: int) -> Detail:
    """Detail of a number of `n` samples, `m` of them members."""
    unknown, others = m - placed.members, n - m - placed.others
    return {
        **wording.number_membership(field, placed),
        "missing_inside": unknown / max(m, 1),
        "missing_outside": others / max(n - m, 1),
    }


def _turned(effect: Effect, detail: Detail) -> bool:
    """Whether members lie to the other side of their labels than of the whole rest."""
    return detail.get("side") == ("above" if effect.value < 0 else "below")


def _number_inside(
    field: Field, values: FloatArray, label: Codes | None, group: Group, data: Analysed
) -> Iterator[tuple[str, Effect, Detail]]:
    """Relate a number to loss among members."""
    order = np.argsort(values)
    plain = ranked(values, order=order)
    if len(plain.at) < 2 or values[plain.at[0]] == values[plain.at[-1]]:
        return
    loss = np.where(np.isnan(values), np.nan, group.loss)
    detail: Detail | None = None
    bases = _strata(plain, None if label is None else ranked(values, label, order=order))
    for stratum, base in bases:
        shared = ranked(loss, base.stratum, order=group.by_loss)
        effect = spearman(base, shared, level=data.settings.level)
        if effect is not None:
            detail = detail or losses.number_losses(
                field, values[plain.at], group.loss[plain.at], spoken(data.settings.signal)
            )
            yield stratum, effect, detail


# --- Categories ---


def _relate_category(
    field: Field, codes: IntArray, label: Codes | None, data: Analysed
) -> Iterator[tuple[int, Finding]]:
    k, level = len(field.categories), data.settings.level
    total = np.bincount(codes + 1, minlength=k + 1)
    if (total[1:] > 0).sum() < 2:
        return
    bases = _strata(coded(codes, k), None if label is None else coded(codes, k, label))
    for stratum, effect, told in _category_loss(
        field, codes, bases, data.loss, data.cut_loss, data
    ):
        yield ALL_SAMPLES, Finding(field.name, "loss", stratum, effect, told)
    for concept, group in data.groups.items():
        inside = np.bincount(codes[group.members] + 1, minlength=k + 1)
        outside = total - inside
        detail = {
            **wording.category_membership(field, inside[1:], outside[1:]),
            "missing_inside": float(inside[0] / max(inside.sum(), 1)),
            "missing_outside": float(outside[0] / max(outside.sum(), 1)),
        }
        for stratum, base in bases:
            found = cramers_v(base, group.members, level=level)
            if found is not None:
                yield concept, Finding(field.name, "membership", stratum, found, detail)
        some = codes[group.some]
        own = None if label is None or group.label is None else coded(some, k, group.label)
        if len(some):
            parts = _strata(coded(some, k), own)
            capped = cut(group.loss)
            for stratum, effect, told in _category_loss(
                field, some, parts, group.loss, capped, data
            ):
                yield concept, Finding(field.name, "loss", stratum, effect, told)


def _category_loss(
    field: Field,
    codes: IntArray,
    bases: list[tuple[str, Coded]],
    loss: FloatArray,
    capped: FloatArray,
    data: Analysed,
) -> Iterator[tuple[str, Effect, Detail]]:
    """Relate a category to the loss itself: ranks would hide where few fail, but badly."""
    detail: Detail | None = None
    for stratum, base in bases:
        effect = correlation_ratio(base, capped, level=data.settings.level)
        if effect is not None:
            detail = detail or losses.category_losses(
                field, codes, loss, spoken(data.settings.signal)
            )
            yield stratum, effect, detail


# --- Missing values: what is not known may be what goes with failing ---


def _relate_missing(
    field: Field, missing: FloatArray, label: Codes | None, data: Analysed
) -> Iterator[tuple[int, Finding]]:
    order = np.concatenate([np.flatnonzero(missing == 0), np.flatnonzero(missing)])
    plain = ranked(missing, order=order)
    bases = _strata(plain, None if label is None else ranked(missing, label, order=order))
    level, name = data.settings.level, field.name
    for stratum, base in bases:
        shared = data.ranks[0 if base is plain else 1]
        effect = spearman(base, shared, level=level) if shared is not None else None
        if effect is not None:
            told = losses.missing_losses(field, missing, data.loss, spoken(data.settings.signal))
            effect = replace(effect, statistic="missing")
            yield ALL_SAMPLES, Finding(name, "loss", stratum, effect, told)
    total = np.array([(missing == 0).sum(), missing.sum()])
    for concept, group in data.groups.items():
        unknown = missing[group.members].sum()
        inside = np.array([len(group.members) - unknown, unknown])
        detail = wording.missing_membership(field, inside, total - inside)
        for stratum, base in bases:
            if (effect := rank_biserial(base, group.members, level=level)) is not None:
                effect = replace(effect, statistic="missing")
                yield concept, Finding(name, "membership", stratum, effect, detail)


def _strata(plain: Base, within: Base | None) -> list[tuple[str, Base]]:
    pairs = zip(STRATA, (plain, within), strict=True)
    return [(stratum, base) for stratum, base in pairs if base is not None]
