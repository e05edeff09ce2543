"""What must be bad inside an aggressor, as SQL: the same as `stages.frame.Frame.signal`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggressors.contracts import Signal
from aggressors.store.sql import literal

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

_METRIC = (
    "(SELECT max(x.value) FROM metrics x WHERE x.metric = {name} AND x.row_id = s.row_id)::DOUBLE"
)
_TURNED = {"": "{value}", "-": "(-{value})", "1 -": "(1 - {value})"}


def signal_sql(run: RunFile, signal: str | None = None) -> str:
    """Give the expression over `s` of a signal, by default the run's own; NULL where unknown.

    The name of a metric is quoted, as that of a field is.
    """
    chosen = Signal.parse(signal or run.info.settings.signal)
    if chosen.name == "loss":
        return "s.loss"
    if chosen.name == "error":
        return "(s.label <> s.prediction)::DOUBLE" if run.classes else "NULL::DOUBLE"
    value = _METRIC.replace("{name}", literal(chosen.name))
    return _TURNED[chosen.turned].replace("{value}", value)
