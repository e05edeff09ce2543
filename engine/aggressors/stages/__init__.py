"""The stages, one a file: Arrow tables in, Arrow tables out, no I/O.

`infer` and `describe` run on each batch of a source (see `sources`); those listed here run on whole
tables, in this order. They are imported when a run starts, so that reading a run loads none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggressors.stages.protocol import Stage

BATCH = ("infer", "describe")
WHOLE = (
    "survey",
    "discover",
    "correlate",
    "telling",
    "explain",
    "project",
    "probe",
    "diagnose",
    "retrieve",
)


def load_stages() -> tuple[Stage, ...]:
    """Import the stages over whole tables, in order."""
    return tuple(import_module(f"aggressors.stages.{name}").STAGE for name in WHOLE)
