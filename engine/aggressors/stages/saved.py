"""What the loss of the members becomes with the labels suggested, and without those listed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aggressors.contracts import CONFIDENCE_GAP
from aggressors.stages.frame import BoolArray, FloatArray, Frame, IntArray
from aggressors.stages.suspects import Suspect
from aggressors.stats.bounds import difference_bounds
from aggressors.stats.evidence import confidence_gap
from aggressors.stats.intervals import Interval, mean_interval

CLIPPED = 1e-7  # probabilities, as for the loss of a table
SAME = 0.01  # nats by which a loss may differ from the cross-entropy and still be it


def by_relabeling(frame: Frame, member: BoolArray, listed: Sequence[Suspect]) -> Interval | None:
    """Share of all signal that the suggested labels take away, among analysed members.

    None where no analysed member is suspected, or the signal of another label cannot be worked out
    from the probabilities: a loss of the user's own, or a metric.
    """
    inside = _inside(frame, member)
    suggested = _suggested(frame, listed)
    asked = inside & (suggested >= 0)
    after = _signal_of(frame, np.where(asked, suggested, frame.label))
    if after is None or not asked.any() or inside.sum() < 2:
        return None
    saved = np.where(asked, frame.signal - after, 0.0)[inside]
    return _of_all(frame, mean_interval(saved), int(inside.sum()))


def by_removing(frame: Frame, member: BoolArray, listed: Sequence[Suspect]) -> Interval | None:
    """Share of all signal that goes if analysed members become like those that are not listed."""
    inside = _inside(frame, member)
    ids = {one.sample_id for one in listed}
    taken = inside & np.isin(frame.sample_id.astype(str), list(ids))
    kept = inside & ~taken
    bounds = difference_bounds(frame.signal[taken], frame.signal[kept])
    if bounds is None:
        return None
    more = float(frame.signal[taken].mean() - frame.signal[kept].mean())
    part = float(taken.sum() / inside.sum())
    found = Interval(part * more, part * bounds[0], part * bounds[1])
    return _of_all(frame, found, int(inside.sum()))


def _inside(frame: Frame, member: BoolArray) -> BoolArray:
    return np.asarray(member & frame.analysed & np.isfinite(frame.signal))


def _suggested(frame: Frame, listed: Sequence[Suspect]) -> IntArray:
    """(n,) codes of the labels suggested, -1 where there is none."""
    codes = {name: code for code, name in enumerate(frame.classes)}
    by_id = {one.sample_id: codes[one.suggested] for one in listed if one.suggested in codes}
    out = np.full(len(frame), -1, dtype=np.int64)
    for row in np.flatnonzero(np.isin(frame.sample_id.astype(str), list(by_id))):
        out[row] = by_id[str(frame.sample_id[row])]
    return out


def _signal_of(frame: Frame, label: IntArray) -> FloatArray | None:
    """(n,) the signal with other labels; None where that cannot be known."""
    signal, p = frame.settings.signal, frame.probabilities
    if signal == "error":
        return np.asarray(label != frame.prediction, dtype=np.float64)
    if p is None or signal not in ("loss", CONFIDENCE_GAP):
        return None
    if signal == CONFIDENCE_GAP:
        return np.asarray(confidence_gap(p, label))
    known = frame.analysed & (frame.label >= 0) & np.isfinite(frame.loss)
    if np.median(np.abs(_cross_entropy(p, frame.label) - frame.loss)[known]) > SAME:
        return None
    return _cross_entropy(p, label)


def _cross_entropy(p: np.ndarray, label: IntArray) -> FloatArray:
    own = p[np.arange(len(p)), np.maximum(label, 0)].astype(np.float64)
    return np.asarray(-np.log(np.clip(own, CLIPPED, 1)))


def _of_all(frame: Frame, mean: Interval, n: int) -> Interval | None:
    known = frame.analysed & np.isfinite(frame.signal)
    whole = float(frame.signal[known].sum())
    if whole <= 0:
        return None
    low, high = sorted((mean.low * n / whole, mean.high * n / whole))
    return Interval(mean.value * n / whole, low, high)
