"""Which planted slices count: those on which the model fails, that can be found, and only planted.

A slice counts if
- it holds at least 30 validation samples,
- the accuracy inside is at least .10 lower than outside,
- a probe that knows the truth (logistic regression or boosted trees on embedding, metadata and
  label, five folds, the best threshold on what was held out) reaches F1 >= .6,
- the twin, a model trained without the planting, has less than half of that gap there: else it is a
  natural weakness. The twin learns from true labels; what is rare is as common as in validation,
  and a marker too, but whatever the label. Its accuracy is measured against true labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SMALLEST_N = 30
SMALLEST_GAP = 0.10
SMALLEST_PROBE_F1 = 0.6
LARGEST_TWIN_SHARE = 0.5


@dataclass(frozen=True)
class Measured:
    """A planted slice in numbers.

    `probe_f1` is a lower bound, as the probes stop once one is good enough, and None where the
    slice is out before they are asked. `twin_gap` is the twin's accuracy outside minus inside, on
    the same samples.
    """

    n: int
    accuracy_inside: float
    accuracy_outside: float
    probe_f1: float | None
    twin_gap: float
    counts: bool
    reason: str


def measure(
    member: NDArray[np.bool_],
    correct: NDArray[np.bool_],
    twin_correct: NDArray[np.bool_],
    features: NDArray[np.float64],
) -> Measured:
    """Measure one planted slice and say whether it counts.

    Parameters
    ----------
    member, correct, twin_correct : (n,) bool; `correct` against the labels given, `twin_correct`
        against the true ones.
    features : (n, f), what can be known of a sample: see `probe_features`.
    """
    n = int(member.sum())
    inside, outside = accuracies(member, correct)
    twin_inside, twin_outside = accuracies(member, twin_correct)
    twin_gap = twin_outside - twin_inside
    reason = why_not(n, outside - inside, twin_gap)
    f1 = None if reason else round(probe(features, member), 4)
    if f1 is not None and f1 < SMALLEST_PROBE_F1:
        reason = f"a probe that knows the truth reaches F1 {f1:.2f} only"
    return Measured(
        n=n,
        accuracy_inside=round(inside, 4),
        accuracy_outside=round(outside, 4),
        probe_f1=f1,
        twin_gap=round(twin_gap, 4),
        counts=not reason,
        reason=reason,
    )


def why_not(n: int, gap: float, twin_gap: float) -> str:
    """Say why a slice of `n` samples with these gaps does not count; empty where it may."""
    if n < SMALLEST_N:
        return f"{n} samples only"
    if gap < SMALLEST_GAP:
        return f"accuracy is lower by {gap:.3f} only"
    if twin_gap >= LARGEST_TWIN_SHARE * gap:
        return f"the twin fails there too: by {twin_gap:.3f} of {gap:.3f}"
    return ""


def is_natural(
    member: NDArray[np.bool_], correct: NDArray[np.bool_], twin_correct: NDArray[np.bool_]
) -> bool:
    """Whether a group that was found fails in the twin too, by the measure for planted slices."""
    inside, outside = accuracies(member, correct)
    twin_inside, twin_outside = accuracies(member, twin_correct)
    gap = outside - inside
    return gap > 0 and twin_outside - twin_inside >= LARGEST_TWIN_SHARE * gap


def accuracies(member: NDArray[np.bool_], correct: NDArray[np.bool_]) -> tuple[float, float]:
    """Accuracy inside and outside; 1 where there is nobody."""
    inside, outside = (
        float(part.mean()) if part.size else 1.0 for part in (correct[member], correct[~member])
    )
    return inside, outside


def probe_features(
    embedding: NDArray[np.float32] | None, metadata: dict[str, NDArray], label: NDArray[np.str_]
) -> NDArray[np.float64]:
    """All that is known of a sample as (n, f): embedding, numbers, categories and label one-hot."""
    blocks = [_one_hot(label)]
    if embedding is not None:
        blocks.append(embedding.astype(np.float64))
    for column in metadata.values():
        blocks.append(column[:, None] if column.dtype.kind == "f" else _one_hot(column))
    return np.hstack(blocks)


def probe(features: NDArray[np.float64], member: NDArray[np.bool_]) -> float:
    """F1 of a probe trained on the truth, held out, at its best threshold."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=300))
    boosted = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, early_stopping=False, random_state=0
    )
    best = 0.0
    for model in (linear, boosted):
        chance = cross_val_predict(model, features, member, cv=folds, method="predict_proba")[:, 1]
        best = max(best, best_f1(chance, member))
        if best >= SMALLEST_PROBE_F1:
            break
    return best


def best_f1(score: NDArray[np.float64], member: NDArray[np.bool_]) -> float:
    """Highest F1 over all thresholds on the score."""
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(member[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + member.sum())
    ends = np.append(np.diff(score[order]) != 0, True)  # equal scores cannot be parted
    return float(f1[ends].max())


def _one_hot(column: NDArray) -> NDArray[np.float64]:
    names, place = np.unique(column.astype(str), return_inverse=True)
    return np.eye(len(names))[place]
