"""Whether a source gives what must be bad inside an aggressor, before and after it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aggressors.contracts import BUILT_IN_SIGNALS, CONFIDENCE_GAP, Settings, Signal
from aggressors.errors import SettingsError
from aggressors.sources.protocol import Source
from aggressors.stages.frame import signal_of
from aggressors.stats.association import ranked

AGAINST = -0.1  # rank correlation with the loss below which a signal looks upside down
SURELY = 4  # and its standard errors below 0
FEWEST = 20  # samples below which that says nothing


def check_signal(settings: Settings, source: Source) -> None:
    """Require that a source can give the signal; raises SettingsError."""
    signal = Signal.parse(settings.signal)
    regression = source.task == "regression"
    if signal.name == "error" and regression:
        raise SettingsError(
            "Setting 'signal' is error, but a regression has no wrong predictions. "
            "Leave it at loss."
        )
    if signal.name == CONFIDENCE_GAP and signal.name not in source.metrics:
        why, what = _without_gap(source, regression=regression)
        raise SettingsError(f"Setting 'signal' is {CONFIDENCE_GAP}, but {why}. {what}")
    if signal.is_metric and signal.name not in source.metrics:
        raise SettingsError(_no_metric(signal, source.metrics))


def _without_gap(source: Source, *, regression: bool) -> tuple[str, str]:
    """Why there is no confidence gap, and what to do."""
    if regression:
        return "a regression has no classes", "Leave it at loss."
    if len(source.classes) < 2:
        return "there is one class only", "Name them all with --classes, or use loss."
    return "there are no probabilities", "Add a column `probabilities`, or use loss."


def _no_metric(signal: Signal, metrics: tuple[str, ...]) -> str:
    known = [*BUILT_IN_SIGNALS, *(name for name in metrics if name != CONFIDENCE_GAP)]
    start = f"Setting 'signal' is {str(signal)!r}, and there is no metric {signal.name!r}"
    for name in sorted(metrics, key=len, reverse=True):
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", signal.name):
            return (
                f"{start}. Write {name!r} where lower is better, '1 - {name}' or '-{name}' where "
                "higher is; no other formula can be given, but a metric may hold any."
            )
    by_lower = {name.lower(): name for name in known}
    near = [by_lower[name] for name in get_close_matches(signal.name.lower(), by_lower, n=1)]
    hint = f"the nearest is {near[0]!r}" if near else f"there are {', '.join(known)}"
    return (
        f"{start}; {hint}. "
        f"A column of a table becomes a metric by --columns metric={signal.name}, "
        "a function of an integration by metrics={…}."
    )


def check_known(settings: Settings, tables: Mapping[str, pa.Table]) -> str:
    """Require that some analysed sample has a value; returns advice in a sentence, or ''.

    Parameters
    ----------
    tables : the work tables of all samples, in the order of `row_id`.

    Raises
    ------
    SettingsError : the signal is missing for all of them.
    """
    signal = Signal.parse(settings.signal)
    samples = tables["samples"]
    rows = np.flatnonzero(pc.equal(samples["population"], settings.analysed).to_numpy())
    value = signal_of(signal, tables)[rows]
    known = np.isfinite(value)
    if not known.any():
        raise SettingsError(
            f"Setting 'signal' is {str(signal)!r}, which is missing for all {len(rows):,} samples "
            f"of {settings.analysed!r}. Give them what it takes, or leave it at loss."
        )
    if signal.name in BUILT_IN_SIGNALS or known.sum() < FEWEST:
        return ""
    loss = pc.fill_null(samples["loss"], np.nan).to_numpy()[rows][known]
    return _advice(signal, value[known], loss)


def _advice(signal: Signal, value: np.ndarray, loss: np.ndarray) -> str:
    if value.min() == value.max() or loss.min() == loss.max():
        return ""
    agreement = float(np.corrcoef(ranked(value).rank, ranked(loss).rank)[0, 1])
    if agreement > min(AGAINST, -SURELY / (len(value) - 1) ** 0.5):
        return ""
    name = signal.name
    other = f"signal = {name!r}" if signal.turned else f"signal = '1 - {name}' or '-{name}'"
    better = "lower" if signal.turned else "higher"
    return (
        f"The signal {signal} is high where the loss is low (rank correlation {agreement:.2f}). "
        f"If a {better} {name} is better, set {other}."
    )
