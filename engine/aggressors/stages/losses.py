"""What lies behind an association with loss: means by value, and one sentence.

The means are those of the samples as they are. Where labels turn a relation round, the labels are
evened out before, and the sentence says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aggressors.contracts import Condition, Filter, Not
from aggressors.queries.grammar import both, format_filter
from aggressors.stages.frame import Field, FloatArray, IntArray
from aggressors.stages.wording import amount, categories, exact, single
from aggressors.stats.association import Codes
from aggressors.stats.splits import short_numbers
from aggressors.words import number, percent

TOP = 5
BINS = 10
Detail = dict[str, object]


@dataclass(frozen=True)
class Signal:
    """The (n,) signal that means are taken of, in its own unit; `even` where labels are evened out.

    `name` is what sentences call it.
    """

    name: str
    values: FloatArray
    even: bool = False

    def evened(self, label: Codes) -> Signal:
        """Move each label's mean to that of all, so that labels no longer differ."""
        labelled = label >= 0
        total = np.bincount(label[labelled], self.values[labelled])
        mean = total / np.maximum(np.bincount(label[labelled]), 1)
        values = self.values.copy()
        values[labelled] += values.mean() - mean[label[labelled]]
        return Signal(self.name, values, even=True)

    def at(self, rows: IntArray) -> Signal:
        """Choose samples."""
        return Signal(self.name, self.values[rows], self.even)

    @property
    def subject(self) -> str:
        """What a sentence begins with."""
        return f"labels evened out, mean {self.name}" if self.even else f"mean {self.name}"


def number_losses(field: Field, values: FloatArray, signal: Signal) -> Detail:
    """Detail of a number against loss: `bins` of about equal size, and a sentence.

    Parameters
    ----------
    values : (n,) at least two of them different, sorted.
    signal : of the same samples.
    """
    starts, bounds = _bins(values)
    ends = np.append(starts[1:], len(values))
    n = ends - starts
    mean = np.add.reduceat(signal.values, starts) / n
    edges = [*bounds, float(values[-1])]
    bins = [
        {"low": low, "high": high, "n": size, "mean_loss": value}
        for low, high, size, value in zip(
            edges[:-1], edges[1:], n.tolist(), mean.tolist(), strict=True
        )
    ]
    places = [
        _place(field, at, bounds, values[[first, last - 1]].tolist())
        for at, (first, last) in enumerate(zip(starts, ends, strict=True))
    ]
    worst, top = int(np.argmax(mean)), len(bounds) - 1
    sentence = f"{signal.subject} {number(mean[0])} at {field.name} {places[0]}"
    sentence += f", {number(mean[-1])} {places[-1]}"
    if 0 < worst < top:
        sentence += f"; highest, {number(mean[worst])}, {places[worst]}"
    limits: list[Filter] = []
    if worst > 0:
        limits.append(Condition(field.name, ">=", (bounds[worst],)))
    if worst < top:
        limits.append(Condition(field.name, "<", (bounds[worst + 1],)))
    return {"bins": bins, "filter": format_filter(both(*limits)), "sentence": sentence}


def category_losses(field: Field, codes: IntArray, signal: Signal) -> Detail:
    """Detail of a category against loss: the `top` categories by loss they add, and a sentence.

    Parameters
    ----------
    codes : (n,) category, -1 without; samples of at least two categories.
    signal : of the same samples.
    """
    order, n, mean, rest = _worst(len(field.categories), codes, signal)
    top = [
        {
            "value": field.categories[code],
            "n": int(n[code]),
            "mean_loss": float(mean[code]),
            "rest_loss": float(rest[code]),
        }
        for code in order[:TOP].tolist()
        if n[code]
    ]
    first = int(order[0])
    worst = field.categories[first]
    sentence = (
        f"{signal.subject} {number(float(mean[first]))} at {field.name} = {categories([worst])}, "
        f"{number(float(rest[first]))} elsewhere"
    )
    return {
        "top": top,
        "filter": format_filter(Condition(field.name, "=", (worst,))),
        "sentence": sentence,
    }


def no_longer_worse(field: Field, codes: IntArray, plain: Signal, even: Signal) -> bool:
    """Whether the worst category owes that to its labels."""
    k = len(field.categories)
    worst = _worst(k, codes, plain)[0][0]
    _, _, mean, rest = _worst(k, codes, even)
    return bool(mean[worst] <= rest[worst])


def _worst(
    k: int, codes: IntArray, signal: Signal
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Order k categories by the loss they add; with (k,) sizes, means, and means elsewhere."""
    known = codes >= 0
    n = np.bincount(codes[known], minlength=k)
    total = np.bincount(codes[known], signal.values[known], k)
    mean = total / np.maximum(n, 1)
    rest = (total.sum() - total) / np.maximum(n.sum() - n, 1)
    # the excess loss that a category adds puts a frequent bad one before a rare terrible one
    return np.argsort(-(n * (mean - rest)), kind="stable"), n, mean, rest


def missing_losses(field: Field, missing: FloatArray, signal: Signal) -> Detail:
    """Detail of a field without value against loss: `missing` share, and a sentence.

    Parameters
    ----------
    missing : (n,) 1 where there is no value, 0 where there is; some of both.
    signal : of the same samples.
    """
    without, other = (float(signal.values[missing == flag].mean()) for flag in (1, 0))
    share = percent(float(missing.mean()), 1)
    sentence = (
        f"{signal.subject} {number(without)} where {field.name} is missing ({share}), "
        f"{number(other)} elsewhere"
    )
    claim = Condition(field.name, "missing")
    where = claim if without >= other else Not(claim)
    return {
        "missing": float(missing.mean()),
        "filter": format_filter(where),
        "sentence": sentence,
    }


def _starts(values: FloatArray) -> IntArray:
    """Where bins of sorted values start: a tenth of them each, or what equal values make of it.

    None parts equal values, and none but the last of two has less than half a tenth of the samples.
    """
    n = len(values)
    starts, least = [0], n / BINS / 2
    while (wanted := starts[-1] + -(-n // BINS)) < n:
        start = int(np.searchsorted(values, values[wanted]))
        if start - starts[-1] < max(least, 1):
            start = int(np.searchsorted(values, values[wanted], side="right"))
        if start >= n:
            break
        starts.append(start)
    if len(starts) == 1:  # all but a few samples have the lowest value
        starts.append(int(np.searchsorted(values, values[0], side="right")))
    if len(starts) > 2 and n - starts[-1] < least:
        starts.pop()
    return np.array(starts, dtype=np.int64)


def _bins(values: FloatArray) -> tuple[IntArray, list[float]]:
    """Where bins of sorted values start, and the bounds there, in few digits.

    A bin holds what lies from its bound on, so that sentence and filter hold the same.
    """
    starts, bounds = [0], [float(values[0])]
    wanted = [*_starts(values).tolist(), len(values)]
    for at, following in pairwise(wanted[1:]):
        start, bound = _short(values, at, starts[-1], following)
        starts.append(start)
        bounds.append(bound)
    return np.array(starts, dtype=np.int64), bounds


def _short(values: FloatArray, at: int, after: int, before: int) -> tuple[int, float]:
    """Move a start by up to a fourth of a bin, to where a short number parts the values.

    It stays between the starts of the bins beside it.
    """
    low, high = float(values[at - 1]), float(values[at])
    for short in short_numbers(low, high):
        start = int(np.searchsorted(values, short))
        if after < start < before and abs(start - at) * 4 * BINS <= len(values):
            return start, short
    return at, high


def _place(field: Field, at: int, bounds: list[float], span: list[float]) -> str:
    """Say which values a bin holds, of which `span` are the lowest and the highest."""
    if span[0] == span[1]:
        return f"{'=' if at == 0 else 'at'} {single(field, span[0])}"
    if at == 0:
        return f"below {amount(field, bounds[1])}"
    if at == len(bounds) - 1:
        return f"from {amount(field, bounds[-1])} on"
    return f"from {exact(bounds[at])} to {amount(field, bounds[at + 1])}"
