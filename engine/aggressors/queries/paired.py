"""Two runs side by side: what broke and what was fixed, among samples that a filter chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from aggressors.contracts import EVERYTHING, POPULATIONS, Filter
from aggressors.queries.cards import cards
from aggressors.queries.grammar import fields_of
from aggressors.queries.masks import mask
from aggressors.queries.names import resolve
from aggressors.queries.pairing import IntArray, Paired, Turn, paired
from aggressors.queries.samples import window
from aggressors.queries.stored import column
from aggressors.stats.intervals import BoolArray, Interval
from aggressors.stats.paired import paired_difference

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

Side = Literal["run", "other"]
Populations = str | tuple[str, ...] | None
_SOUGHT = {"aggressor", "concept"}  # groups that were found on one half, which says nothing of them


@dataclass(frozen=True, slots=True)
class Change:
    """What changed between two runs on `n` samples.

    `value` and `reference` are mean signals under the run and the other one, `difference` the
    first minus the second, `low` to `high` its 95 % interval; None below 2 samples. `worse`,
    `better` and `same` count samples by their signal; `broke` those right before and wrong now,
    `fixed` the reverse, `errors` and `other_errors` the shares of wrong predictions: None for
    regression. `judges_only` says that the samples were left out on which the group was found.
    """

    n: int
    value: float | None
    reference: float | None
    difference: float | None
    low: float | None
    high: float | None
    worse: int
    better: int
    same: int
    broke: int | None
    fixed: int | None
    errors: float | None
    other_errors: float | None
    judges_only: bool = False


def change(
    run: RunFile,
    other: RunFile,
    filter: Filter = EVERYTHING,
    *,
    of: Side = "run",
    population: Populations = None,
    signal: str | None = None,
) -> Change:
    """Tell how the samples that a filter lets through changed.

    Parameters
    ----------
    of : the run by which the filter is understood: its metadata, predictions and aggressors.
    population : one or several; default the one that `run` analyses.
    signal : default that of `run`.

    Raises
    ------
    FilterError : the filter cannot be answered; and what `paired` raises.
    """
    both = paired(run, other, signal)
    inside, judges_only = _inside(both, run, other, filter, of, population)
    return change_of(both, inside, judges_only=judges_only)


def change_of(both: Paired, inside: BoolArray, *, judges_only: bool = False) -> Change:
    """Tell how the chosen of (p,) samples changed; with `judges_only` those that judge alone."""
    inside = inside & both.judges if judges_only else inside
    n = int(np.count_nonzero(inside))
    value, reference = both.value[inside], both.reference[inside]
    found = paired_difference(value, reference) if n > 1 else None
    worse, better, broke, fixed = (
        int(np.count_nonzero(both.turned(turn) & inside))
        for turn in ("worse", "better", "broke", "fixed")
    )
    known = both.right is not None and both.was_right is not None
    return Change(
        n=n,
        value=float(value.mean()) if n else None,
        reference=float(reference.mean()) if n else None,
        **_bounds(found),
        worse=worse,
        better=better,
        same=n - worse - better,
        broke=broke if known else None,
        fixed=fixed if known else None,
        errors=_share_wrong(both.right, inside),
        other_errors=_share_wrong(both.was_right, inside),
        judges_only=judges_only,
    )


def turned(
    run: RunFile,
    other: RunFile,
    turn: Turn,
    filter: Filter = EVERYTHING,
    *,
    of: Side = "run",
    population: Populations = None,
    offset: int = 0,
    limit: int = 60,
    heatmaps: bool = False,
) -> pa.Table:
    """One page of the samples that broke, were fixed, got worse or better, most changed first.

    Parameters
    ----------
    turn : broke (right under `other`, wrong under `run`), fixed, worse or better.
    of, population : see `change`, whose counts these samples make up.

    Returns
    -------
    `cards` of `run`, with `change` and `reference` (signal) and `other_prediction`.

    Raises
    ------
    UsageError : a page out of range; FilterError and what `paired` raises.
    """
    window(offset, limit)
    both = paired(run, other)
    inside, judges_only = _inside(both, run, other, filter, of, population)
    inside &= both.turned(turn) & (both.judges if judges_only else True)
    places = np.flatnonzero(inside)
    far = np.abs(both.change[places])
    places = places[np.argsort(-far, kind="stable")][offset : offset + limit]
    predicted = column(other, resolve(other, "prediction")).take(pa.array(both.other_rows[places]))
    if other.classes:
        predicted = predicted.cast(pa.string())
    found = pa.table(
        {
            "row_id": both.rows[places],
            "change": both.change[places],
            "reference": both.reference[places],
            "other_prediction": predicted,
        }
    )
    return cards(run, found, heatmaps=heatmaps)


def confusion_change(
    run: RunFile,
    other: RunFile,
    filter: Filter = EVERYTHING,
    *,
    of: Side = "run",
    population: Populations = None,
) -> pa.Table:
    """Labels against predictions under both runs, on the same samples.

    Returns
    -------
    label, prediction, n and other_n (samples that `run` and `other` predict so), change (their
    difference), in the order of the classes; only pairs that one of them has. No rows for
    regression.
    """
    both = paired(run, other)
    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("label", "prediction")),
            *((name, pa.int64()) for name in ("n", "other_n", "change")),
        ]
    )
    if not run.classes or not other.classes:
        return schema.empty_table()
    inside, judges_only = _inside(both, run, other, filter, of, population)
    inside &= both.judges if judges_only else True
    names = list(dict.fromkeys([*run.classes, *other.classes]))
    label = _codes(run, "label", both.rows[inside], names)
    counts = []
    for side, rows in ((run, both.rows), (other, both.other_rows)):
        prediction = _codes(side, "prediction", rows[inside], names)
        known = (label >= 0) & (prediction >= 0)
        cell = label[known] * len(names) + prediction[known]
        counts.append(np.bincount(cell, minlength=len(names) ** 2))
    cells = np.flatnonzero(counts[0] + counts[1])
    ours, theirs = (one[cells].astype(np.int64) for one in counts)
    return pa.table(
        [
            pa.array([names[cell] for cell in cells // len(names)], pa.string()),
            pa.array([names[cell] for cell in cells % len(names)], pa.string()),
            pa.array(ours),
            pa.array(theirs),
            pa.array(ours - theirs),
        ],
        schema=schema,
    )


# --- Inside ---


def _inside(
    both: Paired, run: RunFile, other: RunFile, filter: Filter, of: Side, population: Populations
) -> tuple[BoolArray, bool]:
    """(p,) samples that a filter lets through, and whether it names a group that was sought."""
    names = (population,) if isinstance(population, str) else population or ()
    inside = np.isin(both.population, [POPULATIONS.index(one) for one in names] or both.analysed)
    side, rows = (run, both.rows) if of == "run" else (other, both.other_rows)
    through = mask(side, filter)
    if through is not None:
        inside = inside & through[rows]
    return np.asarray(inside), bool(fields_of(filter) & _SOUGHT)


def _bounds(found: Interval | None) -> dict[str, float | None]:
    if found is None:
        return {"difference": None, "low": None, "high": None}
    return {"difference": found.value, "low": found.low, "high": found.high}


def _share_wrong(right: BoolArray | None, inside: BoolArray) -> float | None:
    return None if right is None or not inside.any() else float(1 - right[inside].mean())


def _codes(run: RunFile, field: str, rows: IntArray, names: list[str]) -> IntArray:
    """(n,) place of each value in `names`, -1 where there is none."""
    values = column(run, resolve(run, field))
    place = np.array([*(names.index(str(one)) for one in values.dictionary.to_pylist()), -1])
    codes = values.indices.fill_null(len(place) - 1).to_numpy()
    return np.asarray(place[codes[rows]], dtype=np.int64)
