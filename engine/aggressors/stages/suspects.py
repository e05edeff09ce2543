"""Which members of an aggressor carry a doubtful label, and which an unreadable input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aggressors.stages.clues import K, Neighbourhood, Scene
from aggressors.stages.frame import BoolArray, FloatArray, Frame, IntArray
from aggressors.stages.readable import below
from aggressors.stages.whitened import Floats, capped, hashes
from aggressors.stats.neighbours import nearest
from aggressors.words import listed

LISTED = 200
TAUGHT = 8_000  # samples that teach the classifier


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
    """What labels are held against: the other samples, whose labels an aggressor's are none of."""

    near: Neighbourhood | None

    @classmethod
    def of(cls, scene: Scene) -> Doubt:
        """Take what was measured; without an embedding no label is doubted."""
        return cls(scene.neighbourhood)  # a wrong label and a wrong answer look the same


def to_relabel(member: BoolArray, frame: Frame, doubt: Doubt) -> list[Suspect]:
    """Order the members whose label others contradict, most doubtful first.

    The others are the labeled samples outside the aggressor, in which labels are as they are
    anywhere: what learns from the members learns their wrong labels too. Two judges are asked,
    the ten nearest and a linear classifier; doubtful is a label by the margin by which another is
    likelier, and by how unlikely it is itself.
    """
    near = doubt.near
    if near is None:
        return []
    at = np.flatnonzero(member & (frame.label >= 0) & ~np.isnan(frame.loss))
    outside = near.rows[~member[near.rows]]
    if len(at) == 0 or len(outside) <= K:
        return []
    p = _judged(frame, near, at, outside)  # (members, classes)
    every = np.arange(len(at))
    own = p[every, frame.label[at]]
    suggested = p.argmax(axis=1)
    score = p.max(axis=1) - own + (1 - own)
    doubtful = np.flatnonzero(suggested != frame.label[at])
    order = _order(frame, at[doubtful], score[doubtful])
    return [
        Suspect(
            str(frame.sample_id[at[place]]),
            rank,
            "relabel",
            frame.classes[suggested[place]],
            _why_relabel(frame, at[place], own[place], int(suggested[place]), p[place].max()),
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
    return (
        f"labeled {label}; by the samples outside the aggressor it is {frame.classes[suggested]} "
        f"({likely:.0%} against {own:.0%}), and {says}"
    )


def _judged(frame: Frame, near: Neighbourhood, at: IntArray, outside: IntArray) -> FloatArray:
    """(q, k) mean of what the ten nearest and a linear classifier give each class."""
    k = len(frame.classes)
    found = nearest(near.z[at], near.z[outside], K)
    label = np.where(found.index >= 0, frame.label[outside][found.index], -1)
    share = np.stack([(label == code).mean(axis=1) for code in range(k)], axis=1)
    taught = capped(frame, outside, TAUGHT)
    # The fit rounds differently in another order.
    taught = taught[np.argsort(hashes(frame.sample_id[taught]), kind="stable")]
    if len(np.unique(frame.label[taught])) < 2:
        return np.asarray(share, dtype=np.float64)
    linear = _logistic(near.z[taught], frame.label[taught], near.z[at], k)
    return np.asarray((share + linear) / 2, dtype=np.float64)


def _logistic(z: Floats, label: IntArray, asked: Floats, k: int) -> FloatArray:
    """(q, k) probabilities of all classes; 0 for those that the training half lacks."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=100).fit(z, label)
    out = np.zeros((len(asked), k))
    out[:, model.classes_] = model.predict_proba(asked)
    return out
