"""Which members of an aggressor carry a doubtful label, and which an unreadable input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aggressors.stages.clues import K, Neighbourhood, Scene
from aggressors.stages.frame import BoolArray, FloatArray, Frame, IntArray
from aggressors.stages.readable import below
from aggressors.stages.whitened import Floats, by_hash, capped
from aggressors.stats.kernel_ridge import KernelRidge
from aggressors.stats.neighbours import nearest
from aggressors.stats.noisy_labels import expected, label_noise
from aggressors.words import listed

LISTED = 200
TAUGHT = 8_000  # samples that teach the classifiers
NEARBY = 100  # members whose labels say which classes to expect
ANSWERED, ANY = 0.2, 0.1  # weights of the model's answers and of any class, that of labels being 1


@dataclass(frozen=True, slots=True)
class Suspect:
    """One row of `suspects`, without its concept."""

    sample_id: str
    rank: int
    kind: str
    suggested: str | None
    reason: str


@dataclass(frozen=True, eq=False)
class Doubt:
    """What labels are held against: the other samples, whose labels an aggressor's are none of.

    `rows` of them teach the classifiers; `bent` is one of those, taught them all.
    """

    near: Neighbourhood
    rows: IntArray
    bent: KernelRidge

    @classmethod
    def of(cls, frame: Frame, near: Neighbourhood | None) -> Doubt | None:
        """Teach what no aggressor changes; without an embedding no label is doubted."""
        if near is None:  # a wrong label and a wrong answer look the same
            return None
        rows = capped(frame, near.rows, TAUGHT)
        # A fit rounds differently in another order.
        rows = rows[by_hash(frame.sample_id[rows])]
        bent = KernelRidge.taught(near.z[rows], frame.label[rows], len(frame.classes))
        return cls(near, rows, bent)


def to_relabel(member: BoolArray, frame: Frame, doubt: Doubt | None) -> list[Suspect]:
    """Order the members whose label others contradict, most doubtful first.

    The others are the labeled samples outside the aggressor, in which labels are as they are
    anywhere: what learns from the members learns their wrong labels too. Asked are the ten nearest
    and two classifiers. They know nothing of a region of its own, for which they name a class that
    occurs nowhere in it; so they are held to the classes that members nearby are labeled, and to
    the flips that many members tell of. A label is doubtful by the margin by which another is
    likelier.
    """
    if doubt is None:
        return []
    near = doubt.near
    at = np.flatnonzero(member & (frame.label >= 0) & ~np.isnan(frame.loss))
    outside = near.rows[~member[near.rows]]
    if len(at) == 0 or len(outside) <= K:
        return []
    judged = _judged(member, frame, doubt, at)  # (members, classes)
    label = frame.label[at]
    usual = _shares(frame.label[outside], len(frame.classes))
    noise = label_noise(expected(judged, usual, _local(frame, near, at)), label)
    every = np.arange(len(at))
    own = noise.likely[every, label]
    others = noise.likely.copy()
    others[every, label] = -1
    suggested, likely = others.argmax(axis=1), others.max(axis=1)
    doubtful = np.flatnonzero((likely > own) | (judged.argmax(axis=1) != label))
    order = _order(frame, at[doubtful], (likely - own)[doubtful])
    return [
        Suspect(
            str(frame.sample_id[at[place]]),
            rank,
            "relabel",
            frame.classes[suggested[place]],
            _why_relabel(frame, at[place], own[place], int(suggested[place]), likely[place]),
        )
        for rank, place in enumerate(doubtful[order].tolist(), start=1)
    ]


def to_remove(member: BoolArray, frame: Frame, scene: Scene) -> list[Suspect]:
    """List the unreadable members, greatest loss first, each with what is wrong with it."""
    rest = ~member & scene.analysed
    at = np.flatnonzero(member & scene.unreadable(rest) & ~np.isnan(frame.loss))
    order = at[_order(frame, at, frame.loss[at])]
    kinds = scene.readability | scene.looks
    bad = {kind: below(measure, rest) for kind, measure in kinds.items()}
    return [
        Suspect(
            str(frame.sample_id[row]),
            place + 1,
            "remove",
            None,
            f"more {listed([kind for kind in kinds if bad[kind][row]])} than 99 % of the rest",
        )
        for place, row in enumerate(order.tolist())
    ]


def _order(frame: Frame, at: IntArray, score: FloatArray) -> IntArray:
    """Places by falling score, as many as are listed; equal ones by their id."""
    order = np.lexsort((frame.sample_id[at].astype(str), -np.round(score, 6)))
    return np.asarray(order[:LISTED], dtype=np.int64)


def _why_relabel(frame: Frame, row: int, own: float, suggested: int, likely: float) -> str:
    label = frame.classes[frame.label[row]]
    says = f"the model says {frame.classes[frame.prediction[row]]}"
    surely = "is" if likely > own else "may be"
    return (
        f"labeled {label}; by the samples outside the aggressor and the labels inside it {surely} "
        f"{frame.classes[suggested]} ({likely:.0%} against {own:.0%}), and {says}"
    )


def _local(frame: Frame, near: Neighbourhood, at: IntArray) -> FloatArray:
    """(q, k) shares of the labels of nearby members, and a little of what else may be there.

    That is what the model answers in the aggressor, which matters where all labels in it are one,
    and any class at all.
    """
    k = len(frame.classes)
    bank = capped(frame, at, TAUGHT)
    place = np.full(len(frame), -1)
    place[bank] = np.arange(len(bank))
    found = nearest(near.z[at], near.z[bank], NEARBY, own=place[at])
    label = np.where(found.index >= 0, frame.label[bank][found.index], -1)
    said = _shares(frame.prediction[at], k)
    return _rows_of_shares(label, k) + ANSWERED * said + ANY / k


def _shares(codes: IntArray, k: int) -> FloatArray:
    known = codes[codes >= 0]
    return np.asarray(np.bincount(known, minlength=k) / max(len(known), 1), dtype=np.float64)


def _rows_of_shares(codes: IntArray, k: int) -> FloatArray:
    """(q, k) share of each code in each row; none for -1."""
    rows, columns = np.nonzero(codes >= 0)
    cell = rows * k + codes[rows, columns]
    counts = np.bincount(cell, minlength=len(codes) * k).reshape(len(codes), k)
    return np.asarray(counts / codes.shape[1])


def _judged(member: BoolArray, frame: Frame, doubt: Doubt, at: IntArray) -> FloatArray:
    """(q, k) mean of what the ten nearest and two classifiers give each class."""
    near, k = doubt.near, len(frame.classes)
    outside = near.rows[~member[near.rows]]
    found = nearest(near.z[at], near.z[outside], K)
    label = np.where(found.index >= 0, frame.label[outside][found.index], -1)
    share = _rows_of_shares(label, k)
    inside = member[doubt.rows]
    taught, left_out = doubt.rows[~inside], doubt.rows[inside]
    if len(np.unique(frame.label[taught])) < 2:
        return share
    straight = _logistic(near.z[taught], frame.label[taught], near.z[at], k)
    bent = doubt.bent.without(near.z[left_out], frame.label[left_out]).probabilities(near.z[at])
    return np.asarray((share + straight + bent) / 3, dtype=np.float64)


def _logistic(z: Floats, label: IntArray, asked: Floats, k: int) -> FloatArray:
    """(q, k) probabilities of all classes; 0 for those that none of the taught has."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=100).fit(z, label)
    out = np.zeros((len(asked), k))
    out[:, model.classes_] = model.predict_proba(asked)
    return out
