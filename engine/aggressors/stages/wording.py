"""What lies behind an effect, as shares, quantiles and one sentence."""

from __future__ import annotations

import numpy as np

from aggressors.stages.frame import BoolArray, Field, FloatArray, IntArray
from aggressors.words import number, percent

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOP = 5
BINS = 10
MISSING_MATTERS = 0.1  # difference in the share without a value that is worth a sentence
Detail = dict[str, object]


def membership(
    field: Field, inside: IntArray, ours: str = "members", theirs: str = "the rest"
) -> Detail:
    """Detail of a field against membership.

    Parameters
    ----------
    field : over n samples.
    inside : (m,) positions of the members.
    ours, theirs : what the sentence calls the two sides.

    Returns
    -------
    For categories `top`, for numbers `inside` and `outside` (quantiles 5, 25, 50, 75, 95 %),
    `threshold`, `side`, `inside_share` and `outside_share`; always `sentence`,
    `missing_inside` and `missing_outside`.
    """
    member = np.zeros(_length(field), dtype=np.bool_)
    member[inside] = True
    known = ~np.isnan(field.numbers) if field.numbers is not None else _codes(field) >= 0
    missing_inside, missing_outside = _share(~known, member), _share(~known, ~member)
    detail: Detail = {"missing_inside": missing_inside, "missing_outside": missing_outside}
    sides = (member & known, ~member & known)
    if field.numbers is not None:
        detail |= _number_shares(field, field.numbers, *sides, ours, theirs)
    else:
        detail |= _category_shares(field, *sides, ours, theirs)
    if abs(missing_inside - missing_outside) > MISSING_MATTERS:
        detail["sentence"] = (
            f"{detail['sentence']}; missing for {_percent(missing_inside)} of {ours}, "
            f"{_percent(missing_outside)} of {theirs}"
        )
    return detail


def against_loss(field: Field, loss: FloatArray, what: str = "loss") -> Detail:
    """Detail of a field against loss: `top` categories or `bins` of equal size, and a sentence.

    Parameters
    ----------
    loss : (n,) the signal, which the sentence calls `what`.
    """
    if field.numbers is not None:
        return _number_losses(field, field.numbers, loss, what)
    return _category_losses(field, loss, what)


def _length(field: Field) -> int:
    return len(field.numbers) if field.numbers is not None else len(_codes(field))


def _codes(field: Field) -> IntArray:
    assert field.codes is not None
    return field.codes


def _share(what: BoolArray, of: BoolArray) -> float:
    return float(what[of].mean()) if of.any() else 0.0


def _percent(share: float) -> str:
    return percent(share) if share >= 0.01 or share == 0 else "under 1 %"


def _category_shares(
    field: Field, inside: BoolArray, outside: BoolArray, ours: str, theirs: str
) -> Detail:
    k = len(field.categories)
    codes = _codes(field)
    shares_in = np.bincount(codes[inside], minlength=k) / max(int(inside.sum()), 1)
    shares_out = np.bincount(codes[outside], minlength=k) / max(int(outside.sum()), 1)
    order = np.argsort(-(shares_in - shares_out), kind="stable")
    if shares_in[order[0]] <= shares_out[order[0]]:  # all alike: name the most frequent
        order = np.argsort(-shares_in, kind="stable")
    top = [
        {
            "value": field.categories[code],
            "inside": float(shares_in[code]),
            "outside": float(shares_out[code]),
        }
        for code in order[:TOP].tolist()
    ]
    first = order[0]
    sentence = (
        f"{field.name} = {field.categories[first]}: {_percent(shares_in[first])} of {ours}, "
        f"{_percent(shares_out[first])} of {theirs}"
    )
    return {"top": top, "sentence": sentence}


def _number_shares(
    field: Field, values: FloatArray, inside: BoolArray, outside: BoolArray, ours: str, theirs: str
) -> Detail:
    x, y = values[inside], values[outside]
    if len(x) == 0 or len(y) == 0:
        whom = ours if len(x) == 0 else theirs
        return {"inside": None, "outside": None, "sentence": f"{field.name} is unknown for {whom}"}
    threshold, side, share_in, share_out = best_split(x, y)
    sentence = (
        f"{field.name} {side} {number(threshold)}{_unit(field)}: "
        f"{_percent(share_in)} of {ours}, {_percent(share_out)} of {theirs}"
    )
    return {
        "inside": np.quantile(x, QUANTILES).tolist(),
        "outside": np.quantile(y, QUANTILES).tolist(),
        "threshold": threshold,
        "side": side,
        "inside_share": share_in,
        "outside_share": share_out,
        "sentence": sentence,
    }


def _unit(field: Field) -> str:
    return f" {field.unit}" if field.unit and field.unit not in ("1", "share") else ""


def best_split(x: FloatArray, y: FloatArray) -> tuple[float, str, float, float]:
    """Find the threshold that parts two samples best (Youden's J, the Kolmogorov-Smirnov place).

    Returns
    -------
    threshold, "below" or "above", share of `x` and share of `y` on that side.
    """
    x, y = np.sort(x), np.sort(y)
    cuts = np.unique(np.concatenate([x, y]))
    below_x = np.searchsorted(x, cuts, side="right") / len(x)
    below_y = np.searchsorted(y, cuts, side="right") / len(y)
    at = int(np.argmax(np.abs(below_x - below_y)))
    following = cuts[min(at + 1, len(cuts) - 1)]
    threshold = _round_between(float(cuts[at]), float(following))
    if below_x[at] >= below_y[at]:
        return threshold, "below", float(below_x[at]), float(below_y[at])
    return threshold, "above", float(1 - below_x[at]), float(1 - below_y[at])


def _round_between(low: float, high: float) -> float:
    """Shortest decimal in (low, high], so that a sentence and its filter hold the same samples."""
    middle = (low + high) / 2
    for digits in range(1, 18):
        short = float(f"{middle:.{digits}g}")
        if low < short <= high:
            return short
    return high


def _number_losses(field: Field, values: FloatArray, loss: FloatArray, what: str) -> Detail:
    known = np.flatnonzero(~np.isnan(values))
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS + 1)))
    bin_of = np.clip(np.searchsorted(edges, values[known], side="right") - 1, 0, len(edges) - 2)
    n = np.bincount(bin_of, minlength=len(edges) - 1)
    mean = np.bincount(bin_of, loss[known], len(edges) - 1) / np.maximum(n, 1)
    bins = [
        {"low": low, "high": high, "n": size, "mean_loss": value}
        for low, high, size, value in zip(
            edges[:-1].tolist(), edges[1:].tolist(), n.tolist(), mean.tolist(), strict=True
        )
        if size
    ]
    lowest, highest = bins[0], bins[-1]
    sentence = (
        f"mean {what} {number(lowest['mean_loss'])} at {field.name} up to "
        f"{number(lowest['high'])}{_unit(field)}, {number(highest['mean_loss'])} from "
        f"{number(highest['low'])}{_unit(field)}"
    )
    return {"bins": bins, "sentence": sentence}


def _category_losses(field: Field, loss: FloatArray, what: str) -> Detail:
    codes = _codes(field)
    known = codes >= 0
    k = len(field.categories)
    n = np.bincount(codes[known], minlength=k)
    total = np.bincount(codes[known], loss[known], k)
    mean = total / np.maximum(n, 1)
    rest = (total.sum() - total) / np.maximum(n.sum() - n, 1)
    # the excess loss that a category adds puts a frequent bad one before a rare terrible one
    order = np.argsort(-(n * (mean - rest)), kind="stable")
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
    first = order[0]
    sentence = (
        f"mean {what} {number(float(mean[first]))} at {field.name} = {field.categories[first]}, "
        f"{number(float(rest[first]))} elsewhere"
    )
    return {"top": top, "sentence": sentence}
