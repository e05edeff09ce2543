"""What the groups that are reported already account for, and what they leave open."""

from __future__ import annotations

import numpy as np

from aggressors.slicing.points import BoolArray, FloatArray, IntArray

ABSORBED = 0.5  # share of a reported group's excess that counts as told
NEWS = 2.0  # standard errors by which a group must exceed what is told of its members
NEWS_IN_PART = 1.0  # and each of its labels, where it has several
FEWEST = 2  # samples inside and outside that a stratum needs for a comparison
COMPARED = 0.5  # share of a group that must have something to be compared with


def label_usual(signal: FloatArray, label: IntArray) -> FloatArray:
    """(n,) mean signal of each sample's label: a hard class is no news."""
    _, code = np.unique(label, return_inverse=True)
    return np.asarray((np.bincount(code, signal) / np.bincount(code))[code])


class Told:
    """How much of the signal the reported groups account for.

    Half of a group's excess is absorbed, so that a sharp group inside a diffuse one stays visible.

    Parameters
    ----------
    signal : (n,) finite.
    usual : (n,) what is expected of each sample before anything is told, such as its label's mean;
        default the mean of all.
    """

    def __init__(self, signal: FloatArray, usual: FloatArray | None = None) -> None:
        self.signal = signal
        self.usual = np.full(len(signal), signal.mean()) if usual is None else usual
        self.fit = self.usual.copy()
        self.first = np.zeros(len(signal), dtype=np.int64)  # 0: in no reported group
        self.groups = 0

    @property
    def residual(self) -> FloatArray:
        """(n,) what is left to tell."""
        return np.asarray(self.signal - self.fit)

    def add(self, member: BoolArray) -> None:
        """Move the fit inside a group up towards its mean, outside all to the excess there."""
        if not member.any():
            return
        rise = self.signal[member].mean() - self.fit[member]
        self.fit[member] += ABSORBED * np.maximum(rise, 0.0)
        self.groups += 1
        self.first[member & (self.first == 0)] = self.groups
        uncovered = self.first == 0
        if uncovered.any():
            excess = (self.signal - self.usual)[uncovered].mean()
            self.fit[uncovered] = self.usual[uncovered] + excess

    def leaves_open(
        self, member: BoolArray, strata: IntArray | None = None, news: float = NEWS
    ) -> bool:
        """Whether a group is surely worse than others of the same reported groups.

        Its members are compared within the reported group they lie in, or with what lies in none.
        So a part that is as bad as its whole is no news, nor is a whole that is bad in a part
        alone. With `strata`, (n,) codes such as labels, they are compared within these as well,
        unless most of the group stands alone there, as a whole label does. `news` is the standard
        errors by which it must be worse.
        """
        if strata is not None:
            gap, error, compared = self._gap(member, self.first * (strata.max() + 2) + strata + 1)
            if compared >= COMPARED * member.sum():
                return gap > news * error
        gap, error, compared = self._gap(member, self.first)
        return compared > 0 and gap > news * error

    def _gap(self, member: BoolArray, stratum: IntArray) -> tuple[float, float, float]:
        """Sum the gap within strata; also its standard error, and the members compared."""
        k = int(stratum.max()) + 1
        inside, rest = (_Moments(stratum[rows], self.signal[rows], k) for rows in (member, ~member))
        usable = (inside.n >= FEWEST) & (rest.n >= FEWEST)
        n = inside.n[usable]
        gap = n * (inside.mean - rest.mean)[usable]
        variance = (
            n**2 * (inside.variance / inside.n.clip(1) + rest.variance / rest.n.clip(1))[usable]
        )
        return float(gap.sum()), float(variance.sum()) ** 0.5, float(n.sum())


class _Moments:
    """Size, mean and variance of a value in each of k strata."""

    def __init__(self, stratum: IntArray, value: FloatArray, k: int) -> None:
        self.n = np.bincount(stratum, minlength=k)
        self.mean = np.bincount(stratum, value, minlength=k) / self.n.clip(1)
        square = np.bincount(stratum, (value - self.mean[stratum]) ** 2, minlength=k)
        self.variance = square / (self.n - 1).clip(1)
