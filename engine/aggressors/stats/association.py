"""Association of one metadata field with membership or with loss, overall and within strata.

Every effect lies in [-1, 1] and carries an interval in closed form, so that hundreds of concepts
times dozens of fields need no resampling. Strata (the label, usually) are averaged, so that a
class does not pose as a cause. Weights of samples are not used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import FloatArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Effect:
    """Size of an association: `value` with interval [`low`, `high`], all in [-1, 1].

    `p_value` tests that there is none; `n` counts the samples with a value that took part.
    """

    statistic: str
    value: float
    low: float
    high: float
    p_value: float
    n: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """A number field ranked within strata: the part that all concepts share.

    `stratum` (n,) int64 from 0, -1 = takes no part; `rank` (n,) float64 midranks from 1 within
    the stratum, NaN where missing; `count` (s,) values and `ties` (s,) sum of t^3 - t.
    """

    stratum: IntArray
    rank: FloatArray
    count: FloatArray
    ties: FloatArray


@dataclass(frozen=True, slots=True)
class Coded:
    """A category field counted within strata: the part that all concepts share.

    `stratum`, `codes` (n,) int64, -1 = takes no part; `count` (s, k) samples a cell.
    """

    stratum: IntArray
    codes: IntArray
    count: FloatArray


def ranked(values: FloatArray, stratum: IntArray | None = None) -> Ranked:
    """Rank (n,) values, NaN where missing, within (n,) strata; one stratum by default."""
    stratum = np.zeros(len(values), dtype=np.int64) if stratum is None else stratum
    strata = int(stratum.max(initial=-1)) + 1
    kept = np.flatnonzero((stratum >= 0) & ~np.isnan(values))
    kept = kept[np.lexsort((values[kept], stratum[kept]))]
    count = np.bincount(stratum[kept], minlength=strata).astype(np.float64)
    rank = np.full(len(values), np.nan)
    rank[kept], length = _midranks(values[kept], stratum[kept], count)
    # a run of t ties adds t times t^2 - 1
    ties = np.bincount(stratum[kept], length**2 - 1, strata).astype(np.float64)
    return Ranked(stratum, rank, count, ties)


def coded(codes: IntArray, n_categories: int, stratum: IntArray | None = None) -> Coded:
    """Count (n,) category codes, -1 where missing, within (n,) strata; one by default."""
    stratum = np.zeros(len(codes), dtype=np.int64) if stratum is None else stratum
    strata = int(stratum.max(initial=-1)) + 1
    return Coded(stratum, codes, _cells(stratum, codes, strata, n_categories))


def rank_biserial(field: Ranked, members: IntArray, *, level: float = 0.95) -> Effect | None:
    """Probability that a member's value is the higher, minus that it is the lower.

    Parameters
    ----------
    field : the ranked field; strata are weighted by m n / (m + n) (van Elteren).
    members : (m,) int64, distinct positions of the members.
    level : coverage of the interval, in (0, 1).

    Returns
    -------
    2 AUC - 1 (Kerby 2014), or None where no stratum holds a value both inside and outside.

    Source: interval from DeLong et al. 1988; its standard error is held above what one sample on
    the other side would change, so that a perfect split is no certainty. p-value from the normal
    approximation of Mann and Whitney with ties, strata combined as by van Elteren 1960.
    """
    present = members[(field.stratum[members] >= 0) & ~np.isnan(field.rank[members])]
    order = np.lexsort((field.rank[present], field.stratum[present]))
    stratum, rank = field.stratum[present][order], field.rank[present][order]
    inside = np.bincount(stratum, minlength=len(field.count)).astype(np.float64)
    outside = field.count - inside
    used = (inside > 0) & (outside > 0)
    if not used.any():
        return None
    m, n = inside[used], outside[used]
    below = rank - _midranks(rank, stratum, inside)[0]  # outsiders below each, ties half
    total = np.bincount(stratum, rank, len(inside))[used]
    auc = (total - m * (m + 1) / 2) / (m * n)
    spread = _delong(stratum, below, inside, outside)[used]
    spread = np.maximum(spread, 1 / (np.minimum(m, n) + 1) ** 2)
    all_n = m + n
    null = (all_n + 1 - field.ties[used] / np.maximum(all_n * (all_n - 1), 1)) / (12 * m * n)
    weight = m * n / all_n
    weight /= weight.sum()
    value = float(2 * (weight * auc).sum() - 1)
    half = 2 * _z(level) * float(np.sqrt((weight**2 * spread).sum()))
    return Effect(
        "rank-biserial", value, max(value - half, -1.0), min(value + half, 1.0),
        _two_sided(value / 2, float((weight**2 * null).sum())), int(all_n.sum()),
    )  # fmt: skip


def cramers_v(field: Coded, members: IntArray, *, level: float = 0.95) -> Effect | None:
    """How far a category tells members from the rest: Cramér's V of the k x 2 table.

    Strata are weighted by m n / (m + n). Returns None where no stratum holds both members and
    others in at least two categories. See `_ratio` for the sources.
    """
    strata, k = field.count.shape
    inside = _cells(field.stratum[members], field.codes[members], strata, k)
    total = field.count.sum(axis=1, keepdims=True)
    share = inside.sum(axis=1, keepdims=True) / np.maximum(total, 1)
    outside = field.count - inside
    moments = [inside * (1 - share) ** p + outside * (-share) ** p for p in range(5)]
    weight = total[:, 0] * share[:, 0] * (1 - share[:, 0])
    return _ratio("cramers-v", np.stack(moments), weight, total[:, 0], level)


def correlation_ratio(field: Coded, target: FloatArray, *, level: float = 0.95) -> Effect | None:
    """Share of the target's variance that lies between categories, as its square root.

    On ranks, (n - 1) times its square is the statistic of Kruskal and Wallis. Strata are weighted
    by their size.

    Parameters
    ----------
    field : the counted field.
    target : (n,) values, not NaN where the field has a category.

    Returns
    -------
    The effect, or None where no stratum has two categories. See `_ratio` for the sources.
    """
    strata, k = field.count.shape
    used = (field.codes >= 0) & (field.stratum >= 0)
    stratum, value = field.stratum[used], target[used]
    cell = stratum * k + field.codes[used]
    total = field.count.sum(axis=1)
    mean = np.bincount(stratum, value, strata) / np.maximum(total, 1)
    centred = value - mean[stratum]
    moments = [np.bincount(cell, centred**p, strata * k).reshape(strata, k) for p in range(5)]
    return _ratio("correlation-ratio", np.stack(moments), total, total - 1, level)


def spearman(field: Ranked, target: Ranked, *, level: float = 0.95) -> Effect | None:
    """Rank correlation of a number field and the target, over the same samples and strata.

    Returns None where no stratum has four samples and variation in both.

    Source: Fisher's z with the variance of Bonett and Wright 2000; strata averaged on the scale
    of z with weights n - 3.
    """
    strata = len(field.count)
    used = ~np.isnan(field.rank)
    stratum = field.stratum[used]
    n = field.count
    middle = ((n + 1) / 2)[stratum]
    x, y = field.rank[used] - middle, target.rank[used] - middle
    xx, yy, xy = (np.bincount(stratum, part, strata) for part in (x * x, y * y, x * y))
    usable = (n > 3) & (xx > 0) & (yy > 0)
    if not usable.any():
        return None
    rho = xy[usable] / np.sqrt(xx[usable] * yy[usable])
    freedom = n[usable] - 3
    share = freedom / freedom.sum()
    z = float((share * np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12))).sum())
    half = _z(level) * float(np.sqrt((share**2 * (1 + rho**2 / 2) / freedom).sum()))
    return Effect(
        "spearman", float(np.tanh(z)), float(np.tanh(z - half)), float(np.tanh(z + half)),
        _two_sided(z, float(1 / freedom.sum())), int(n[usable].sum()),
    )  # fmt: skip


def _ratio(
    statistic: str, moments: FloatArray, weight: FloatArray, scale: FloatArray, level: float
) -> Effect | None:
    """Square root of the share of a target's variance that lies between categories.

    `moments` (5, s, k) are sums of powers 0 to 4 of the target, centred in its stratum; `weight`
    (s,) averages strata; `scale` (s,) times the squared ratio is chi-squared under no effect.
    For a 0/1 target the squared ratio is Pearson's phi-squared.

    Source: bias taken off as in Bergsma 2013; variance by the delta method (Bishop, Fienberg and
    Holland 1975, ch. 11) plus that of chi-squared under no effect, which the former lacks.
    """
    n, between_n = moments[0].sum(axis=1), (moments[0] > 0).sum(axis=1)
    spread = moments[2].sum(axis=1)
    used = (between_n > 1) & (spread > 1e-12) & (weight > 0)
    if not used.any():
        return None
    cells = moments[:, used]  # (5, s, k)
    n, weight, freedom = n[used], weight[used] / weight[used].sum(), between_n[used] - 1.0
    variance = (spread[used] / n)[:, None]
    mean = cells[1] / np.maximum(cells[0], 1)  # (s, k), centred
    squared = (cells[0] * mean**2).sum(axis=1) / (n * variance[:, 0])
    # influence of a sample with target y in a cell of mean b: (2 b y - b^2 - squared y^2) / var
    q = squared[:, None]
    second = (
        4 * mean**2 * cells[2] + mean**4 * cells[0] + q**2 * cells[4]
        - 4 * mean**3 * cells[1] - 4 * mean * q * cells[3] + 2 * mean**2 * q * cells[2]
    ) / variance**2  # fmt: skip
    spread_of = second.sum(axis=1) / n**2 + 2 * freedom / n**2
    unbiased = squared - freedom / n * (1 - squared)
    value = float((weight * unbiased).sum())
    half = _z(level) * float(np.sqrt((weight**2 * spread_of).sum()))
    low, middle, high = np.sqrt(np.clip([value - half, value, value + half], 0, 1))
    from scipy.special import chdtrc

    p_value = float(chdtrc(freedom.sum(), (scale[used] * squared).sum()))
    return Effect(statistic, float(middle), float(low), float(high), p_value, int(n.sum()))


def _delong(
    stratum: IntArray, below: FloatArray, inside: FloatArray, outside: FloatArray
) -> FloatArray:
    """Variance of each stratum's AUC (s,), from the sorted members alone.

    The members' part is the spread of the share of outsiders below each. The outsiders' part is
    the spread of the share of members above each, which is constant between two members.
    """
    s = len(inside)
    position = np.arange(len(stratum)) - (np.cumsum(inside) - inside)[stratum]  # from 0
    m, n = np.maximum(inside, 1), np.maximum(outside, 1)
    placed = below / n[stratum]
    mean = np.bincount(stratum, placed, s) / m
    members = np.bincount(stratum, (placed - mean[stratum]) ** 2, s) / np.maximum(m - 1, 1)
    last = position == inside[stratum] - 1
    following = np.where(last, outside[stratum], np.append(below[1:], 0.0))
    gap = np.maximum(following - below, 0.0)  # outsiders right above each member
    above = 1 - (position + 1) / m[stratum]
    first = np.bincount(stratum, np.where(position == 0, below, 0.0), s)  # below all members
    square = first + np.bincount(stratum, gap * above**2, s)
    plain = first + np.bincount(stratum, gap * above, s)
    others = np.maximum(square / n - (plain / n) ** 2, 0.0)
    return np.asarray(members / m + others / n, dtype=np.float64)


def _midranks(
    ordered: FloatArray, stratum: IntArray, count: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Midranks from 1 of values sorted by stratum and value, and how many share each value."""
    new = np.ones(len(ordered), dtype=np.bool_)
    new[1:] = (np.diff(ordered) > 0) | (np.diff(stratum) > 0)
    starts = np.flatnonzero(new)
    length = np.diff(np.append(starts, len(ordered))).astype(np.float64)
    first = (np.cumsum(count) - count)[stratum[starts]]
    run = np.cumsum(new) - 1
    return (starts - first + (length + 1) / 2)[run], length[run]


def _cells(stratum: IntArray, codes: IntArray, strata: int, k: int) -> FloatArray:
    used = (stratum >= 0) & (codes >= 0)
    counted = np.bincount(stratum[used] * k + codes[used], minlength=strata * k)
    return counted.reshape(strata, k).astype(np.float64)


def _z(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def _two_sided(estimate: float, variance: float) -> float:
    from scipy.special import ndtr

    return float(2 * ndtr(-abs(estimate) / np.sqrt(variance))) if variance > 0 else 1.0
