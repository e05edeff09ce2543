"""Measures the evidence about each aggressor from the frame."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from math import exp
from typing import Any

import numpy as np

from aggressors.stages.covered import Near, near_train, within_analysed
from aggressors.stages.frame import BoolArray, FloatArray, Frame, IntArray
from aggressors.stages.readable import WORST, below, looks, readability
from aggressors.stages.shortcuts import Shortcut, field_cells, strongest
from aggressors.stages.whitened import Floats, capped, whitened
from aggressors.stats.bounds import (
    difference_bounds,
    entropy_bounds,
    mean_bounds,
    ratio_bounds,
    share_bounds,
)
from aggressors.stats.diagnosis import Bounds, Evidence, Quality
from aggressors.stats.evidence import (
    confidently_other,
    divergence,
    entropy,
    majority,
)
from aggressors.stats.intervals import Interval
from aggressors.stats.neighbours import nearest
from aggressors.words import spoken

K = 10
FEWEST = 5  # samples below which a share or a mean says nothing
SHARED = 3  # of ten neighbours that a second label must hold to share the region
JUDGED = 500  # members where the model is wrong that are held against samples outside
ONE_LABEL = 0.7  # share of one label from which members are of it, and not of several
TELLING = 5  # times as many as among the rest must be bad in one way for it to be told
Measured = tuple[dict[str, Any], dict[str, Bounds | None]]


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """What the neighbours of labeled samples say.

    `rows` (b,) labeled rows of train and the analysed population that were looked at; `z` (n, p)
    whitened positions of all samples; `says` (n,) majority label of the ten nearest of them, -1
    where unknown; `other`, `named` (n,) share of the ten that carry another label than the sample,
    and that of the model's answer, NaN where unknown; `shared` (n,) whether two labels hold three
    or more of the ten each.
    """

    rows: IntArray
    z: Floats
    says: IntArray
    other: FloatArray
    named: FloatArray
    shared: BoolArray


@dataclass(frozen=True, eq=False)
class Scene:
    """All samples, measured once for all aggressors.

    `within` (n,) log distance of analysed samples to others of them, NaN elsewhere, and `near` what
    train holds near them; `readability` measures (n,) that are low for
    a bad input, by what is wrong with it then, and `looks` further ones by which alone none is bad;
    `confident` (n,) samples that the model confidently takes for another class; `cells` field by
    field.
    """

    frame: Frame
    analysed: BoolArray
    train: BoolArray
    within: FloatArray | None
    near: Near | None
    neighbourhood: Neighbourhood | None
    readability: dict[str, FloatArray]
    looks: dict[str, FloatArray]
    confident: BoolArray | None
    cells: dict[str, IntArray]

    @classmethod
    def of(cls, frame: Frame) -> Scene:
        """Measure what does not depend on the aggressor."""
        analysed = frame.analysed & ~np.isnan(frame.signal)
        train = frame.in_population("train") & ~frame.analysed
        z = whitened(frame, np.flatnonzero(train | analysed))
        within = within_analysed(frame, z, analysed)
        confident = None
        if frame.probabilities is not None and len(frame.classes) > 1:
            confident = np.zeros(len(frame), dtype=np.bool_)
            confident[analysed] = confidently_other(
                frame.probabilities[analysed], frame.label[analysed]
            )
        return cls(
            frame,
            analysed,
            train,
            within,
            near_train(frame, z, within, analysed, train),
            _neighbourhood(frame, z, analysed | train),
            readability(frame),
            looks(frame),
            confident,
            field_cells(frame, analysed | train),
        )

    @classmethod
    def of_added(cls, frame: Frame, added: Collection[str]) -> Scene:
        """Measure what the `added` fields alone can tell, and what takes no positions.

        How well an input can be read is asked of the other fields: a table that leaves a sample out
        says nothing about its input.
        """
        analysed = frame.analysed & ~np.isnan(frame.signal)
        train = frame.in_population("train") & ~frame.analysed
        parts = [
            replace(frame, fields=tuple(one for one in frame.fields if (one.name in added) == new))
            for new in (False, True)
        ]
        return cls(
            frame,
            analysed,
            train,
            None,
            None,
            None,
            readability(parts[0]),
            looks(parts[0]),
            None,
            field_cells(parts[1], analysed | train),
        )

    def shortcut(self, member: BoolArray) -> Shortcut | None:
        """Find the strongest shortcut that (n,) members break."""
        return strongest(self.frame, self.cells, member, self.analysed, self.train)

    def evidence(self, member: BoolArray) -> Evidence:
        """Everything that is known about the (n,) members."""
        frame, k = self.frame, len(self.frame.classes)
        inside, rest = member & self.analysed, ~member & self.analysed
        told = self.shortcut(member)
        labels = frame.label[inside]
        unreadable = self.unreadable(rest)
        classified = bool(k > 1 and (labels >= 0).any())
        measured: dict[str, Any] = {
            "share_train": _share(member, self.train) if self.train.any() else None,
            "share_analysed": _share(member, self.analysed),
            "shortcut": None if told is None else told.strength,
            "shortcut_shortfall": None if told is None else told.shortfall,
            "shortcut_field": "" if told is None else told.field,
            "shortcut_class": "" if told is None else told.klass,
            "unreadable": _share(unreadable, inside) if self.readability else None,
            "unreadable_rest": _share(unreadable, rest) if self.readability else 0.0,
            "skill": self._skill(inside & unreadable) if classified else None,
            "quality": tuple(self._quality(inside, rest)),
            "gap": float(frame.signal[inside].mean() - frame.signal[rest].mean())
            if inside.any() and rest.any()
            else None,
            "signal": spoken(frame.settings.signal),
        }
        bounds = {
            "share_train": share_bounds(member[self.train]),
            "shortcut": None if told is None else told.bounds,
            "unreadable": share_bounds(unreadable[inside]),
        }
        if classified:
            measured |= {
                "one_sided": divergence(labels, frame.label[self.analysed], k),
                "label_entropy": entropy(labels, k),
                "prediction_entropy": entropy(frame.prediction[inside], k),
            }
            bounds["mixture"] = entropy_bounds(labels, k)
        for found, of_found in (
            self._near(inside, rest),
            self._generalisation(member),
            self._labels(inside, rest) if classified else ({}, {}),
            self._outside(member) if classified else ({}, {}),
        ):
            measured |= found
            bounds |= of_found
        known = {name: each for name, each in bounds.items() if each is not None}
        return Evidence(**measured, bounds=known)

    def _near(self, inside: BoolArray, rest: BoolArray) -> Measured:
        """Ask how near other samples lie to the members, and those of train."""
        measured: dict[str, Any] = {}
        bounds: dict[str, Bounds | None] = {}
        if self.within is None or not inside.any() or not rest.any():
            return measured, bounds
        spread = max(float(self.within[rest].std()), 1e-9)
        one, other = self.within[inside] / spread, self.within[rest] / spread
        measured["crowding"] = float(one.mean() - other.mean())
        bounds["crowding"] = difference_bounds(one, other)
        if self.near is None:
            return measured, bounds
        distance, copied = self.near.distance, self.near.copied
        between = difference_bounds(distance[inside], distance[rest])
        seen = self.near.seen
        leaked, leaked_rest = (min(_share(copied, of) / seen, 1.0) for of in (inside, rest))
        share = share_bounds(copied[inside])
        measured |= {
            "coverage": float(distance[inside].mean() - distance[rest].mean()),
            "leaked": leaked,
            "leaked_rest": leaked_rest,
        }
        bounds["coverage"] = None if between is None else (exp(between[0]), exp(between[1]))
        if share is not None:
            bounds["leakage"] = min(share[0] / seen, 1.0), min(share[1] / seen, 1.0)
        return measured, bounds

    def _generalisation(self, member: BoolArray) -> Measured:
        """Whether members fail in train as well."""
        signal = self.frame.signal
        known = self.train & np.isfinite(signal)
        own, others = member & known, ~member & known
        if own.sum() < FEWEST or others.sum() < FEWEST:
            return {}, {}
        gap = float(signal[own].mean() - signal[others].mean())
        return {"gap_train": gap}, {
            "generalisation": difference_bounds(signal[own], signal[others])
        }

    def _labels(self, inside: BoolArray, rest: BoolArray) -> Measured:
        """Ask what neighbours and the confidence of the model say of the labels."""
        measured: dict[str, Any] = {}
        bounds: dict[str, Bounds | None] = {}
        if self.confident is not None:
            measured["confident"] = _share(self.confident, inside)
            measured["confident_rest"] = _share(self.confident, rest)
            bounds["confident"] = share_bounds(self.confident[inside])
            failing = inside & self.frame.failing(rest) if rest.any() else inside
            if failing.sum() >= FEWEST:
                measured["confident_failing"] = _share(self.confident, failing)
                bounds["confident_failing"] = share_bounds(self.confident[failing])
        if self.neighbourhood is None:
            return measured, bounds
        disagree, shared = self._disagree(), self.neighbourhood.shared
        for name, what in (("disagreement", disagree), ("ambiguity", shared)):
            measured[name], measured[f"{name}_rest"] = _share(what, inside), _share(what, rest)
            bounds[name] = share_bounds(what[inside])
        right = self.frame.label == self.frame.prediction
        wrong = inside & ~right & (self.frame.prediction >= 0)
        named = self.neighbourhood.named
        if wrong.sum() >= FEWEST and (rest & right).sum() >= FEWEST:
            # Samples with a wrong label lie among the class that the model names; hard ones
            # between classes.
            usual = max(float(named[rest & right].mean()), 1e-9)
            measured["ordinary"] = float(named[wrong].mean() / usual)
            bounds["ordinary"] = ratio_bounds(named[wrong], named[rest & right])
        return measured, bounds

    def _outside(self, member: BoolArray) -> Measured:
        """Ask samples outside the group whether its members look like what the model names.

        Wrongly labeled ones do; where members of several labels do that train lacks, something
        that they share makes them pass for it.
        """
        frame, near = self.frame, self.neighbourhood
        wrong = member & self.analysed & (frame.label >= 0) & (frame.prediction >= 0)
        at = capped(frame, np.flatnonzero(wrong & (frame.label != frame.prediction)), JUDGED)
        if near is None or len(at) < FEWEST:
            return {}, {}
        outside = near.rows[~member[near.rows]]
        if len(outside) <= K:
            return {}, {}
        label = frame.label[outside][nearest(near.z[at], near.z[outside], K).index]
        named = (label == frame.prediction[at][:, None]).mean(axis=1)
        share, bounds = float(named.mean()), mean_bounds(named)
        several = np.bincount(frame.label[at]).max() < ONE_LABEL * len(at)
        measured = {"outside": share, "passing": share if several else None}
        return measured, {"outside": bounds, "passing": bounds if several else None}

    def _quality(self, inside: BoolArray, rest: BoolArray) -> Iterator[Quality]:
        """In which ways more members than others are bad inputs, the most frequent first."""
        found = []
        for kind, measure in (self.readability | self.looks).items():
            known = rest & ~np.isnan(measure)
            if not known.any():
                continue
            bad = measure < np.quantile(measure[known], WORST)
            bounds = share_bounds(bad[inside])
            if bounds is not None and bounds[0] > TELLING * WORST:
                interval = Interval(_share(bad, inside), *bounds)
                found.append(Quality(kind, interval, _share(bad, known)))
        yield from sorted(found, key=lambda one: (-one.inside.value, one.kind))

    def _skill(self, at: BoolArray) -> float | None:
        """How far the model's share of right answers lies between guessing and 1, in [0, 1]."""
        if at.sum() < FEWEST:
            return None
        label = self.frame.label[at]
        guessing = float(np.bincount(label[label >= 0]).max(initial=0) / len(label))
        right = float((label == self.frame.prediction[at]).mean())
        return max(0.0, right - guessing) / max(1 - guessing, 1e-9)

    def unreadable(self, rest: BoolArray) -> BoolArray:
        """Which samples fall below the first percentile of the rest in any measure."""
        bad = np.zeros(len(self.frame), dtype=np.bool_)
        for measure in self.readability.values():
            bad |= below(measure, rest)
        return bad

    def _disagree(self) -> BoolArray:
        assert self.neighbourhood is not None
        says = self.neighbourhood.says
        return np.asarray((says >= 0) & (self.frame.label >= 0) & (says != self.frame.label))


def _neighbourhood(frame: Frame, z: Floats | None, labeled: BoolArray) -> Neighbourhood | None:
    labeled = labeled & (frame.label >= 0)
    enough = labeled.sum() > K and len(frame.classes) > 1
    # By metadata alone, neighbours of another label are the rule.
    if z is None or frame.embedding is None or not enough:
        return None
    rows = np.flatnonzero(labeled)
    bank = capped(frame, rows)
    place = np.full(len(frame), -1)
    place[bank] = np.arange(len(bank))
    near = nearest(z[rows], z[bank], K, own=place[rows])
    label = np.where(near.index >= 0, frame.label[bank][near.index], -1)
    says = np.full(len(frame), -1, dtype=np.int64)
    says[rows] = majority(label, len(frame.classes))
    other, named = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    other[rows] = (label != frame.label[rows][:, None]).mean(axis=1)
    named[rows] = (label == frame.prediction[rows][:, None]).mean(axis=1)
    counts = np.stack([(label == code).sum(axis=1) for code in range(len(frame.classes))])
    shared = np.zeros(len(frame), dtype=np.bool_)
    shared[rows] = (counts >= SHARED).sum(axis=0) >= 2
    return Neighbourhood(bank, z, says, other, named, shared)


def _share(what: BoolArray, of: BoolArray) -> float:
    return float(what[of].mean()) if of.any() else 0.0
