"""The same samples under two runs, joined by the hash of their id.

They are compared where both runs hold them out, with the same label. `run` is the new one and
`other` the one it is compared with, mostly the accepted one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import POPULATIONS, Signal
from aggressors.errors import InputError, UsageError
from aggressors.queries.judged import HELD_OUT
from aggressors.queries.scope import fetch
from aggressors.queries.signals import signal_sql
from aggressors.queries.stored import numbers
from aggressors.stats.intervals import BoolArray, FloatArray
from aggressors.store.held import held
from aggressors.words import spoken

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

IntArray = NDArray[np.int64]
Turn = Literal["broke", "fixed", "worse", "better"]
TURNS: tuple[Turn, ...] = ("broke", "fixed", "worse", "better")
_EQUAL = 1e-6  # relative to its size, below which a signal counts as the same


@dataclass(frozen=True, slots=True)
class Apart:
    """Samples that are not compared, in numbers.

    `only_run` and `only_other` are held out, labeled and analysed in one run and not in the other;
    `in_training` of the first are in the training population of the other run; `relabeled` have
    another label there; `unknown` have no value of the signal in one of the runs.
    """

    only_run: int
    only_other: int
    in_training: int
    relabeled: int
    unknown: int


@dataclass(frozen=True, eq=False)
class Paired:
    """p samples that both runs hold out, in the order of `run`.

    Parameters
    ----------
    rows, other_rows : (p,) their positions in each run.
    value, reference : (p,) signal under `run` and under `other`, finite.
    right, was_right : (p,) whether each predicts the label; None for regression.
    population : (p,) int8 codes into POPULATIONS, in `run`.
    judges : (p,) False in the half in which one of the runs sought its aggressors.
    analysed : code of the population that `run` analyses.
    """

    signal: str
    rows: IntArray
    other_rows: IntArray
    value: FloatArray
    reference: FloatArray
    right: BoolArray | None
    was_right: BoolArray | None
    population: NDArray[np.int8]
    judges: BoolArray
    analysed: int
    apart: Apart

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        values = (getattr(self, entry.name) for entry in fields(self))
        return sum(value.nbytes for value in values if isinstance(value, np.ndarray))

    @property
    def change(self) -> FloatArray:
        """(p,) signal under `run` minus that under `other`, above 0 where it got worse."""
        return np.asarray(self.value - self.reference)

    def turned(self, turn: Turn) -> BoolArray:
        """(p,) which samples broke (right before, wrong now), were fixed, got worse, or better."""
        if turn in ("worse", "better"):
            far = np.abs(self.change) > _EQUAL * np.maximum(np.abs(self.reference), 1e-3)
            return np.asarray(far & ((self.change > 0) == (turn == "worse")))
        if self.right is None or self.was_right is None:
            return np.zeros(len(self), dtype=np.bool_)
        gone = self.was_right & ~self.right
        return gone if turn == "broke" else np.asarray(self.right & ~self.was_right)


def check_comparable(run: RunFile, other: RunFile) -> None:
    """Require two runs that can be compared, as far as their facts tell.

    Raises
    ------
    UsageError : both are the same run, or are derived from it. InputError : they differ in task or
    loss.
    """
    ours, theirs = run.info, other.info
    if ours.model_run == theirs.model_run:
        raise UsageError(
            f"Run {ours.name!r} and its baseline {theirs.name!r} have the same predictions. "
            "Name the run of another model with --baseline."
        )
    if ours.task != theirs.task:
        raise InputError(
            f"Run {ours.name!r} is a {ours.task}, its baseline {theirs.name!r} a {theirs.task}; "
            "they do not compare. Name another run with --baseline."
        )
    if ours.settings.signal == "loss" and ours.loss_name != theirs.loss_name:
        raise InputError(
            f"The loss of run {ours.name!r} is {ours.loss_name!r}, that of its baseline "
            f"{theirs.name!r} {theirs.loss_name!r}; they do not compare. Name another run with "
            "--baseline, or make both with one loss."
        )


def paired(run: RunFile, other: RunFile, signal: str | None = None) -> Paired:
    """Join the samples of two runs; kept while both are open.

    Parameters
    ----------
    signal : default that of `run`.

    Raises
    ------
    UsageError, InputError : see `check_comparable`; or they share no sample, or one lacks the
    signal.
    """
    check_comparable(run, other)
    chosen = signal or run.info.settings.signal
    key = f"paired by {chosen} with {other.info.run_id} {other.path}"
    return held.get(run, key, lambda: _paired(run, other, chosen))


def _paired(run: RunFile, other: RunFile, signal: str) -> Paired:
    ours, theirs = _held_out(run, signal), _held_out(other, signal)
    place = _places(ours["sample"], theirs["sample"])
    shared = place >= 0
    left, right = np.flatnonzero(shared), place[shared]
    same = ours["label"][left] == theirs["label"][right]
    value, reference = ours["value"][left], theirs["value"][right]
    known = np.isfinite(value) & np.isfinite(reference)
    analysed = ours["population"] == POPULATIONS.index(run.info.settings.analysed)
    counted = analysed[left]
    there = theirs["population"] == POPULATIONS.index(other.info.settings.analysed)
    there[right] = False
    apart = Apart(
        only_run=int(np.count_nonzero(analysed & ~shared)),
        only_other=int(np.count_nonzero(there)),
        in_training=_in_training(other, ours["sample"][analysed & ~shared]),
        relabeled=int(np.count_nonzero(counted & ~same)),
        unknown=int(np.count_nonzero(counted & same & ~known)),
    )
    kept = same & known
    if not (kept & counted).any():
        raise InputError(_nothing_shared(run, other, signal, apart))
    left, right = left[kept], right[kept]
    judged = bool(run.classes and other.classes)
    return Paired(
        signal=signal,
        rows=ours["row_id"][left],
        other_rows=theirs["row_id"][right],
        value=value[kept],
        reference=reference[kept],
        right=ours["right"][left] if judged else None,
        was_right=theirs["right"][right] if judged else None,
        population=ours["population"][left],
        judges=~(ours["sought"][left] | theirs["sought"][right]),
        analysed=POPULATIONS.index(run.info.settings.analysed),
        apart=apart,
    )


_SAMPLES = """
    SELECT s.row_id, hash(s.sample_id) AS sample, hash(s.label::VARCHAR) AS label,
        {signal} AS value, coalesce({right}, FALSE) AS right,
        coalesce(s.fold = 'discover', FALSE) AS sought,
        list_position($populations, s.population::VARCHAR) - 1 AS population
    FROM samples s WHERE {held_out} AND s.loss IS NOT NULL ORDER BY s.row_id
"""


def _held_out(run: RunFile, signal: str) -> Mapping[str, NDArray[Any]]:
    """Columns of the labeled samples outside training; ids and labels as 64-bit hashes."""

    def read() -> pa.Table:
        return fetch(
            run,
            _SAMPLES,
            params={"analysed": run.info.settings.analysed, "populations": list(POPULATIONS)},
            signal=signal_sql(run, signal),
            right="s.label = s.prediction" if run.classes else "FALSE",
            held_out=HELD_OUT,
        )

    # Many runs are compared with the same accepted one.
    found = held.get(run, f"held out by {signal}", read)
    columns = {name: found[name] for name in found.column_names}
    value = numbers(columns.pop("value"))
    arrays = {name: one.to_numpy() for name, one in columns.items()}
    arrays["value"] = value
    arrays["population"] = arrays["population"].astype(np.int8)
    arrays["row_id"] = arrays["row_id"].astype(np.int64)
    for name in ("right", "sought"):
        arrays[name] = np.asarray(arrays[name], dtype=np.bool_)
    return arrays


def _places(ours: NDArray[np.uint64], theirs: NDArray[np.uint64]) -> IntArray:
    """(n,) place of each of our samples among theirs, -1 where it is not there."""
    if np.array_equal(ours, theirs):  # mostly: the same samples, in the order of their ids
        return np.arange(len(ours))
    if not len(theirs):
        return np.full(len(ours), -1, dtype=np.int64)
    order = np.argsort(theirs)
    found = np.searchsorted(theirs, ours, sorter=order).clip(max=len(theirs) - 1)
    place = order[found]
    return np.where(theirs[place] == ours, place, -1)


def _in_training(run: RunFile, samples: NDArray[np.uint64]) -> int:
    if not len(samples) or run.info.settings.analysed == "train":
        return 0
    sql = "SELECT hash(s.sample_id) AS sample FROM samples s WHERE s.population = 'train'"
    return int(np.isin(samples, fetch(run, sql)["sample"].to_numpy()).sum())


def _nothing_shared(run: RunFile, other: RunFile, signal: str, apart: Apart) -> str:
    names = f"Runs {run.info.name!r} and {other.info.name!r}"
    if apart.unknown:
        what = spoken(signal)
        if (known := Signal.parse(signal)).is_metric:
            what = f"metric {known.name!r}"
        return (
            f"{names} share {apart.unknown:,} samples, but one of them has no {what} there. "
            "Name another run with --baseline, or give both runs what it takes."
        )
    if apart.relabeled:
        return (
            f"{names} share {apart.relabeled:,} samples, and all have another label in one than in "
            "the other, so that nothing compares. Name another run with --baseline."
        )
    moved = f"; {apart.in_training:,} are in its training" if apart.in_training else ""
    return (
        f"{names} share no labeled sample outside training{moved}. Samples are known by their "
        "sample_id: keep it from run to run, or name another run with --baseline."
    )
