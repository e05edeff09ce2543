"""Every error the product raises on purpose.

AggressorsError
├── InputError (ValueError)      exit code 3: what the user handed in is wrong
│   ├── IntegrationError         an integration file
│   ├── TableError               a table of predictions
│   ├── FilterError              the text of a filter
│   └── SettingsError            a settings file or value
├── UsageError (ValueError)      exit code 2: an option value, a slug
├── StoreError                   exit code 4: workspace or run file
│   ├── RunNotFound
│   ├── RunCorrupt
│   ├── SchemaTooNew
│   ├── GivenUp                  the reader went elsewhere before the answer was there
│   └── WorkspaceError
└── StageError                   exit code 5: a stage failed; the run can be resumed

A message is one sentence of what, where and got, followed by what to do next.
"""

from __future__ import annotations


class AggressorsError(Exception):
    """Root of the tree; `exit_code` is what the command line returns."""

    exit_code = 5


class InputError(AggressorsError, ValueError):
    """What the user handed in is wrong."""

    exit_code = 3


class IntegrationError(InputError):
    """An integration file is missing a part, or a part has the wrong shape."""


class TableError(InputError):
    """A table of predictions cannot be read as one."""


class FilterError(InputError):
    """A filter's text cannot be parsed, or names an unknown field or category."""


class SettingsError(InputError):
    """A setting is unknown or out of its range."""


class UsageError(AggressorsError, ValueError):
    """An option value or a slug is not acceptable."""

    exit_code = 2


class StoreError(AggressorsError):
    """A workspace or a run file cannot be used."""

    exit_code = 4


class RunNotFound(StoreError):
    """No published run answers to this name."""


class RunCorrupt(StoreError):
    """A run file is truncated or is not a run file."""


class SchemaTooNew(StoreError):
    """A run file was written by a newer version."""


class SchemaTooOld(StoreError):
    """A run file was written by a version whose tables are no longer read."""


class GivenUp(StoreError):
    """Nobody waits for the answer of a query any more."""


class WorkspaceError(StoreError):
    """A workspace cannot be read or written."""


class StageError(AggressorsError):
    """A stage failed; the shards finished before stay, and the same command resumes.

    Parameters
    ----------
    stage : name of the stage.
    shard : the shard or table it was working on.
    message : what happened, and what to do next.
    """

    exit_code = 5

    def __init__(self, stage: str, shard: str, message: str) -> None:
        super().__init__(f"Stage {stage!r} failed at {shard}: {message}")
        self.stage = stage
        self.shard = shard
