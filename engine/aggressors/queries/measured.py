"""How groups of samples in scope do: the signal and the failures of each, counted in one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from aggressors.contracts import CONFIDENCE_GAP, Filter, Signal
from aggressors.queries.filters import Predicate, compile_filters
from aggressors.queries.names import FieldRef
from aggressors.queries.parts import Part
from aggressors.queries.scope import POSITIONAL, Scope, fetch_rows, scope
from aggressors.queries.signals import signal_sql
from aggressors.queries.sql import Params
from aggressors.stats.cells import Cells

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

Failing = Literal["wrong", "failing"]

# v is the signal, moved to near 0, where it is known; f is 1 where the sample fails.
_SUMS = """count(*) AS n, count(v) AS known,
    coalesce(sum(w) FILTER (v IS NOT NULL), 0), coalesce(sum(w * v), 0),
    coalesce(sum(w * w) FILTER (v IS NOT NULL), 0), coalesce(sum(w * w * v), 0),
    coalesce(sum(w * w * v * v), 0),
    coalesce(sum(w) FILTER (f IS NOT NULL), 0), coalesce(sum(w * f), 0)"""
_VALUED = """(SELECT *, CASE WHEN isfinite(signal) THEN signal - $centre END AS v, {fails} AS f FROM
    (SELECT {code} AS code, s.weight::DOUBLE AS w, {signal} AS signal, s.label, s.prediction
        FROM {source} WHERE {where}))"""
_GROUPED = "SELECT code, {sums} FROM {valued} GROUP BY code ORDER BY code"
_BAR = """SELECT quantile_cont(signal, $quantile), max(signal) FROM
    (SELECT {signal} AS signal FROM samples s WHERE s.fold IS NOT NULL) WHERE isfinite(signal)"""
_WRONG = "(label <> prediction)::DOUBLE"
_FAILING = "CASE WHEN isfinite(signal) THEN (signal {beyond} $bar)::DOUBLE END"
_COUNT = "SELECT count(*) FROM {source} WHERE {where}"


@dataclass(frozen=True, slots=True)
class Figures:
    """How the samples of a cell do; means, rates and shares are weighted.

    Parameters
    ----------
    n, n_known : samples, and those whose signal is known.
    mean, low, high : mean signal with its interval; None where unknown, no bounds below 2 samples.
    error_rate : share that fails; None where none can be judged.
    error_share : share of all that fail in scope; None where none does.
    """

    n: int
    n_known: int
    mean: float | None
    low: float | None
    high: float | None
    error_rate: float | None
    error_share: float | None


@dataclass(frozen=True, slots=True)
class Axis:
    """How samples are divided along one field.

    Parameters
    ----------
    size : cells along it.
    parts : the filter of each, if samples are told apart by filters; else
    ref, names : an ENUM, whose values are told apart by their place; the last cell has no value.
    """

    size: int
    parts: tuple[Part, ...] = ()
    ref: FieldRef | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """How samples in scope are measured: the signal above `centre`, and which of them fail."""

    run: RunFile
    filter: Filter
    centre: float
    failing: Failing
    fails: str
    params: Params

    @classmethod
    def over(cls, run: RunFile, filter: Filter, centre: float) -> Measured:
        """Find out what fails in this run.

        A prediction that is wrong, where the signal is loss, error or confidence gap; else a signal
        above the run's `core_quantile` of the analysed population, as of the members of aggressors.
        """
        wrong = run.classes and (
            Signal.parse(run.info.settings.signal).name in ("loss", "error", CONFIDENCE_GAP)
        )
        params: Params = {"centre": centre}
        if wrong:
            return cls(run, filter, centre, "wrong", _WRONG, params)
        quantile = run.info.settings.core_quantile
        bar, most = fetch_rows(run, _BAR, None, {"quantile": quantile}, signal=signal_sql(run))[0]
        if bar is None:
            return cls(run, filter, centre, "failing", "NULL::DOUBLE", params)
        # where nothing is beyond, since many share the highest signal, these fail
        fails = _FAILING.replace("{beyond}", ">" if most > bar else ">=")
        return cls(run, filter, centre, "failing", fails, params | {"bar": bar})

    def by(self, axes: Sequence[Axis]) -> Cells:
        """Sum over the cells of all axes together, the last one fastest."""
        claims = [part.claim for axis in axes for part in axis.parts]
        whole, *found = compile_filters([self.filter, *claims], self.run)
        code, start = "0", 0
        for axis in axes:
            stop = start + len(axis.parts)
            code = f"({code}) * {axis.size} + {_place_on(axis, found[start:stop])}"
            start = stop
        joined = any(axis.ref is not None and axis.ref.needs_metadata for axis in axes)
        rows = self.rows(whole, found, code=f"({code})::INTEGER", joined=joined)
        sums = np.zeros((int(np.prod([axis.size for axis in axes])), 9))
        for place, *values_ in rows:
            sums[int(place)] = values_
        return self.cells(sums)

    def rows(
        self,
        whole: Predicate,
        others: Sequence[Predicate],
        *,
        code: str,
        joined: bool = False,
    ) -> list[tuple[float, ...]]:
        """Ask for sums over the samples in scope, by code: (code, sums).

        Parameters
        ----------
        whole, others : the filter of the scope, and what `code` is made of, compiled together.
        joined : whether `code` reads metadata beside them.
        """
        joined |= whole.needs_metadata or any(other.needs_metadata for other in others)
        within = Scope(POSITIONAL if joined else "samples s", whole.sql, whole.params)
        text = _GROUPED.replace("{sums}", _SUMS).replace("{valued}", _VALUED)
        parts = {"signal": signal_sql(self.run), "fails": self.fails, "code": code}
        return fetch_rows(self.run, text, within, self.params, **parts)

    def cells(self, sums: np.ndarray) -> Cells:
        """Cells from (k, 9) sums in the order of `_SUMS`."""
        counts = sums[:, :2].astype(np.int64)
        return Cells(
            counts[:, 0], counts[:, 1], sums[:, 2:7], sums[:, 7], sums[:, 8], self.centre
        )  # fmt: skip


def _place_on(axis: Axis, predicates: Sequence[Predicate]) -> str:
    """Place of a sample on an axis, in SQL: of its value, or of the first filter that holds."""
    if axis.ref is not None:
        return f"coalesce(enum_code({axis.ref.sql})::INTEGER, {len(axis.names)})"
    # The parts cover every sample, so that the last needs no test.
    tests = [f"WHEN {one.sql} THEN {place}" for place, one in enumerate(predicates[:-1])]
    return f"CASE {' '.join(tests)} ELSE {axis.size - 1} END" if tests else "0"


def one_in(run: RunFile, filter: Filter, most: int, more: str = "TRUE") -> str:
    """Condition over `s` that leaves about `most` of the samples in scope, the same each time.

    Parameters
    ----------
    more : a further condition over `s`, made by this package.
    """
    sql = f"{_COUNT} AND {{more}}"
    ((n,),) = fetch_rows(run, sql, scope(run, filter), more=more)
    step = -(-n // most) if n else 1
    return more if step == 1 else f"({more}) AND hash(s.row_id) % {step} = 0"


def centre_of(signal: np.ndarray) -> float:
    """Mean of the finite signals of a sample; 0 of none."""
    known = signal[np.isfinite(signal)]
    return float(known.mean()) if len(known) else 0.0


def figures_of(cells: Cells, all_cells: Cells, level: float) -> list[Figures]:
    """Figures of each cell; shares are of what fails in `all_cells`, which part the scope."""
    return figures_in(cells, float(all_cells.failed.sum()), level)


def figures_in(cells: Cells, failed: float, level: float) -> list[Figures]:
    """Figures of each cell; shares are of `failed`, the summed weight of what fails in scope."""
    columns = [*cells.means(level), cells.rates(), cells.shares(failed)]
    known = [[None if np.isnan(value) else float(value) for value in column] for column in columns]
    return [
        Figures(int(n), int(there), *values_)
        for n, there, *values_ in zip(cells.n, cells.known, *known, strict=True)
    ]


def whole_of(cells: Cells, level: float) -> Figures:
    """Figures of all cells together."""
    joined = cells.joined(np.zeros(len(cells), dtype=np.int64), 1)
    return figures_of(joined, joined, level)[0]
