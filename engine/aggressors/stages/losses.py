"""What lies behind an association with loss: means by value, and one sentence."""

from __future__ import annotations

import numpy as np

from aggressors.contracts import Condition, Filter, Not
from aggressors.queries.grammar import both, format_filter
from aggressors.stages.frame import Field, FloatArray, IntArray
from aggressors.words import number, percent

TOP = 5
BINS = 10
Detail = dict[str, object]


def number_losses(field: Field, values: FloatArray, loss: FloatArray, what: str) -> Detail:
    """Detail of a number against loss: `bins` of about equal size, and a sentence.

    Parameters
    ----------
    values, loss : (n,) the samples with a value, sorted by it, and their signal.
    what : what the sentence calls the signal.
    """
    at = np.linspace(0, len(values) - 1, BINS + 1).round().astype(np.int64)
    edges = np.unique(values[at])
    starts = np.searchsorted(values, edges[:-1])
    n = np.diff(np.append(starts, len(values)))
    mean = np.add.reduceat(loss, starts) / n
    bins = [
        {"low": low, "high": high, "n": size, "mean_loss": value}
        for low, high, size, value in zip(
            edges[:-1].tolist(), edges[1:].tolist(), n.tolist(), mean.tolist(), strict=True
        )
    ]
    unit = field.unit_text
    sentence = (
        f"mean {what} {number(mean[0])} at {field.name} up to {number(edges[1])}{unit}, "
        f"{number(mean[-1])} from {number(edges[-2])}{unit}"
    )
    worst = int(np.argmax(mean))
    bounds: list[Filter] = []
    if worst > 0:
        bounds.append(Condition(field.name, ">=", (_short(edges[worst]),)))
    if worst < len(mean) - 1:
        bounds.append(Condition(field.name, "<", (_short(edges[worst + 1]),)))
    if len(bounds) == 2:
        middle = f"{number(edges[worst])} to {number(edges[worst + 1])}{unit}"
        sentence += f"; highest, {number(mean[worst])}, at {middle}"
    return {"bins": bins, "filter": format_filter(both(*bounds)), "sentence": sentence}


def category_losses(field: Field, codes: IntArray, loss: FloatArray, what: str) -> Detail:
    """Detail of a category against loss: the `top` categories by loss they add, and a sentence.

    Parameters
    ----------
    codes, loss : (n,) category (-1 without) and signal of each sample.
    what : what the sentence calls the signal.
    """
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
    worst = Condition(field.name, "=", (field.categories[first],))
    return {"top": top, "filter": format_filter(worst), "sentence": sentence}


def missing_losses(field: Field, missing: FloatArray, loss: FloatArray, what: str) -> Detail:
    """Detail of a field without value against loss: `missing` share, and a sentence.

    Parameters
    ----------
    missing, loss : (n,) 1 where there is no value, 0 where there is; and the signal.
    """
    without, other = (float(loss[missing == flag].mean()) for flag in (1, 0))
    share = percent(float(missing.mean()), 1)
    sentence = (
        f"mean {what} {number(without)} where {field.name} is missing ({share}), "
        f"{number(other)} elsewhere"
    )
    claim = Condition(field.name, "missing")
    where = claim if without >= other else Not(claim)
    return {
        "missing": float(missing.mean()),
        "filter": format_filter(where),
        "sentence": sentence,
    }


def _short(edge: float) -> float:
    """Bound of a claim, in digits that a person reads."""
    return float(f"{edge:.4g}")
