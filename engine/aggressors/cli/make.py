"""Verbs that make runs."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggressors.cli.common import (
    PORT,
    as_json,
    common,
    emit,
    example,
    name_unreadable,
    open_workspace,
    print_json,
    read_settings,
    refuse,
    width,
)

if TYPE_CHECKING:
    from aggressors.runner import RunResult

settings_option = click.option(
    "--settings", metavar="FILE", help="TOML file of settings; docs/settings.md lists them."
)
seed_option = click.option("--seed", type=int, metavar="N", help="Seed of every random choice.")
name_option = click.option("--name", metavar="NAME", help="Label of the run.")


@click.command(
    short_help="Three models of one task, engine to dashboard.",
    epilog=example("aggressors demo", "aggressors demo --no-app --workspace demo-runs"),
)
@click.option("--no-app", is_flag=True, help="Stop after the engine.")
@click.option("--port", type=PORT, metavar="N", help="Port of the dashboard.")
@common
def demo(no_app: bool, port: int | None, workspace: str | None) -> None:
    """Run the engine on the demo's three models, then open the dashboard.

    The demo is the intake of a second-hand clothes shop: v1 has weaknesses, v2 solves the worst of
    them, v3 is better on average and brings it back, which the saved test `dusk` catches.
    """
    from aggressors import demo as story
    from aggressors.launch import Page, free_port, serve
    from aggressors.progress import choose

    if port is not None and not no_app:
        free_port(port)  # a taken port is known before minutes of work
    if not story.has_torch():
        run = story.small_run()
        click.echo(story.WITHOUT_TORCH, err=True)
        if no_app:
            click.echo(f"{run}\nNext: aggressors app {shlex.quote(str(run))}")
        else:
            serve(Page(run=run, port=port), click.echo)
        return
    opened = open_workspace(workspace, create=True)
    told = story.run_versions(opened, choose())
    from aggressors.cli.render_story import story_report

    emit(story_report(told, workspace, width=width()))
    if not no_app:
        serve(Page(workspace=opened.root, port=port), click.echo)


@click.command(
    short_help="Write a commented integration file.",
    epilog=example("aggressors init", "aggressors init quality/integration.py"),
)
@click.argument("path", metavar="[integration.py]", default="integration.py")
@common
def init(path: str, workspace: str | None) -> None:
    """Write a commented integration file, to be filled in with a model and its data."""
    from aggressors.store.files import atomic_write
    from aggressors.template import TEMPLATE

    target = Path(path)
    if target.exists():
        refuse(f"{target} exists already, and is yours. Name another file.")
    if target.suffix != ".py":
        refuse(f"An integration file is Python, such as integration.py; got {path!r}.")
    atomic_write(target, TEMPLATE.encode())
    click.echo(
        f"Wrote {target}. Fill in the lines marked <--, then: "
        f"aggressors try {shlex.quote(str(target))}"
    )


@click.command(
    "try",
    short_help="Send one batch through every function.",
    epilog=example("aggressors try integration.py"),
)
@click.argument("path", metavar="integration.py")
@common
def try_(path: str, workspace: str | None) -> None:
    """Send one batch through every function, and list what each returned.

    Ends with every problem there is, or with the time that a full run will take.
    """
    from aggressors.cli.render import try_report
    from aggressors.integration import check_integration, load_integration

    report = check_integration(load_integration(path))
    emit(try_report(report))
    report.raise_problems()
    click.echo(f"Next: aggressors run {shlex.quote(path)}")


@click.command(
    short_help="Run the engine on a model and its data.",
    epilog=example(
        "aggressors run integration.py --name v1",
        "aggressors run integration.py --limit 2000 --settings quality.toml --json",
    ),
)
@click.argument("path", metavar="integration.py")
@name_option
@click.option(
    "--limit", type=int, metavar="N", help="Take at most so many samples of each population."
)
@settings_option
@seed_option
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where the shards are computed; ray is not there yet.",
)
@as_json
@common
def run(
    path: str,
    name: str | None,
    limit: int | None,
    settings: str | None,
    seed: int | None,
    executor: str,
    as_json: bool,
    workspace: str | None,
) -> None:
    """Run every stage on a model and its data, publish the run, and judge it in saved tests.

    An interrupted run continues when the same command is typed again.
    """
    from aggressors import progress, runner
    from aggressors.integration import load_integration

    parsed = read_settings(settings, seed)
    result = runner.run(
        load_integration(path),
        open_workspace(workspace, create=True),
        name=name,
        limit=limit,
        settings=parsed,
        progress=progress.choose(),
        executor=executor,
    )
    _report(result, as_json, workspace)


@click.command(
    short_help="Run the engine on tables of predictions.",
    epilog=example(
        "aggressors ingest --validation predictions.parquet --name v1",
        "aggressors ingest --validation val.csv --columns loss=nll --columns metric=wer",
    ),
)
@click.option("--validation", metavar="FILE", required=True, help="Table in which to search.")
@click.option("--train", metavar="FILE", help="Table of the training samples.")
@click.option("--test", metavar="FILE", help="Table of further samples that judge saved tests.")
@click.option("--unlabeled", metavar="FILE", help="Table of samples without a label.")
@click.option(
    "--columns",
    metavar="ROLE=COLUMN",
    multiple=True,
    help="Column that has a role, where its name is another; may stand several times.",
)
@click.option("--classes", metavar="A,B,…", help="Class names in the order of `probabilities`.")
@click.option("--media-root", metavar="DIR", help="Folder below which image paths are read.")
@settings_option
@seed_option
@name_option
@as_json
@common
def ingest(
    validation: str,
    train: str | None,
    test: str | None,
    unlabeled: str | None,
    columns: tuple[str, ...],
    classes: str | None,
    media_root: str | None,
    settings: str | None,
    seed: int | None,
    name: str | None,
    as_json: bool,
    workspace: str | None,
) -> None:
    """Make a run from tables of predictions: Parquet, CSV or JSON lines; no model needed.

    Columns are taken by name: sample_id, label, prediction, probabilities, loss, embedding, image,
    text, weight, group; lists in embedding_NAME are a further space. Every other column is a
    metadata field, but for metrics: --columns metric=wer, once for each. Needed are sample_id, and
    loss or label with prediction or probabilities.
    """
    from aggressors import progress, runner
    from aggressors.sources.roles import Columns
    from aggressors.sources.table import open_tables

    parsed = read_settings(settings, seed)
    given = {"train": train, "validation": validation, "test": test, "unlabeled": unlabeled}
    source = open_tables(
        {population: path for population, path in given.items() if path is not None},
        columns=Columns.parse(columns),
        classes=[part.strip() for part in classes.split(",")] if classes else (),
        media_root=media_root,
        model_name=name or Path(validation).stem,
    )
    result = runner.run(
        source,
        open_workspace(workspace, create=True),
        name=name,
        settings=parsed,
        progress=progress.choose(),
    )
    _report(result, as_json, workspace)


def _report(result: RunResult, as_json: bool, workspace: str | None) -> None:
    from aggressors.queries.triage import BACK
    from aggressors.store.read import open_run
    from aggressors.triage import triage

    with open_run(result.path) as opened:
        known = triage(opened, open_workspace(workspace))
    name_unreadable(one.reason for one in known.unreadable)
    back = [one for one in known.found if one.word == BACK]
    if as_json:
        named = [{"rank": one.aggressor.rank, "name": one.aggressor.name} for one in back]
        print_json({**asdict(result), "path": str(result.path), "back": named})
        return
    from aggressors.cli.render import run_report
    from aggressors.cli.render_triage import announced

    emit(*announced(back), run_report(result, workspace))
