"""What the rules reach where their thresholds were settled on other cases.

The form of the rules is kept; what is chosen anew is every threshold that
they ask, among drawn ones, by the cases of the other folds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import numpy as np

from aggressors.stats import reasons, recommend
from bench.solve.measured import Measured

AMONG = {
    "COVERAGE": (0.09, 0.14, 0.18, 0.25),
    "SHORTFALL": (0.4, 0.5, 0.6, 0.7, 0.9),
    "SHORTCUT": (0.3, 0.42, 0.5),
    "PASSING": (0.45, 0.5, 0.55, 0.6, 0.65),
    "UNREADABLE": (0.2, 0.28, 0.33, 0.4, 0.5),
    "CROWDED": (-1.2, -1.5, -2.0, -3.0),
    "CONFIDENT": (0.3, 0.4, 0.5, 0.6, 0.8),
    "CONFIDENT_FAILING": (0.5, 0.6, 0.7, 0.8, 1.2),
    "OUTSIDE": (0.4, 0.45, 0.5, 0.55, 0.6),
}
DRAWN = 300
FOLDS = {"halves": 2, "fifths": 5}
TWO = 0.3  # what the right action among the first two counts beside the right one first
TRUE = 0.5  # what the true members count beside those found

Told = tuple[Measured, Sequence[str]]


def crossed(slices: Sequence[Measured], folds: int) -> list[Told]:
    """Judge each slice by thresholds that were chosen without its case."""
    seeds = sorted({one.seed for one in slices})
    fold = {seed: place % folds for place, seed in enumerate(seeds)}
    tried = [_told(slices, chosen) for chosen in _drawn()]
    out: list[Told] = []
    for at in range(folds):
        known = np.array([fold[one.seed] != at for one in slices])
        scores = [_score(slices, told, known) for told in tried]
        best = tried[int(np.argmax(scores))]
        out += [
            (one, best[one.name, one.seed, "found"])
            for one in slices
            if fold[one.seed] == at and one.found is not None
        ]
    return out


def _drawn() -> Iterator[dict[str, float]]:
    """Draw thresholds; those of the product are not among them but by chance."""
    rng = np.random.default_rng(0)
    for _ in range(DRAWN):
        yield {name: float(rng.choice(values)) for name, values in AMONG.items()}


def _told(
    slices: Sequence[Measured], chosen: dict[str, float]
) -> dict[tuple[str, int, str], Sequence[str]]:
    with _thresholds(chosen):
        return {
            (one.name, one.seed, way): recommend.recommend(evidence).actions
            for one in slices
            for way, evidence in (("found", one.found), ("true", one.true))
            if evidence is not None
        }


@contextmanager
def _thresholds(chosen: dict[str, float]) -> Iterator[None]:
    with ExitStack() as stack:
        for name, value in chosen.items():
            for module in (reasons, recommend):
                if hasattr(module, name):
                    stack.enter_context(patch.object(module, name, value))
        yield


def _score(slices: Sequence[Measured], told: dict, known: np.ndarray) -> float:
    score = 0.0
    for one in (one for one, of in zip(slices, known, strict=True) if of):
        found, true = (told.get((one.name, one.seed, way), ()) for way in ("found", "true"))
        score += (one.right in found[:1]) + TWO * (one.right in found[:2])
        score += TRUE * (one.right in true[:1])
    return score
