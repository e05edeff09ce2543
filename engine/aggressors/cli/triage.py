"""The verb for what a team decides about aggressors."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from aggressors.cli.common import (
    as_json,
    by_whom,
    common,
    emit,
    example,
    is_alone,
    name_unreadable,
    open_workspace,
    print_json,
    refuse,
)
from aggressors.errors import WorkspaceError

if TYPE_CHECKING:
    from aggressors.store.read import RunFile
    from aggressors.store.workspace import Workspace

WORDS = ("new", "accepted", "dismissed", "being-fixed", "fixed")


@click.command(
    short_help="Tell or decide what becomes of aggressors.",
    epilog=example(
        "aggressors triage latest",
        "aggressors triage v1 --aggressor 2 --as being-fixed",
        'aggressors triage v1 --aggressor 5 --as dismissed --why "blurred on purpose"',
    ),
)
@click.argument("run", metavar="RUN")
@click.option("--aggressor", type=int, metavar="RANK", help="Decide about the one of this rank.")
@click.option(
    "--as",
    "word",
    type=click.Choice(WORDS),
    help="What is decided; new takes back what was decided before.",
)
@click.option("--why", default="", metavar="TEXT", help="The reason, which dismissed needs.")
@by_whom
@as_json
@common
def triage(
    run: str,
    aggressor: int | None,
    word: str | None,
    why: str,
    by: str,
    as_json: bool,
    workspace: str | None,
) -> None:
    """Tell what was decided about the aggressors of a run, or decide about one of them.

    A decision outlives its run: later runs find the aggressor again by the samples they share.
    Dismissed ones are hidden; a fixed one that a later model has again is back.
    """
    if (aggressor is None) != (word is None):
        refuse("--aggressor RANK and --as WORD go together: which one, and what is decided.")
    if aggressor is None and (why or by):
        refuse("--why and --by go with a decision. Name it with --aggressor RANK --as WORD.")
    if word == "dismissed" and not why.strip():
        refuse("To dismiss an aggressor hides it from everybody; say why with --why TEXT.")
    if is_alone(run, workspace):
        raise WorkspaceError(
            f"{run} is a run file on its own, and what is decided is kept in a workspace. Name one "
            "with --workspace DIR."
        )
    from aggressors.store.read import open_run

    place = open_workspace(workspace)
    with open_run(place.resolve(run)) as opened:
        if aggressor is None or word is None:
            _list(opened, place, as_json=as_json)
        else:
            _decide(opened, place, aggressor, word, why, by, as_json=as_json)


def _decide(
    run: RunFile, place: Workspace, rank: int, word: str, why: str, by: str, *, as_json: bool
) -> None:
    from aggressors.triage import decide
    from aggressors.words import STATES

    made = decide(run, place, rank, word, why=why, by=by)
    if as_json:
        print_json(asdict(made))
        return
    told = f"{STATES[made.word]}: {made.why}" if made.why else STATES[made.word]
    emit(f"Aggressor {rank} of {run.info.name}, {made.name}, is {told}")


def _list(run: RunFile, place: Workspace, *, as_json: bool) -> None:
    from aggressors.cli.render_triage import triage_table
    from aggressors.queries.triage import told
    from aggressors.triage import triage as of_run

    known = of_run(run, place)
    name_unreadable(one.reason for one in known.unreadable)
    if as_json:
        print_json(told(run, known.found))
    else:
        emit(triage_table(known.found))
