"""Verbs for what people keep under a name: saved filters, and hand-made groups."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import click

from aggressors.cli.common import (
    as_json,
    common,
    emit,
    example,
    name_unreadable,
    open_workspace,
    print_json,
    refuse,
)

if TYPE_CHECKING:
    from aggressors.queries.handmade import Measure
    from aggressors.store.handmade import HandMade
    from aggressors.store.kept_filters import KeptFilter
    from aggressors.store.workspace import Workspace


@click.command(
    short_help="List saved filters, or show one.",
    epilog=example("aggressors filters", "aggressors filters dusk --json"),
)
@click.argument("name", metavar="[NAME]", required=False)
@as_json
@common
def filters(name: str | None, as_json: bool, workspace: str | None) -> None:
    """List the filters that were saved, or show the one called NAME.

    Wherever a FILTER is taken, @NAME stands for the one that was saved as NAME.
    """
    from aggressors.store.kept_filters import list_filters

    place = open_workspace(workspace)
    if name is not None:
        _show(_kept(place, name), as_json=as_json)
        return
    found, wrong = list_filters(place)
    name_unreadable(one.reason for one in wrong)
    if as_json:
        print_json([_record(one) for one in found])
        return
    from aggressors.cli.render_claims import filter_table

    if not found:
        emit("No filter is saved here. `aggressors save-filter NAME --where FILTER` saves one.")
        return
    emit(filter_table(found))


@click.command(
    "save-filter",
    short_help="Save a filter under a name.",
    epilog=example(
        'aggressors save-filter dusk --where "brightness < 0.2 and hour >= 17"',
        "aggressors export v1 --what samples --where @dusk --format csv --out dusk.csv",
    ),
)
@click.argument("name", metavar="NAME")
@click.option("--where", metavar="FILTER", required=True, help="The filter.")
@click.option(
    "--run",
    metavar="RUN",
    help="The run whose map or aggressors it speaks of; one that cannot answer it refuses it.",
)
@click.option("--author", default="", metavar="NAME", help="Who saves it.")
@as_json
@common
def save_filter(
    name: str,
    where: str,
    run: str | None,
    author: str,
    as_json: bool,
    workspace: str | None,
) -> None:
    """Save a filter under NAME; then @NAME stands for it, in links and wherever a FILTER is taken.

    A name always means the same: to give it to another filter, remove the first.
    """
    from aggressors.store.kept_filters import save_filter as save

    if not where.strip():
        refuse("--where is empty. Write a filter, such as --where 'hour >= 17'.")
    place = open_workspace(workspace)
    text, made_on = _on_its_run(place, run, where)
    kept = save(place, name, text, author, made_on)
    if as_json:
        print_json(_record(kept))
        return
    emit(f"Saved as @{kept.slug}: {kept.filter}")


@click.command(
    "remove-filter",
    short_help="Forget a saved filter.",
    epilog=example("aggressors remove-filter dusk"),
)
@click.argument("name", metavar="NAME")
@common
def remove_filter(name: str, workspace: str | None) -> None:
    """Forget the filter saved as NAME; links and commands that name it stop working."""
    from aggressors.store.kept_filters import remove_filter as remove

    place = open_workspace(workspace)
    kept = _kept(place, name)
    remove(place, kept.slug)
    emit(f"Removed @{kept.slug}, which was: {kept.filter}")


@click.command(
    short_help="List hand-made groups, measured on a run.",
    epilog=example("aggressors groups", "aggressors groups v2 --json"),
)
@click.argument("run", metavar="[RUN]", default="latest")
@as_json
@common
def groups(run: str, as_json: bool, workspace: str | None) -> None:
    """List the groups that people chose and kept, measured on the latest run or another.

    None of them is a confirmed finding: nobody knows how many selections were looked at before.
    """
    from aggressors.queries.handmade import answered
    from aggressors.store.handmade import list_handmade
    from aggressors.store.read import open_run

    place = open_workspace(workspace)
    found, wrong = list_handmade(place)
    name_unreadable(one.reason for one in wrong)
    with open_run(place.resolve(run)) as opened:
        measured = [(one, answered(opened, one.filter, one.run_id)) for one in found]
        name = opened.info.name
    if as_json:
        print_json([_group(one, figures) for one, figures in measured])
        return
    from aggressors.cli.render_claims import group_table

    if not measured:
        emit("No group was kept here. `Keep as group` on the page Explore keeps one.")
        return
    emit(group_table(measured, name))


def _kept(place: Workspace, name: str) -> KeptFilter:
    """Find a filter by its name, with or without the @; raises FilterError."""
    from aggressors.queries.grammar import SAVED
    from aggressors.store.kept_filters import find, read_filter

    name = name.removeprefix(SAVED)
    find(place, name)  # which says what there is where it is not there
    return read_filter(place, name)


def _on_its_run(place: Workspace, run: str | None, where: str) -> tuple[str, str]:
    """Text of a filter that a run can answer, and the run's id if it speaks of nothing else.

    Raises
    ------
    FilterError : the run does not have its fields or categories, or it speaks of a run's map or
        aggressors and no run is given.
    """
    from aggressors.carrying import finder_on, speaks_of_a_run
    from aggressors.errors import FilterError
    from aggressors.queries.filters import compile_filter
    from aggressors.queries.grammar import expand, format_filter, parse
    from aggressors.store.kept_filters import finder
    from aggressors.store.read import open_run

    if run is None:
        filter = parse(expand(where, finder(place)))
        if speaks_of_a_run(filter):
            raise FilterError(
                f"The filter {format_filter(filter):.80} speaks of a run's map or aggressors, "
                "which another run has otherwise. Name the run with --run RUN."
            )
        return where, ""
    with open_run(place.resolve(run)) as opened:
        filter = parse(expand(where, finder_on(opened, place)))
        compile_filter(filter, opened)
        return format_filter(filter), opened.info.run_id if speaks_of_a_run(filter) else ""


def _show(kept: KeptFilter, *, as_json: bool) -> None:
    if as_json:
        print_json(_record(kept))
    else:
        emit(kept.filter)


def _record(kept: KeptFilter) -> dict[str, Any]:
    return {
        "slug": kept.slug,
        "title": kept.title,
        "filter": kept.filter,
        "author": kept.author,
        "created_at": kept.created_at,
        "run_id": kept.run_id,
    }


def _group(one: HandMade, figures: Measure | None) -> dict[str, Any]:
    """Say what is known of a group; figures are null where the run cannot answer it."""
    from aggressors.queries.handmade import Measure

    known = asdict(figures) if figures else dict.fromkeys(each.name for each in fields(Measure))
    told = asdict(one)
    del told["schema_version"]
    return told | known
