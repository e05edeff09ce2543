"""How many samples of each label to draw, so that a mix of labels does not pose as a difference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def matched_counts(wanted: Counts, there: Counts, most: int, *, short: float = 0.1) -> Counts:
    """Draw as many as there are, with each label in the share that it has among those wanted.

    Parameters
    ----------
    wanted : (k,) samples of each of k labels among those that are compared.
    there : (k,) others of each label.
    most : others to draw at most.
    short : share of those wanted whose labels too few others have; these fall short rather than
        that all are drawn by them.

    Returns
    -------
    (k,) others to draw of each label, at most `there`; all 0 where none is wanted, and where more
    than `short` of those wanted have a label of which there are no others.
    """
    drawn = np.zeros(len(wanted), dtype=np.int64)
    labels = np.flatnonzero(wanted)
    if not len(labels):
        return drawn
    ratio = there[labels] / wanted[labels]
    order = np.argsort(ratio, kind="stable")
    left_out = np.cumsum(wanted[labels][order]) <= short * wanted.sum()
    times = min(float(ratio[order][~left_out][0]), most / int(wanted.sum()))
    whole = np.floor(times * wanted[labels] + 1e-9).astype(np.int64)  # 0.1 * 30 is 3, not 2
    drawn[labels] = np.minimum(whole, there[labels])
    return drawn
