"""Association of one metadata field with membership or with loss, overall and within strata.

Every effect lies in [-1, 1] and carries an interval in closed form, so that hundreds of concepts
times dozens of fields need no resampling. Strata (the label, usually) are averaged, so that a
class does not pose as a cause. Weights of samples are not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggressors.stats.intervals import FloatArray, z_of

IntArray = NDArray[np.int64]
MOST_RUNS = 8_192  # places at which ranks are told apart, over all strata
FEWEST_RUNS = 128  # and in each
Codes = NDArray[np.signedinteger[Any]]  # narrow where a million of them are kept


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

    `stratum` (n,) from 0, -1 = takes no part; `rank` (n,) float64 midranks from 1 within the
    stratum, NaN where missing; `count` (s,) values and `ties` (s,) sum of t^3 - t. `at` (v,) is
    which sample stands at each place by stratum and value.

    A run is what stands together there: samples of one value or, where a stratum has very many,
    of neighbouring ones. `run` (n,) int32 is that of each sample, -1 where missing; `run_stratum`,
    `run_size`, `run_low` and `run_high` (r,) describe each.
    """

    stratum: Codes
    rank: FloatArray
    count: FloatArray
    ties: FloatArray
    at: IntArray
    run: NDArray[np.int32]
    run_stratum: IntArray
    run_size: FloatArray
    run_low: FloatArray
    run_high: FloatArray

    def inside(self, members: IntArray) -> FloatArray:
        """Count (r,) members by run."""
        run = self.run[members]
        return np.bincount(run[run >= 0], minlength=len(self.run_size)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Coded:
    """A category field counted within strata: the part that all concepts share.

    `stratum`, `codes` (n,), -1 = takes no part; `count` (s, k) samples a cell.
    """

    stratum: Codes
    codes: Codes
    count: FloatArray


def ranked(
    values: FloatArray, stratum: Codes | None = None, *, order: IntArray | None = None
) -> Ranked:
    """Rank (n,) values, NaN where missing, within (n,) strata; one stratum by default.

    `order` (n,) sorts the values, where that is known already; missing values may stand anywhere.
    """
    stratum = np.zeros(len(values), dtype=np.int8) if stratum is None else stratum
    strata = int(stratum.max(initial=-1)) + 1
    order = np.argsort(values) if order is None else order
    apart, missing = stratum < 0, np.isnan(values)
    if apart.any() or missing.any():
        order = order[~(apart | missing)[order]]
    kept = order
    if strata > 1:  # few strata fit 16 bits, which are sorted by counting
        narrow = stratum.astype(np.int16 if strata < 2**15 else np.int64, copy=False)
        kept = kept[np.argsort(narrow[kept], kind="stable")]
    ordered, value = stratum[kept].astype(np.int64), values[kept]
    count = np.bincount(ordered, minlength=strata).astype(np.float64)
    first, alike = _ties(value, ordered, count)
    rank, run = np.full(len(values), np.nan), np.full(len(values), -1, dtype=np.int32)
    rank[kept] = first + (alike + 1) / 2
    # a run of t ties adds t times t^2 - 1
    ties = np.bincount(ordered, alike**2 - 1, strata).astype(np.float64)
    starts = _runs(first, ordered, count)
    stops = np.append(starts, len(kept))[1:]
    run[kept] = np.repeat(np.arange(len(starts), dtype=np.int32), stops - starts)
    return Ranked(
        stratum, rank, count, ties, kept, run, ordered[starts],
        (stops - starts).astype(np.float64), value[starts], value[stops - 1],
    )  # fmt: skip


def relative(field: Ranked) -> FloatArray:
    """(n,) rank of each sample in its stratum, from 0 to 1; NaN where it takes no part."""
    size = field.count[np.maximum(field.stratum, 0).astype(np.int64)]
    return np.asarray((field.rank - 0.5) / np.maximum(size, 1), dtype=np.float64)


def centred(values: FloatArray, stratum: Codes) -> FloatArray:
    """(n,) values less the mean of their stratum; NaN where a sample has none."""
    inside = (stratum >= 0) & ~np.isnan(values)
    code = stratum[inside].astype(np.int64)
    mean = np.bincount(code, values[inside]) / np.maximum(np.bincount(code), 1)
    found = np.full(len(values), np.nan)
    found[inside] = values[inside] - mean[code]
    return found


def coded(codes: Codes, n_categories: int, stratum: Codes | None = None) -> Coded:
    """Count (n,) category codes, -1 where missing, within (n,) strata; one by default."""
    stratum = np.zeros(len(codes), dtype=np.int64) if stratum is None else stratum
    strata = int(stratum.max(initial=-1)) + 1
    return Coded(stratum, codes, cells(stratum, codes, strata, n_categories))


def rank_biserial(
    field: Ranked, members: IntArray, *, level: float = 0.95, inflation: float = 1.0
) -> Effect | None:
    """Probability that a member's value is the higher, minus that it is the lower.

    Parameters
    ----------
    field : the ranked field; strata are weighted by m n / (m + n) (van Elteren).
    members : (m,) int64, distinct positions of the members.
    level : coverage of the interval, in (0, 1).
    inflation : by how much samples that belong together widen variances; see `Clusters`.

    Returns
    -------
    2 AUC - 1 (Kerby 2014), or None where no stratum holds a value both inside and outside.

    Source: interval from DeLong et al. 1988; its standard error is held above what one sample on
    the other side would change, so that a perfect split is no certainty. p-value from the normal
    approximation of Mann and Whitney with ties, strata combined as by van Elteren 1960. Members
    and others of one run count as ties.
    """
    strata = len(field.count)
    run_in = field.inside(members)
    run_out = field.run_size - run_in
    inside: FloatArray = np.bincount(field.run_stratum, run_in, strata).astype(np.float64)
    outside = field.count - inside
    used = (inside > 0) & (outside > 0)
    if not used.any():
        return None
    m, n = inside[used], outside[used]
    below = _below(run_out, outside, field.run_stratum)  # outsiders, ties half
    above = inside[field.run_stratum] - _below(run_in, inside, field.run_stratum)
    auc = np.bincount(field.run_stratum, run_in * below, strata)[used] / (m * n)
    spread = _variance(run_in, below, field.run_stratum, inside)[used] / (n**2 * m) + _variance(
        run_out, above, field.run_stratum, outside
    )[used] / (m**2 * n)
    spread = np.maximum(spread, 1 / (np.minimum(m, n) + 1) ** 2)
    all_n = m + n
    null = (all_n + 1 - field.ties[used] / np.maximum(all_n * (all_n - 1), 1)) / (12 * m * n)
    weight = m * n / all_n
    weight /= weight.sum()
    value = float(2 * (weight * auc).sum() - 1)
    half = 2 * z_of(level) * float(np.sqrt(inflation * (weight**2 * spread).sum()))
    return Effect(
        "rank-biserial", value, max(value - half, -1.0), min(value + half, 1.0),
        _two_sided(value / 2, inflation * float((weight**2 * null).sum())), int(all_n.sum()),
    )  # fmt: skip


def cramers_v(
    field: Coded, members: IntArray, *, level: float = 0.95, inflation: float = 1.0
) -> Effect | None:
    """How far a category tells members from the rest: Cramér's V of the k x 2 table.

    Strata are weighted by m n / (m + n). Returns None where no stratum holds both members and
    others in at least two categories. See `_ratio` for the sources.
    """
    strata, k = field.count.shape
    inside = cells(field.stratum[members], field.codes[members], strata, k)
    return counted_cramers_v(inside, field.count, level=level, inflation=inflation)


def counted_cramers_v(
    inside: FloatArray, count: FloatArray, *, level: float = 0.95, inflation: float = 1.0
) -> Effect | None:
    """Cramér's V from (s, k) members and (s, k) samples by stratum and category."""
    total = count.sum(axis=1, keepdims=True)
    share = inside.sum(axis=1, keepdims=True) / np.maximum(total, 1)
    outside = count - inside
    moments = [inside * (1 - share) ** p + outside * (-share) ** p for p in range(5)]
    weight = total[:, 0] * share[:, 0] * (1 - share[:, 0])
    return _ratio("cramers-v", np.stack(moments), weight, total[:, 0], level, inflation)


def correlation_ratio(
    field: Coded, target: FloatArray, *, level: float = 0.95, inflation: float = 1.0
) -> Effect | None:
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
    stratum, value = field.stratum[used].astype(np.int64), target[used]
    cell = stratum * k + field.codes[used]
    total = field.count.sum(axis=1)
    mean = np.bincount(stratum, value, strata) / np.maximum(total, 1)
    centred = value - mean[stratum]
    squared = centred * centred
    powers = (None, centred, squared, squared * centred, squared * squared)
    moments = [np.bincount(cell, power, strata * k).reshape(strata, k) for power in powers]
    return _ratio("correlation-ratio", np.stack(moments), total, total - 1, level, inflation)


def spearman(
    field: Ranked, target: Ranked, *, level: float = 0.95, inflation: float = 1.0
) -> Effect | None:
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
    spread = inflation * float((share**2 * (1 + rho**2 / 2) / freedom).sum())
    half = z_of(level) * float(np.sqrt(spread))
    return Effect(
        "spearman", float(np.tanh(z)), float(np.tanh(z - half)), float(np.tanh(z + half)),
        _two_sided(z, inflation * float(1 / freedom.sum())), int(n[usable].sum()),
    )  # fmt: skip


def _ratio(
    statistic: str,
    moments: FloatArray,
    weight: FloatArray,
    scale: FloatArray,
    level: float,
    inflation: float,
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
    spread_of = inflation * second.sum(axis=1) / n**2 + 2 * freedom * (inflation / n) ** 2
    unbiased = squared - inflation * freedom / n * (1 - squared)
    value = float((weight * unbiased).sum())
    half = z_of(level) * float(np.sqrt((weight**2 * spread_of).sum()))
    low, middle, high = np.sqrt(np.clip([value - half, value, value + half], 0, 1))
    from scipy.special import chdtrc

    p_value = float(chdtrc(freedom.sum(), (scale[used] * squared).sum() / inflation))
    return Effect(statistic, float(middle), float(low), float(high), p_value, int(n.sum()))


def _below(part: FloatArray, total: FloatArray, run_stratum: IntArray) -> FloatArray:
    """How many of a part (r,), of which strata hold `total` (s,), lie below each run; ties half."""
    before = np.cumsum(total) - total
    return np.cumsum(part) - part / 2 - before[run_stratum]


def _variance(
    part: FloatArray, value: FloatArray, run_stratum: IntArray, total: FloatArray
) -> FloatArray:
    """Sample variance (s,) of a value (r,) that as many as `part` have in each run."""
    strata, size = len(total), np.maximum(total, 1)
    mean = np.bincount(run_stratum, part * value, strata) / size
    squares = np.bincount(run_stratum, part * (value - mean[run_stratum]) ** 2, strata)
    return np.asarray(squares / np.maximum(total - 1, 1), dtype=np.float64)


def _ties(
    ordered: FloatArray, stratum: IntArray, count: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Of values sorted by stratum and value: how many are smaller, and how many alike (v,)."""
    new = np.ones(len(ordered), dtype=np.bool_)
    new[1:] = (ordered[1:] > ordered[:-1]) | (stratum[1:] > stratum[:-1])
    starts = np.flatnonzero(new)
    length = np.diff(np.append(starts, len(ordered)))
    first = starts - (np.cumsum(count) - count)[stratum[starts]]
    return np.repeat(first, length), np.repeat(length.astype(np.float64), length)


def _runs(first: FloatArray, stratum: IntArray, count: FloatArray) -> IntArray:
    """Where runs start: at each new value, or at each new of equally large bins of very many."""
    bins = max(MOST_RUNS // max(len(count), 1), FEWEST_RUNS)
    width = np.maximum(count / bins, 1.0)[stratum]
    place = np.floor(first / width)
    new = np.ones(len(first), dtype=np.bool_)
    new[1:] = (place[1:] > place[:-1]) | (stratum[1:] > stratum[:-1])
    return np.flatnonzero(new)


def like_members(field: Coded, members: IntArray) -> tuple[FloatArray, FloatArray]:
    """Count members and others by category, the others weighted to the strata of the members.

    Returns
    -------
    (k,) members, (k,) others; of strata that hold some of both.

    Source: direct standardization.
    """
    strata, k = field.count.shape
    inside = cells(field.stratum[members], field.codes[members], strata, k)
    outside = field.count - inside
    used = (inside.sum(axis=1) > 0) & (outside.sum(axis=1) > 0)
    inside, outside = inside[used], outside[used]
    weight = inside.sum(axis=1) / max(inside.sum(), 1) * outside.sum()
    others = (weight / outside.sum(axis=1))[:, None] * outside
    return inside.sum(axis=0), others.sum(axis=0)


def cells(stratum: Codes, codes: Codes, strata: int, k: int) -> FloatArray:
    """Count (s, k) samples by stratum and category; -1 in either takes no part."""
    used = (stratum >= 0) & (codes >= 0)
    counted = np.bincount(stratum[used].astype(np.int64) * k + codes[used], minlength=strata * k)
    return counted.reshape(strata, k).astype(np.float64)


def _two_sided(estimate: float, variance: float) -> float:
    from scipy.special import ndtr

    return float(2 * ndtr(-abs(estimate) / np.sqrt(variance))) if variance > 0 else 1.0
