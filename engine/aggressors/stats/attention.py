"""Where a map of attention lies, as numbers: how concentrated, how far out, how far from another.

A map holds attributions of 0 or more. Its *share* is the map divided by its sum, so that a sample
with large gradients counts no more than others in what is averaged over samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggressors.errors import InputError
from aggressors.stats.intervals import FloatArray, Interval, finite
from aggressors.stats.severity import loss_gaps

BORDER = 1 / 8  # of each side that counts as border; a spread-out map has 44 % of its sum there
EVEN_BORDER = 1 - (1 - 2 * BORDER) ** 2
TOP = 0.1  # of the cells; an even map has as much of its sum there

Groups = NDArray[np.int64]


def averaged_down(maps: FloatArray, most: int) -> FloatArray:
    """Shrink maps so that no side has more than `most` cells; smaller ones stay as they are.

    Each new cell is the mean of what it covers, parts of old cells counted as parts; means of the
    whole map stay.

    Parameters
    ----------
    maps : (..., rows, columns).
    most : cells of the longer side, 1 or more.
    """
    rows, columns = maps.shape[-2:]
    scale = most / max(rows, columns)
    if scale >= 1:
        return maps
    down = _overlap(rows, max(1, round(rows * scale)))
    across = _overlap(columns, max(1, round(columns * scale)))
    return np.asarray(down @ maps @ across.T, dtype=maps.dtype)


def _overlap(old: int, new: int) -> FloatArray:
    """Share of each new cell that lies in each old one, (new, old); rows sum to 1."""
    edges = np.arange(new + 1) * (old / new)
    cells = np.arange(old)
    covered = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return np.asarray(covered.clip(0) * (new / old))


def shares(maps: FloatArray) -> FloatArray:
    """Divide each of (n, rows, columns) maps by its sum; NaN where a map is empty."""
    total = maps.sum(axis=(1, 2), keepdims=True, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, maps / total, np.nan)


def concentration(share: FloatArray) -> FloatArray:
    """(n,) share of the sum in the tenth of the cells that hold most; 0.1 where all hold alike.

    With k = cells / 10 that is the k highest cells together, the last of them in part where k is no
    whole number. Cells that hold alike may stand in any order.
    """
    flat = np.sort(share.reshape(len(share), -1), axis=1)[:, ::-1]
    counted = (TOP * flat.shape[1] - np.arange(flat.shape[1])).clip(0, 1)
    return np.asarray(flat @ counted)


def border_share(share: FloatArray) -> FloatArray:
    """(n,) share of the sum within an eighth of the image's side from its edge.

    A cell that lies there in part is counted in part, so that the size of the grid makes no
    difference to an even map, which has 1 - (3/4)^2 = 44 % there.
    """
    rows, columns = share.shape[1:]
    inner = _inner(rows)[:, None] * _inner(columns)
    return np.asarray(share.reshape(len(share), -1) @ (1 - inner).ravel())


def _inner(cells: int) -> FloatArray:
    """(cells,) part of each cell that lies between the two borders."""
    edges = np.arange(cells + 1) / cells
    return np.asarray(
        (edges[1:].clip(BORDER, 1 - BORDER) - edges[:-1].clip(BORDER, 1 - BORDER)) * cells
    )


def distance(share: FloatArray, other: FloatArray) -> FloatArray:
    """(n,) share of the sum that must move to turn one map into the other; 0 alike, 1 disjoint.

    Half the summed absolute difference: the total variation distance of two distributions.
    """
    return np.asarray(np.abs(share - other).sum(axis=(1, 2)) / 2)


def mean_of(value: FloatArray, group: Groups | None = None, *, level: float = 0.95) -> Interval:
    """Mean with its interval; samples of one group may be alike.

    Parameters
    ----------
    value : (n,) finite.
    group : (n,) codes of samples that belong together; default each on its own.

    Raises
    ------
    InputError : fewer than 2 values, or fewer than 2 groups.

    Source: Student 1908; with groups the cluster-robust variance of Liang and Zeger 1986.
    """
    from scipy.special import stdtrit

    value = finite(value, "value", at_least=2)
    apart = np.arange(len(value)) if group is None else np.unique(group, return_inverse=True)[1]
    mean = float(value.mean())
    sums = np.bincount(apart, value - mean)
    n_groups = len(sums)
    if n_groups < 2:
        raise InputError(f"A mean needs samples of at least 2 groups; got {n_groups}.")
    error = np.sqrt(n_groups / (n_groups - 1) * float(sums @ sums)) / len(value)
    half = float(stdtrit(n_groups - 1, (1 + level) / 2) * error)
    return Interval(mean, mean - half, mean + half)


def difference_of(
    inside: FloatArray,
    reference: FloatArray,
    groups: tuple[Groups, Groups] | None = None,
    *,
    level: float = 0.95,
) -> Interval | None:
    """Mean inside minus mean of the reference, with Welch's interval; see `severity.loss_gaps`.

    Parameters
    ----------
    inside, reference : (n,) and (m,) finite values of different samples.
    groups : (n,) and (m,) codes of samples that belong together.

    Returns
    -------
    None where a side holds fewer than 2 samples, or samples of fewer than 2 groups.
    """
    value = np.concatenate([inside, reference])
    member = np.arange(len(value)) < len(inside)
    gap = loss_gaps(
        value,
        member[None, :],
        group=None if groups is None else np.concatenate(groups),
        level=level,
    )[0]
    return None if np.isnan(gap.value) else Interval(gap.value, gap.low, gap.high)
