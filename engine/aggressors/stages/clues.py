"""Measures the evidence about each aggressor from the frame."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from aggressors.stages.frame import BoolArray, Field, FloatArray, Frame, IntArray
from aggressors.stages.shortcuts import Shortcut, field_cells, strongest
from aggressors.stages.whitened import Floats, capped, whitened
from aggressors.stats.evidence import (
    confidently_other,
    divergence,
    entropy,
    majority,
)
from aggressors.stats.neighbours import nearest
from aggressors.stats.recommend import Evidence
from aggressors.words import spoken

K = 10
FEWEST = 5  # samples below which a share or a mean says nothing


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """What the neighbours of labeled samples say.

    `rows` (b,) labeled rows of train and the analysed population that were looked at; `z` their
    whitened positions; `says` (n,) majority label of the ten nearest of them, -1 where unknown;
    `other`, `named` (n,) share of the ten that carry another label than the sample, and that of
    the model's answer, NaN where unknown.
    """

    rows: IntArray
    z: Floats
    says: IntArray
    other: FloatArray
    named: FloatArray


@dataclass(frozen=True, eq=False)
class Scene:
    """All samples, measured once for all aggressors.

    `coverage` (n,) log distance to train minus log distance within the analysed population, NaN
    elsewhere; `readability` measures (n,) that are low for a bad input; `confident` (n,) samples
    that the model confidently takes for another class; `cells` field by field.
    """

    frame: Frame
    analysed: BoolArray
    train: BoolArray
    coverage: FloatArray | None
    neighbourhood: Neighbourhood | None
    readability: tuple[FloatArray, ...]
    confident: BoolArray | None
    cells: dict[str, IntArray]

    @classmethod
    def of(cls, frame: Frame) -> Scene:
        """Measure what does not depend on the aggressor."""
        analysed = frame.analysed & ~np.isnan(frame.signal)
        train = frame.in_population("train") & ~frame.analysed
        z = whitened(frame, np.flatnonzero(train | analysed))
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
            _coverage(frame, z, analysed, train),
            _neighbourhood(frame, z, analysed | train),
            _readability(frame),
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
            _readability(parts[0]),
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
        near, unreadable = self.neighbourhood, self.unreadable(rest)
        classified = bool(k > 1 and (labels >= 0).any())
        return Evidence(
            coverage=_difference(self.coverage, inside, rest),
            share_train=_share(member, self.train) if self.train.any() else None,
            share_analysed=_share(member, self.analysed),
            shortcut=None if told is None else told.strength,
            shortcut_shortfall=None if told is None else told.shortfall,
            shortcut_field="" if told is None else told.field,
            shortcut_class="" if told is None else told.klass,
            unreadable=_share(unreadable, inside) if self.readability else None,
            unreadable_rest=_share(unreadable, rest) if self.readability else 0.0,
            skill=self._skill(inside & unreadable) if classified else None,
            one_sided=divergence(labels, frame.label[self.analysed], k) if classified else None,
            label_entropy=entropy(labels, k) if classified else None,
            prediction_entropy=entropy(frame.prediction[inside], k) if classified else None,
            ordinary=self._ordinary(inside, rest) if near is not None and classified else None,
            disagreement=_share(self._disagree(), inside) if near and classified else None,
            disagreement_rest=_share(self._disagree(), rest) if near and classified else 0.0,
            confident=None if self.confident is None else _share(self.confident, inside),
            confident_rest=0.0 if self.confident is None else _share(self.confident, rest),
            gap_train=self._gap_train(member, inside),
            signal=spoken(frame.settings.signal),
        )

    def _ordinary(self, inside: BoolArray, rest: BoolArray) -> float | None:
        """Share of neighbours with the predicted label: where it is wrong over where it is right.

        Samples with a wrong label lie among the class that the model names; hard ones between
        classes.
        """
        assert self.neighbourhood is not None
        right = self.frame.label == self.frame.prediction
        named = self.neighbourhood.named
        wrong = inside & ~right & (self.frame.prediction >= 0)
        if wrong.sum() < FEWEST or (rest & right).sum() < FEWEST:
            return None
        return float(named[wrong].mean() / max(float(named[rest & right].mean()), 1e-9))

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
        for measure in self.readability:
            known = measure[rest & ~np.isnan(measure)]
            if len(known):
                bad |= measure < np.quantile(known, 0.01)
        return bad

    def _disagree(self) -> BoolArray:
        assert self.neighbourhood is not None
        says = self.neighbourhood.says
        return np.asarray((says >= 0) & (self.frame.label >= 0) & (says != self.frame.label))

    def _gap_train(self, member: BoolArray, inside: BoolArray) -> float | None:
        trained = member & self.train & ~np.isnan(self.frame.signal)
        if trained.sum() < FEWEST:
            return None
        signal = self.frame.signal
        return float(signal[inside].mean() - signal[trained].mean())


def _coverage(
    frame: Frame, z: Floats | None, analysed: BoolArray, train: BoolArray
) -> FloatArray | None:
    if z is None or train.sum() < K or analysed.sum() <= K:
        return None
    out = np.full(len(frame), np.nan)
    rows = np.flatnonzero(analysed)
    bank, own_bank = capped(frame, np.flatnonzero(train)), capped(frame, rows)
    place = np.full(len(frame), -1)
    place[own_bank] = np.arange(len(own_bank))
    to_train = nearest(z[rows], z[bank], K).mean_distance(K)
    within = nearest(z[rows], z[own_bank], K, own=place[rows]).mean_distance(K)
    out[rows] = np.log(to_train + 1e-9) - np.log(within + 1e-9)
    return out


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
    return Neighbourhood(bank, z[bank], says, other, named)


def _readability(frame: Frame) -> tuple[FloatArray, ...]:
    """Measures (n,) of which a low value means that an input can hardly be read.

    Flat inputs have a low contrast, entropy or count of words; noise has a Laplacian that is
    large for its contrast (for white noise the ratio of the variances is 20, for natural images
    far below 1); a row of a table has few values.
    """
    numbers = {entry.name: entry.numbers for entry in frame.fields if entry.numbers is not None}
    measures = [numbers[name] for name in ("contrast", "entropy", "words") if name in numbers]
    if "contrast" in numbers and "sharpness" in numbers:
        measures.append(-numbers["sharpness"] / np.maximum(numbers["contrast"], 1e-4) ** 2)
    if len(frame.fields) > 1:
        measures.append(np.mean([_known(entry) for entry in frame.fields], axis=0))
    return tuple(measures)


def _known(entry: Field) -> BoolArray:
    if entry.numbers is not None:
        return ~np.isnan(entry.numbers)
    assert entry.codes is not None
    return np.asarray(entry.codes >= 0)


def _difference(values: FloatArray | None, inside: BoolArray, rest: BoolArray) -> float | None:
    if values is None or not inside.any() or not rest.any():
        return None
    return float(values[inside].mean() - values[rest].mean())


def _share(what: BoolArray, of: BoolArray) -> float:
    return float(what[of].mean()) if of.any() else 0.0
