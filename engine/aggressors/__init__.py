"""Find, explain, fix and track the groups of data on which a model consistently fails.

    import aggressors as ag
    run = ag.open_run("latest")
    run.aggressors()

Names load what they need when they are first used, so that the import itself is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggressors.api import Run, open_run
    from aggressors.contracts import Aggressor, Settings, Verdict
    from aggressors.errors import (
        AggressorsError,
        FilterError,
        GivenUp,
        InputError,
        IntegrationError,
        RunCorrupt,
        RunNotFound,
        SchemaTooNew,
        SchemaTooOld,
        SettingsError,
        StageError,
        StoreError,
        TableError,
        UsageError,
        WorkspaceError,
    )
    from aggressors.integration import Integration, Sample
    from aggressors.labeling import labeled
    from aggressors.making import add_metadata, analyze, check, compare, run
    from aggressors.slicing.protocol import InSpace, Proposal, Sight, Slicer
    from aggressors.weights import load_weights

__all__ = [
    "Aggressor",
    "AggressorsError",
    "FilterError",
    "GivenUp",
    "InSpace",
    "InputError",
    "Integration",
    "IntegrationError",
    "Proposal",
    "Run",
    "RunCorrupt",
    "RunNotFound",
    "Sample",
    "SchemaTooNew",
    "SchemaTooOld",
    "Settings",
    "SettingsError",
    "Sight",
    "Slicer",
    "StageError",
    "StoreError",
    "TableError",
    "UsageError",
    "Verdict",
    "WorkspaceError",
    "add_metadata",
    "analyze",
    "check",
    "compare",
    "labeled",
    "load_weights",
    "open_run",
    "run",
]

_HOMES = {
    "api": ("Run", "open_run"),
    "contracts": ("Aggressor", "Settings", "Verdict"),
    "integration": ("Integration", "Sample"),
    "labeling": ("labeled",),
    "making": ("add_metadata", "analyze", "check", "compare", "run"),
    "slicing.protocol": ("InSpace", "Proposal", "Sight", "Slicer"),
    "weights": ("load_weights",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name from its module (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOME.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
