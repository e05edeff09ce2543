"""The verb that adds metadata to a run."""

from __future__ import annotations

from dataclasses import asdict

import click

from aggressors.cli.common import (
    as_json,
    common,
    emit,
    example,
    is_alone,
    open_workspace,
    print_json,
    refuse,
)


@click.command(
    "add-metadata",
    short_help="Add fields to a run, without its model.",
    epilog=example(
        "aggressors add-metadata v1 vegetation.csv",
        'aggressors add-metadata latest weather.parquet --name "v1 with weather"',
    ),
)
@click.argument("run", metavar="RUN")
@click.argument("table", metavar="TABLE")
@click.option("--name", metavar="NAME", help="Label of the derived run.")
@as_json
@common
def add_metadata(
    run: str, table: str, name: str | None, as_json: bool, workspace: str | None
) -> None:
    """Publish a run derived from RUN with the new fields of TABLE, and their correlations.

    TABLE is CSV, Parquet or JSON lines, with `sample_id` and a column a field. Samples that it
    does not mention have no value. The model is not run again, and RUN stays as it is. A table
    that does not fit is refused with all that is wrong with it.
    """
    from pathlib import Path

    from aggressors import adding, progress

    if name is not None and not name.strip():
        refuse("--name is empty. Leave it out, or give the run a name.")
    alone = is_alone(run, workspace)
    place = open_workspace(workspace, create=alone)
    path = Path(run) if alone else place.resolve(run)
    result = adding.add_metadata(path, table, place, name=name, progress=progress.choose())
    if as_json:
        print_json(asdict(result))
        return
    from aggressors.cli.render import add_report

    emit(add_report(result, workspace))
