"""The command line: arguments -> API calls -> exit codes; no logic."""

from __future__ import annotations

import os

import click

from aggressors.cli.add import add_metadata
from aggressors.cli.claim import hypotheses, test_hypothesis
from aggressors.cli.common import Verbs, version_text
from aggressors.cli.compare import compare
from aggressors.cli.elsewhere import export
from aggressors.cli.kept import filters, groups, remove_filter, save_filter
from aggressors.cli.look import app, doctor, report, runs, show
from aggressors.cli.make import demo, ingest, init, run, try_
from aggressors.cli.queue import queue
from aggressors.cli.returned import import_labels
from aggressors.cli.track import check, save_test

__all__ = ["cli", "main"]

# Most matrix products here are small, and threads that spin for the next one cost a third of a
# run. Read by the libraries when they are loaded, which is later; what the user has set stays.
THREADING = {"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `aggressors demo`. Each verb explains itself: `aggressors run --help`.",
)
@click.version_option(message="%(version)s", package_name=None, version=version_text())
def cli() -> None:
    """Find the groups of data on which a model fails, say why, fix them, and keep them fixed."""


for verb in (
    demo, init, try_, run, ingest, add_metadata, app, runs, show, export, queue,
    import_labels, test_hypothesis, hypotheses, filters, save_filter, remove_filter, groups,
    save_test, check, compare, report, doctor,
):  # fmt: skip
    cli.add_command(verb)


def main() -> None:
    """Run the command line and exit with its code."""
    for name, value in THREADING.items():
        os.environ.setdefault(name, value)
    cli()
