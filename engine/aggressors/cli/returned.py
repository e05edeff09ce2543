"""The verb that takes back what was labeled."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aggressors.cli.common import (
    as_json,
    by_whom,
    common,
    emit,
    example,
    name_unreadable,
    open_workspace,
    print_json,
    refuse,
)
from aggressors.errors import InputError

if TYPE_CHECKING:
    from aggressors.store.label_import import Checked


@click.command(
    "import-labels",
    short_help="Take the labels that come back into a queue.",
    epilog=example(
        "aggressors import-labels tasks.json --queue to-label",
        "aggressors import-labels labels.csv --queue to-label --columns label=class --by Ann",
    ),
)
@click.argument("file", metavar="FILE")
@click.option("--queue", "name", metavar="NAME", required=True, help="The label queue.")
@click.option("--run", metavar="RUN", help="The run that the samples are of.")
@click.option(
    "--columns",
    metavar="ROLE=COLUMN",
    multiple=True,
    help="Column of a role: sample_id, label, why (rejected because), of_group (such a sample or "
    "not), by, at.",
)
@click.option("--new-classes", is_flag=True, help="Take labels that the run has no class for.")
@click.option("--replace", is_flag=True, help="Take an answer in place of another one.")
@click.option("--skip-unknown", is_flag=True, help="Leave out what is not in the queue.")
@click.option("--skip-empty", is_flag=True, help="Leave out what has no label yet.")
@by_whom
@as_json
@common
def import_labels(
    file: str,
    name: str,
    run: str | None,
    columns: tuple[str, ...],
    new_classes: bool,
    replace: bool,
    skip_unknown: bool,
    skip_empty: bool,
    by: str,
    as_json: bool,
    workspace: str | None,
) -> None:
    """Take the labels in FILE into a label queue: all of them, or none.

    FILE is CSV, Parquet, JSON lines, or what Label Studio exports as JSON, JSON-MIN or CSV.
    Unknown ids and classes, samples of other queues, missing labels and answers that differ are
    all listed, and then nothing is taken. A skipped task is rejected; predictions are no labels.
    """
    from aggressors.queries.returned import Allowed, check_labels, run_of
    from aggressors.store.read import open_run

    place = open_workspace(workspace)
    found = place.found_queue(name)
    name_unreadable(found.broken)
    path = place.resolve(run) if run is not None else run_of(place, found)
    allowed = Allowed(new_classes, replace, skip_unknown, skip_empty)
    with nullcontext() if path is None else open_run(path) as opened:
        checked = check_labels(
            found, Path(file), opened, columns=_roles(columns), allowed=allowed
        )  # fmt: skip
    if not checked.problems:
        checked.take(by=by)
    if as_json:
        print_json(_import_record(checked))
    if checked.problems:
        raise InputError(checked.refusal)
    if not as_json:
        from aggressors.cli.render_queue import import_sentence

        emit(import_sentence(checked))


def _import_record(checked: Checked) -> dict[str, Any]:
    taken = not checked.problems
    return {
        "queue": checked.queue.name,
        "form": checked.form,
        "unit": checked.unit,
        "rows": checked.rows,
        "labeled": len(checked.labeled) if taken else 0,
        "rejected": len(checked.rejected) if taken else 0,
        "unchanged": checked.unchanged,
        "left_out": checked.left_out,
        "new_classes": list(checked.new_classes),
        "problems": [
            {"kind": one.kind, "count": len(one.rows), "rows": [asdict(row) for row in one.rows]}
            for one in checked.problems
        ],
    }


def _roles(columns: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for one in columns:
        role, equals, column = one.partition("=")
        if not equals or not role or not column:
            refuse(f"--columns takes ROLE=COLUMN, such as label=class; got {one!r}.")
        found[role] = column
    return found
