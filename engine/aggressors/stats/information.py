"""What a field tells about membership in any form: also where members lie at both ends of it."""

from __future__ import annotations

import numpy as np

from aggressors.stats.association import Coded, Effect, IntArray, Ranked, cells, relative
from aggressors.stats.intervals import FloatArray, z_of

BINS = 8  # of a number; more see finer shapes, and less surely


def in_bins(field: Ranked, bins: int = BINS) -> Coded:
    """Cut a ranked field into bins of the same number of samples within each stratum."""
    known = field.run >= 0
    within = relative(field)
    codes = np.full(len(field.rank), -1, dtype=np.int8)
    codes[known] = np.minimum(within[known] * bins, bins - 1).astype(np.int8)
    strata = len(field.count)
    return Coded(field.stratum, codes, cells(field.stratum, codes, strata, bins))


def mutual_information(
    field: Coded, members: IntArray, *, level: float = 0.95, inflation: float = 1.0
) -> Effect | None:
    """Share of the uncertainty about membership that the field removes, as its square root.

    The members are compared with the rest as if that had the members' strata, so that a stratum
    does not pose as the field.

    Parameters
    ----------
    field : the counted field, such as `in_bins` makes of numbers.
    members : (m,) int64, distinct positions of the members.
    level : coverage of the interval, in (0, 1).
    inflation : by how much samples that belong together widen variances; see `Clusters`.

    Returns
    -------
    Square root of mutual information over the entropy of membership, in [0, 1]: 0 where the field
    says nothing, 1 where it decides. None where no stratum holds members and others in two bins.

    Source: Theil 1970 for the share; bias taken off as by Miller 1955; interval by the delta method
    (Roulston 1999) with the variance of chi-squared under no effect added, which it lacks. The
    p-value needs no permutation: general association of Landis, Heyman and Koch 1978, whose
    moments are exact within strata.
    """
    strata, k = field.count.shape
    inside = cells(field.stratum[members], field.codes[members], strata, k)
    outside = field.count - inside
    ours, theirs = inside.sum(axis=1), outside.sum(axis=1)
    used = (ours > 0) & (theirs > 0)
    filled = (field.count[used].sum(axis=0) > 0) if used.any() else np.zeros(k, dtype=np.bool_)
    if filled.sum() < 2:
        return None
    inside, outside = inside[used][:, filled], outside[used][:, filled]
    ours, theirs = ours[used], theirs[used]
    m, n = float(ours.sum()), float(theirs.sum())
    p = inside.sum(axis=0) / m
    r = ((ours / m)[:, None] * outside / theirs[:, None]).sum(axis=0)
    alike = 1 / float(((ours / m) ** 2 / theirs).sum())  # samples that the rest is worth
    share = m / (m + n)
    mixed = share * p + (1 - share) * r
    log_p, log_r = _log_ratio(p, mixed), _log_ratio(r, mixed)
    told = share * float(p @ log_p) + (1 - share) * float(r @ log_r)
    whole = -share * np.log(share) - (1 - share) * np.log(1 - share)
    freedom = float(filled.sum() - 1)
    unit = share * (1 - share) * (1 / m + 1 / alike)  # 1 over the samples, without strata
    unit *= inflation
    variance = (
        inflation * share**2 * _variance(p, log_p) / m
        + inflation * (1 - share) ** 2 * _variance(r, log_r) / alike
        + freedom * unit**2 / 2
    )
    centre, half = told - freedom * unit / 2, z_of(level) * float(np.sqrt(variance))
    bounds = np.clip(np.array([centre - half, centre, centre + half]) / whole, 0, 1)
    low, value, high = np.sqrt(bounds)
    return Effect(
        "mutual-information", float(value), float(low), float(high),
        _general_association(inside, outside, inflation), int(m + n),
    )  # fmt: skip


def _general_association(inside: FloatArray, outside: FloatArray, inflation: float) -> float:
    """p-value of the (s, k) counts of members against others, over all strata."""
    count = inside + outside
    total, ours = count.sum(axis=1), inside.sum(axis=1)
    theirs = total - ours
    usable = total > 1
    count, total, ours, theirs = count[usable], total[usable], ours[usable], theirs[usable]
    excess = inside[usable].sum(axis=0) - ((ours / total)[:, None] * count).sum(axis=0)
    scale = ours * theirs / (total**2 * (total - 1))
    spread = np.diag((scale * total) @ count) - (count * scale[:, None]).T @ count
    values, vectors = np.linalg.eigh(spread)
    solid = values > values.max(initial=0.0) * 1e-9
    if not solid.any():
        return 1.0
    turned = vectors[:, solid].T @ excess
    from scipy.special import chdtrc

    return float(chdtrc(int(solid.sum()), float((turned**2 / values[solid]).sum() / inflation)))


def _log_ratio(share: FloatArray, of: FloatArray) -> FloatArray:
    """Logarithm of (k,) ratios, 0 where the share is."""
    filled = share > 0
    return np.log(np.where(filled, share, 1) / np.where(filled, of, 1))


def _variance(share: FloatArray, value: FloatArray) -> float:
    return float(share @ value**2 - (share @ value) ** 2)
