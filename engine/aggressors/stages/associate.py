"""One metadata field against the membership of every concept, and against loss.

A field is ranked or counted once and then compared with each concept from the members alone, so
that a hundred fields of a million samples take a minute and no more memory than one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aggressors.contracts import Settings
from aggressors.stages import against_loss, losses, wording
from aggressors.stages.against_loss import (
    Part,
    missing_strata,
    strata,
    worth_telling,
)
from aggressors.stages.frame import Field, FloatArray, IntArray
from aggressors.stats.association import (
    Coded,
    Codes,
    Effect,
    Ranked,
    centred,
    coded,
    cramers_v,
    like_members,
    rank_biserial,
    ranked,
    relative,
)
from aggressors.stats.clustering import Clusters
from aggressors.stats.information import in_bins, mutual_information
from aggressors.stats.splits import Placed
from aggressors.words import spoken

ALL_SAMPLES = -1
MOST_INSIDE = 10_000  # members whose losses are related to their fields
NAMED = 0.005  # share without a value that shares of the others are told of
SHAPED = 0.1  # what a second threshold must add to be worth a finding
Detail = dict[str, object]


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
    """Members of one concept, as sorted positions; `some` are those whose losses are related.

    `likeness` says by stratum how much alike the membership of samples is that belong together.
    """

    members: IntArray
    some: IntArray
    part: Part
    likeness: Mapping[str, float]


@dataclass(frozen=True)
class Analysed:
    """What all fields share: n samples with a signal, and the concepts' members among them."""

    part: Part
    groups: Mapping[int, Group]
    settings: Settings

    def inflations(self, likeness: Mapping[str, float], group: Group) -> dict[str, float]:
        """By how much samples that belong together widen variances against membership, by stratum.

        `likeness` says how much alike the field is in them, as the test uses it.
        """
        clusters = self.part.clusters
        if clusters is None:
            return dict.fromkeys(likeness, 1.0)
        return {
            stratum: clusters.inflation(alike, group.likeness[stratum])
            for stratum, alike in likeness.items()
        }


def analysed(
    loss: FloatArray,
    label: Codes | None,
    clusters: Clusters | None,
    members: Mapping[int, IntArray],
    settings: Settings,
) -> Analysed:
    """Prepare (n,) signals and labels and the sorted positions of each concept's members."""
    signal = losses.Signal(spoken(settings.signal), loss)
    groups = {}
    for concept, inside in members.items():
        some = _some(inside, settings.seed)
        own = None if label is None else label[some]
        joined = clusters.at(some) if clusters else None
        part = Part(signal.at(some), own, joined, settings.level)
        groups[concept] = Group(inside, some, part, _likeness(clusters, inside, len(loss), label))
    return Analysed(Part(signal, label, clusters, settings.level), groups, settings)


def _some(members: IntArray, seed: int) -> IntArray:
    """Choose the members whose losses are related: all, or a sample of many."""
    if len(members) <= MOST_INSIDE:
        return members
    return np.sort(np.random.default_rng(seed).choice(members, MOST_INSIDE, replace=False))


def _likeness(
    clusters: Clusters | None, members: IntArray, n: int, label: Codes | None
) -> dict[str, float]:
    if clusters is None:
        return {}
    inside = np.zeros(n)
    inside[members] = 1
    within = inside if label is None else centred(inside, label)
    return {"all": clusters.likeness(inside), "label": clusters.likeness(within)}


def relate(field: Field, data: Analysed) -> Iterator[tuple[int, Finding]]:
    """Compare one field with the membership and the loss of every concept, and all loss."""
    label = None if field.name == "label" else data.part.label
    if field.numbers is not None:
        yield from _relate_number(field, field.numbers, label, data)
        missing = np.isnan(field.numbers)
    else:
        assert field.codes is not None
        yield from _relate_category(field, field.codes, label, data)
        missing = field.codes < 0
    if worth_telling(missing):
        yield from _relate_missing(field, missing.astype(np.float64), label, data)
    for concept, group in data.groups.items():
        for stratum, effect, told in against_loss.relate(field.at(group.some), group.part):
            yield concept, Finding(field.name, "loss", stratum, effect, told)


# --- Numbers ---


def _relate_number(
    field: Field, values: FloatArray, label: Codes | None, data: Analysed
) -> Iterator[tuple[int, Finding]]:
    order = np.argsort(values)
    plain = ranked(values, order=order)
    if len(plain.at) < 2 or values[plain.at[0]] == values[plain.at[-1]]:
        return
    bases = strata(plain, None if label is None else ranked(values, label, order=order))
    for stratum, loss, means in against_loss.number(field, values, bases, data.part):
        yield ALL_SAMPLES, Finding(field.name, "loss", stratum, loss, means)
    binned = [(stratum, in_bins(base)) for stratum, base in bases]
    level = data.settings.level
    likeness = _ranks_alike(bases, data)
    in_form = {
        stratum: max(likeness[stratum], _codes_alike(bins, data)) for stratum, bins in binned
    }
    for concept, group in data.groups.items():
        widened, widened_in_form = (data.inflations(of, group) for of in (likeness, in_form))
        placed = Placed.of(plain, group.members)
        m, n = len(group.members), len(values)
        gaps = _gaps(m - placed.members, m, n - m - placed.others, n - m)
        sides = wording.Sides(gaps=max(gaps.values()) > NAMED)
        detail = wording.number_membership(field, placed, sides) | gaps
        for stratum, base in bases:
            effect = rank_biserial(base, group.members, level=level, inflation=widened[stratum])
            if effect is not None:
                told = detail
                if base is not plain and _turned(effect, detail):
                    alike = Placed.within(base, group.members)
                    told = detail | wording.number_within_labels(field, placed, alike, sides)
                yield concept, Finding(field.name, "membership", stratum, effect, told)
        shape, adds = wording.number_shape(field, placed, sides)
        shape = shape | gaps | {"adds": adds} if adds >= SHAPED else {}
        for stratum, bins in binned:
            effect = mutual_information(
                bins, group.members, level=level, inflation=widened_in_form[stratum]
            )
            if effect is not None:
                yield concept, Finding(field.name, "membership", stratum, effect, shape)


def _gaps(inside: float, members: int, outside: float, others: int) -> dict[str, float]:
    """Shares of either side without a value."""
    return {
        "missing_inside": inside / max(members, 1),
        "missing_outside": outside / max(others, 1),
    }


def _ranks_alike(bases: Sequence[tuple[str, Ranked]], data: Analysed) -> dict[str, float]:
    """How much alike the ranks of samples are that belong together, by stratum."""
    clusters = data.part.clusters
    return {
        stratum: clusters.likeness(relative(base)) if clusters else 0.0 for stratum, base in bases
    }


def _codes_alike(base: Coded, data: Analysed) -> float:
    """How much alike the categories of samples are that belong together."""
    clusters = data.part.clusters
    return clusters.likeness_of_codes(base.codes, base.stratum) if clusters else 0.0


def _turned(effect: Effect, detail: Detail) -> bool:
    """Whether members lie to the other side of their labels than of the whole rest."""
    return detail.get("side") == ("above" if effect.value < 0 else "below")


# --- Categories ---


def _relate_category(
    field: Field, codes: IntArray, label: Codes | None, data: Analysed
) -> Iterator[tuple[int, Finding]]:
    k, level = len(field.categories), data.settings.level
    total = np.bincount(codes + 1, minlength=k + 1)
    if (total[1:] > 0).sum() < 2:
        return
    bases = strata(coded(codes, k), None if label is None else coded(codes, k, label))
    for stratum, loss, means in against_loss.category(field, codes, bases, data.part):
        yield ALL_SAMPLES, Finding(field.name, "loss", stratum, loss, means)
    likeness = {stratum: _codes_alike(base, data) for stratum, base in bases}
    for concept, group in data.groups.items():
        inside = np.bincount(codes[group.members] + 1, minlength=k + 1)
        outside = total - inside
        gaps = _gaps(inside[0], inside.sum(), outside[0], outside.sum())
        sides = wording.Sides(gaps=max(gaps.values()) > NAMED)
        detail = wording.category_membership(field, inside[1:], outside[1:], sides) | gaps
        widened = data.inflations(likeness, group)
        for stratum, base in bases:
            found = cramers_v(base, group.members, level=level, inflation=widened[stratum])
            if found is None:
                continue
            told = detail
            if stratum == "label":
                alike = like_members(base, group.members)
                told = detail | wording.category_within_labels(
                    field, inside[1:], outside[1:], alike, sides
                )
            yield concept, Finding(field.name, "membership", stratum, found, told)


# --- Missing values: what is not known may be what goes with failing ---


def _relate_missing(
    field: Field, missing: FloatArray, label: Codes | None, data: Analysed
) -> Iterator[tuple[int, Finding]]:
    bases = missing_strata(missing, label)
    level = data.settings.level
    for stratum, loss, means in against_loss.without(field, missing, bases, data.part):
        yield ALL_SAMPLES, Finding(field.name, "loss", stratum, loss, means)
    total = np.array([(missing == 0).sum(), missing.sum()])
    likeness = _ranks_alike(bases, data)
    for concept, group in data.groups.items():
        unknown = missing[group.members].sum()
        inside = np.array([len(group.members) - unknown, unknown])
        outside = total - inside
        widened = data.inflations(likeness, group)
        excess = unknown / max(len(group.members), 1) - outside[1] / max(outside.sum(), 1)
        for stratum, base in bases:
            effect = rank_biserial(base, group.members, level=level, inflation=widened[stratum])
            if effect is None:
                continue
            alike = None
            if effect.value * excess < 0:
                placed = Placed.within(base, group.members)
                alike = placed.inside, placed.outside
            told = wording.missing_membership(field, inside, outside, alike)
            effect = replace(effect, statistic="missing")
            yield concept, Finding(field.name, "membership", stratum, effect, told)
