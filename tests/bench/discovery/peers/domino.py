"""Domino's error-aware mixture over embedding, label and prediction, by its authors' package.

Slices come in the package's order: components by how far labels and predictions part. Members are
those that the mixture gives more than one half; the package's own rule, the likeliest of the slices
returned, deals out every sample and scores worse. The mixture starts from the cells of the
confusion matrix, as in the paper, or from k-means, which recovers twice as much with ten classes.
Found, as the authors have no test: p < .05, one-sided.

Source: Eyuboglu et al. 2022, ICLR, "Domino: discovering systematic errors with cross-modal
embeddings".
"""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np

from bench.discovery.groups import MOST_REPORTED, Group, Groups
from bench.discovery.peers.authors import domino
from bench.discovery.peers.common import LEVEL, SMALLEST, vectors, worse
from bench.discovery.setting import Setting

MOST_DIMENSIONS = 128  # of the principal components, as in the paper
COMPONENTS = 25
WEIGHT = 10  # of label and of prediction, as in the paper


def find(
    setting: Setting, seed: int, start: str = "kmeans", dimensions: int = MOST_DIMENSIONS
) -> Groups:
    """Fit the mixture on all samples and take its slices."""
    space = vectors(setting)
    classes, label = np.unique(setting.label, return_inverse=True)
    one_hot = setting.probabilities.astype(np.float64)
    if one_hot.shape[1] != len(classes):
        raise ValueError("Domino needs a label of every class.")
    cells = max(COMPONENTS, len(classes) ** 2)  # one a cell of the confusion matrix, at least
    slicer = domino("domino").DominoSlicer(
        n_slices=MOST_REPORTED,
        n_pca_components=min(dimensions, *space.shape),
        n_mixture_components=COMPONENTS if start == "kmeans" else cells,
        y_log_likelihood_weight=WEIGHT,
        y_hat_log_likelihood_weight=WEIGHT,
        init_params=start,
        random_state=seed,
    )
    given = {"embeddings": space, "targets": label, "pred_probs": one_hot}
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")  # iterations run out, as they do for its authors
        slicer.fit(**given)
        shares = slicer.predict_proba(**given)  # (n, slices)
    return _groups(setting, shares)


def _groups(setting: Setting, shares: np.ndarray) -> Groups:
    groups = []
    for share in shares.T:
        member = share > 0.5
        if member.sum() >= SMALLEST:
            groups.append(Group(member, share, worse(setting.loss, member)[1] < LEVEL))
    return groups
