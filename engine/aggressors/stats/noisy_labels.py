"""Which class each sample of a group has if labels are wrong in it, and which flips they took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

STEPS = 3
RIGHT = 0.6  # share of labels of a class that is taken to be right before any is looked at
WEIGHT = 0.1  # of that belief, in samples for every sample of the class


@dataclass(frozen=True, eq=False)
class LabelNoise:
    """`likely` (m, k) probability of each true class; `flips` (k, k) of each label, by class."""

    likely: FloatArray
    flips: FloatArray


def expected(judged: FloatArray, usual: FloatArray, local: FloatArray) -> FloatArray:
    """Adjust the judgement of those outside a group to the classes that occur in it.

    Parameters
    ----------
    judged : (m, k) probabilities that a classifier gives which learned outside the group.
    usual : (k,) share of each class in what it learned from.
    local : (m, k) share of each class to expect near each sample of the group, without a unit.

    Returns
    -------
    (m, k) probabilities. What speaks for a class is `judged / usual`, halved towards "any class",
    since the group is not like what was learned from; `local` is the prior.

    Raises
    ------
    ValueError
        If the shapes do not belong together, or a sample expects no class.

    Notes
    -----
    Prior shift: M. Saerens, P. Latinne, C. Decaestecker, Adjusting the outputs of a classifier to
    new a priori probabilities, Neural Computation 14 (2002), equation 2.4.
    """
    m, k = judged.shape
    if usual.shape != (k,) or local.shape != (m, k):
        raise ValueError(
            f"usual must be ({k},) and local ({m}, {k}) as judged is, got {usual.shape} and "
            f"{local.shape}: give each the same classes"
        )
    if (local.sum(axis=1) <= 0).any():
        raise ValueError("local must give each sample a class, got a row of zeros: add a share")
    shifted = judged / (usual + 1 / k)
    speaks = shifted / np.maximum(shifted.sum(axis=1, keepdims=True), 1e-12) + 1 / k
    return _normalised(speaks * local)


def label_noise(likely: FloatArray, label: IntArray) -> LabelNoise:
    """Estimate which labels take the place of which in a group, and the true classes from that.

    Parameters
    ----------
    likely : (m, k) probability of each class of each sample, without its own label.
    label : (m,) code of its label, in [0, k).

    Returns
    -------
    By expectation and maximisation, begun at `likely` and ended after a few steps: a flip that many
    samples tell of is believed of each of them; what one sample tells is not.

    Raises
    ------
    ValueError
        If a label is no column of `likely`.

    Notes
    -----
    A. P. Dawid, A. M. Skene, Maximum likelihood estimation of observer error-rates using the EM
    algorithm, Applied Statistics 28 (1979), with one observer and `likely` in place of the shares
    of classes; error rates have a Dirichlet prior.
    """
    m, k = likely.shape
    if label.shape != (m,) or (m and not (label.min() >= 0 and label.max() < k)):
        raise ValueError(
            f"label must hold {m} codes below {k}, got shape {label.shape}: leave out unlabeled "
            "samples"
        )
    given = np.eye(k)[label]
    usual = np.full((k, k), (1 - RIGHT) / max(k - 1, 1))
    np.fill_diagonal(usual, RIGHT)
    found, flips = likely, usual
    for _ in range(STEPS):
        of_class = found.sum(axis=0)[:, None]
        flips = _normalised(found.T @ given + WEIGHT * usual * of_class + 1e-9)
        found = _normalised(likely * flips[:, label].T)
    return LabelNoise(found, flips)


def _normalised(rows: FloatArray) -> FloatArray:
    return np.asarray(rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-300))
