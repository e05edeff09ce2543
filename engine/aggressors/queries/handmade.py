"""A selection that a person made, measured as an aggressor is; never counted as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aggressors.contracts import EVERYTHING, Condition, Filter, Group
from aggressors.errors import FilterError
from aggressors.queries.columns import joined, numbers
from aggressors.queries.filters import compile_filter
from aggressors.queries.grammar import NOTHING, canonical, chips, fields_of, parse
from aggressors.queries.scope import POSITIONAL, Scope, fetch
from aggressors.queries.signals import signal_sql
from aggressors.stats.severity import failing, floor_of, impact, loss_gaps

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

# What says how the model did; a group by it is bad by definition.
_OUTCOMES = ("loss", "loss_quantile", "correct", "confidence")
# What only one run can answer, so that it selects nothing of another.
_LOCAL = frozenset({"aggressor", "concept", "row_id", "map", "map_x", "map_y"})
_SAMPLES = """SELECT {signal} AS signal, s.weight AS weight, s.group_id AS group_id,
    s.fold = 'confirm' AS judges, ({member}) IS TRUE AS member
    FROM {source} WHERE s.fold IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class Measure:
    """A selection in the analysed population, with the figures of an aggressor.

    Parameters
    ----------
    n, n_known, n_core : members, those with a value of the signal, and those that fail.
    n_confirm : members of the confirm half with a value, which judge.
    inside, rest : mean signal of these, and of the others of that half.
    gap, low, high : inside minus rest with its interval.
    severity : the lower bound of the gap.
    impact : share of all signal that would vanish if the members became like the rest.

    Means are None where a side has fewer than 2 samples that judge.
    """

    n: int
    n_known: int
    n_core: int
    n_confirm: int
    inside: float | None
    rest: float | None
    gap: float | None
    low: float | None
    high: float | None
    severity: float | None
    impact: float | None

    @property
    def surely_worse(self) -> bool:
        """Whether all of the interval lies above 0."""
        return self.low is not None and self.low > 0


def selection(filter: Filter) -> Filter:
    """Return what a filter selects by, without the populations, which are no part of a group.

    Raises
    ------
    FilterError : it selects by how the model did, by the half, or by nothing.
    """
    parts = [
        part
        for part in chips(filter)
        if not (isinstance(part, Condition) and part.field == "population")
    ]
    found = canonical(Group("and", tuple(parts)))
    names = fields_of(found)
    if wrong := [name for name in _OUTCOMES if name in names]:
        raise FilterError(
            f"A group by {wrong[0]!r} is bad by definition, for it says how the model did. Select "
            "by something of the samples: metadata, the label or a region of the map."
        )
    if {"label", "prediction"} <= names:
        raise FilterError(
            "A group by label and prediction together is its own confusion. Select by one of them."
        )
    if "fold" in names:
        raise FilterError("A group lies in both halves, for one of them judges it. Leave out fold.")
    if found in (EVERYTHING, NOTHING):
        raise FilterError("There is no selection yet. Set a filter, then keep it.")
    return found


def is_local(filter: Filter) -> bool:
    """Whether only the run on which a selection was made can answer it, as a region of its map."""
    return bool(fields_of(filter) & _LOCAL)


def answered(run: RunFile, text: str, run_id: str) -> Measure | None:
    """Measure a kept selection; None where this run cannot answer it.

    Parameters
    ----------
    text : of its filter.
    run_id : the run on which it was kept.
    """
    try:
        filter = parse(text)
        home = run_id in (run.info.run_id, run.info.model_run)
        return None if is_local(filter) and not home else measured(run, filter)
    except FilterError:  # fields or categories that this run does not have
        return None


def measured(run: RunFile, filter: Filter) -> Measure:
    """Measure a selection: its gap on the confirm half, its size and failures on both.

    Raises
    ------
    FilterError : an unknown field or category.
    """
    predicate = compile_filter(filter, run)
    source = POSITIONAL if predicate.needs_metadata else "samples s"
    found = fetch(
        run,
        _SAMPLES,
        Scope(source, "TRUE", predicate.params),
        signal=signal_sql(run),
        member=predicate.sql,
    )
    signal, weight = numbers(found["signal"]), numbers(found["weight"])
    judges, member = (
        np.asarray(found[name].to_numpy(zero_copy_only=False), dtype=np.bool_)
        for name in ("judges", "member")
    )
    known = np.isfinite(signal)
    half = known & judges
    group = joined(found["group_id"])
    gap = loss_gaps(
        signal[half],
        member[half][None],
        weight=weight[half],
        group=None if group is None else group[half],
        level=run.info.settings.level,
    )[0]
    sure = bool(np.isfinite(gap.value))
    above = signal[known] - floor_of(signal[known])
    rest = signal[known & ~member]
    quantile = run.info.settings.core_quantile
    fails = failing(signal[known], rest, quantile) if len(rest) else np.zeros(known.sum(), bool)
    counted = float(weight[member & known].sum())
    return Measure(
        n=int(member.sum()),
        n_known=int((member & known).sum()),
        n_core=int((fails & member[known]).sum()),
        n_confirm=int((member & half).sum()),
        inside=gap.inside if sure else None,
        rest=gap.rest if sure else None,
        gap=gap.value if sure else None,
        low=gap.low if sure else None,
        high=gap.high if sure else None,
        severity=gap.low if sure else None,
        impact=impact(counted, gap.value, float(above @ weight[known])) if sure else None,
    )
