"""How the samples of a saved test do in a run file."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.contracts import CONFIDENCE_GAP, Signal
from aggressors.errors import FilterError
from aggressors.joining import Placed, Signals, signals_of
from aggressors.judging import measure
from aggressors.queries.grammar import parse
from aggressors.queries.judged import in_training, matching
from aggressors.stats.intervals import BoolArray
from aggressors.store.read import RunFile
from aggressors.store.saved_tests import SavedTest
from aggressors.store.verdicts import Measurement


@dataclass(frozen=True, slots=True)
class Judged:
    """One signal of the samples that tests may be measured on: (n,) all of them.

    `counts` is False where aggressors were sought.
    """

    signals: Signals
    row_id: NDArray[np.int64]
    counts: BoolArray

    @classmethod
    def of(cls, table: pa.Table, signal: str) -> Judged:
        """Read a signal of `queries.judged.held_out`."""
        known = table.filter(pc.is_valid(table[signal]))
        return cls(
            signals_of(known, signal),
            np.asarray(known["row_id"].to_numpy(), dtype=np.int64),
            np.asarray(known["judges"].to_numpy(zero_copy_only=False), dtype=np.bool_),
        )


def measured_in(
    run: RunFile, judged: Judged, test: SavedTest, frozen: Signals, placed: Placed
) -> Measurement:
    """Measure one test in one run: its `frozen` samples, `placed` among those that are judged."""
    info = run.info
    if info.task != test.task:
        problem = f"The run's task is {info.task}, the test's is {test.task}; they do not compare."
        return Measurement(test.key, problem=problem)
    if test.signal == "loss" and info.loss_name != test.loss_name:
        problem = (
            f"The run's loss is {info.loss_name!r}, the test's {test.loss_name!r}; "
            "they do not compare."
        )
        return Measurement(test.key, problem=problem)
    if not len(judged.signals):
        return Measurement(test.key, problem=_unknown(test.signal))
    counts = judged.counts
    if test.rule:
        with suppress(FilterError):  # a field that this run lacks: the rest may hold members then
            counts = counts & ~np.isin(judged.row_id, matching(run, parse(test.rule)))
    absent = frozen.ids.filter(pa.array(placed.rows < 0)).to_pylist()
    return measure(
        test,
        frozen,
        placed,
        counts,
        in_training=len(in_training(run, absent)) if absent else 0,
        materiality=info.settings.materiality,
        is_source=test.source_run_id in (info.run_id, info.derived_from),
    )


def _unknown(signal: str) -> str:
    if signal == CONFIDENCE_GAP:
        return "The run has no confidence gap per sample, which takes probabilities and labels."
    if Signal.parse(signal).is_metric:
        return f"The run has no metric {Signal.parse(signal).name!r} per sample."
    return f"The run has no {signal} per sample."
