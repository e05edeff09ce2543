"""Verbs of label queues: what is in them, what goes in, and what comes out."""

from __future__ import annotations

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
from aggressors.words import counted

if TYPE_CHECKING:
    from aggressors.queries.gained import Closed
    from aggressors.queries.loop import Loop
    from aggressors.store.label_queues import LabelQueue, QueueSummary

samples_given = (
    click.option(
        "--sample", "given", metavar="ID", multiple=True, help="A sample; may stand several times."
    ),
    click.option("--samples", "listed", metavar="FILE", help="A file of sample ids, one a line."),
)


class _Parts(click.Group):
    """A group of verbs in the order of their use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List them as they were added."""
        return list(self.commands)


@click.group(
    cls=_Parts,
    short_help="Look after the samples that are to be labeled.",
    epilog=example(
        "aggressors queue list",
        "aggressors queue add to-label v1 --aggressor 1 --count 100",
        "aggressors queue show to-label",
    ),
)
def queue() -> None:
    """Look after label queues: samples chosen to be labeled, and what became of them.

    A sample is queued, exported, labeled or rejected. Any number of people and programs may change
    a queue at once; who did it and when is kept.
    """


@queue.command("list", epilog=example("aggressors queue list", "aggressors queue list --json"))
@as_json
@common
def list_(as_json: bool, workspace: str | None) -> None:
    """List the label queues, with how far each is."""
    found = open_workspace(workspace).label_queues()
    name_unreadable(reason for one in found for reason in one.broken)
    if as_json:
        print_json([_summary(one) for one in found])
        return
    from aggressors.cli.render_queue import queue_table

    if not found:
        emit("No label queue is here. `aggressors queue add NAME RUN --aggressor RANK` starts one.")
        return
    emit(queue_table(found))


@queue.command(
    short_help="Show how far a label queue is, and what came of it.",
    epilog=example(
        "aggressors queue show to-label", "aggressors queue show to-label --rows --json"
    ),
)
@click.argument("name", metavar="NAME")
@click.option("--run", metavar="RUN", help="The run that the samples were chosen from.")
@click.option(
    "--after",
    metavar="RUN",
    help="The later run to compare.  [default: the first that was trained on the labels]",
)
@click.option("--rows", "with_rows", is_flag=True, help="Also list the samples.")
@as_json
@common
def show(
    name: str,
    run: str | None,
    after: str | None,
    with_rows: bool,
    as_json: bool,
    workspace: str | None,
) -> None:
    """Show how far a label queue is, what came of it, and what the next model made of the labels.

    The share of such samples that came back stands beside the one that was expected. Once a later
    run is there, both are compared on the aggressor and on the rest, sample by sample.
    """
    from aggressors.cli import queue_facts

    place = open_workspace(workspace)
    found = place.found_queue(name)
    name_unreadable(found.broken)
    told, closed = queue_facts.gather(place, found, run, after)
    if as_json:
        print_json(_shown(found, told, closed) | _rows(found, wanted=with_rows))
        return
    from aggressors.cli.render_queue import queue_overview, row_table

    emit(*queue_overview(found.summary(), found.batches(), told, closed))
    if with_rows:
        names = {one.run_id: one.name for one in place.catalogue()[0]}
        emit("", row_table(found.rows(), names))


def _shown(found: LabelQueue, told: Loop | None, closed: list[Closed]) -> dict[str, Any]:
    from dataclasses import replace

    here = replace(found.summary(), broken=found.broken)
    return _summary(here) | {
        "quota": asdict(found.quota),
        "exports": [asdict(one) for one in found.batches()],
        "loop": told and asdict(told),
        "closed": [asdict(one) for one in closed],
    }


def _rows(found: LabelQueue, *, wanted: bool) -> dict[str, Any]:
    return {"rows": found.rows().to_pylist()} if wanted else {}


@queue.command(
    short_help="Put unlabeled samples into a label queue.",
    epilog=example(
        "aggressors queue add to-label v1 --aggressor 1 --count 100",
        'aggressors queue add dusk v1 --aggressor 2 --where "hour >= 17" --variety 0',
        "aggressors queue add to-label v1 --sample intake-00017",
    ),
)
@click.argument("name", metavar="NAME")
@click.argument("run", metavar="RUN")
@click.option("--aggressor", type=int, metavar="RANK", help="Candidates of this aggressor.")
@click.option("--count", type=int, default=100, show_default=True, metavar="N", help="How many.")
@click.option("--where", metavar="FILTER", help="Candidates that a filter lets through.")
@click.option(
    "--variety", type=float, default=0.5, show_default=True, metavar="SHARE",
    help="0 takes the likeliest; at 1, more goes for variety.",
)  # fmt: skip
@click.option("--even", is_flag=True, help="Take the predicted classes in turn.")
@samples_given[0]
@samples_given[1]
@click.option("--again", is_flag=True, help="Also take what another queue holds.")
@by_whom
@as_json
@common
def add(
    name: str,
    run: str,
    aggressor: int | None,
    count: int,
    where: str | None,
    variety: float,
    even: bool,
    given: tuple[str, ...],
    listed: str | None,
    again: bool,
    by: str,
    as_json: bool,
    workspace: str | None,
) -> None:
    """Put unlabeled samples of RUN into the label queue NAME, which is made if it is not there.

    These are the candidates of an aggressor, as the page Solve chooses them, or the samples that
    are named. Nothing is queued twice: what stands in this queue or another one, and what does not
    fit the quota, is told.
    """
    from aggressors.cli import queue_facts

    place = open_workspace(workspace)
    found = place.label_queue(name)
    ids = _ids(given, listed)
    if aggressor is None and not ids:
        refuse("Nothing to add. Name an --aggressor, or samples with --sample or --samples.")
    if where is not None and (ids or not where.strip()):
        refuse("--where keeps candidates that a filter lets through. Write one, or leave it out.")
    picked, why = queue_facts.picked(
        place, run, found, aggressor, ids, count, where, variety, even, again
    )
    added = found.add(picked, by=by, again=again)
    sentence = f"{added.sentence} {why}".rstrip()
    if as_json:
        print_json(asdict(added) | {"queue": name, "sentence": sentence})
        return
    emit(sentence)


@queue.command(
    epilog=example(
        "aggressors queue remove to-label --sample intake-00017",
        "aggressors queue remove to-label --state queued",
    )
)
@click.argument("name", metavar="NAME")
@samples_given[0]
@samples_given[1]
@click.option(
    "--state",
    type=click.Choice(["queued", "exported", "labeled", "rejected"]),
    help="All samples in this state.",
)
@by_whom
@as_json
@common
def remove(
    name: str,
    given: tuple[str, ...],
    listed: str | None,
    state: str | None,
    by: str,
    as_json: bool,
    workspace: str | None,
) -> None:
    """Take samples out of a label queue, with what was said of them."""
    found = open_workspace(workspace).found_queue(name)
    ids = _ids(given, listed)
    if bool(ids) == (state is not None):
        refuse("Say which: samples with --sample or --samples, or all of a --state.")
    if state is not None:
        rows = found.rows().to_pylist()
        ids = [row["sample_id"] for row in rows if row["state"] == state]
    if ids:
        found.remove(ids, by=by)
    if as_json:
        print_json({"queue": name, "removed": ids})
        return
    emit(f"Removed {counted(len(ids), 'sample')} from {name!r}.")


@queue.command(
    short_help="Limit what a label queue takes.",
    epilog=example(
        "aggressors queue quota to-label --total 300 --share 0.5",
        "aggressors queue quota dusk --new --at-most 100",
        "aggressors queue quota to-label --none",
    ),
)
@click.argument("name", metavar="NAME")
@click.option("--total", type=int, metavar="N", help="At most so many samples.")
@click.option("--at-most", type=int, metavar="N", help="At most so many of each aggressor.")
@click.option("--share", type=float, metavar="SHARE", help="Of the total, for each aggressor.")
@click.option("--none", "lift", is_flag=True, help="Lift all limits.")
@click.option("--new", is_flag=True, help="Also where no queue has this name yet.")
@by_whom
@as_json
@common
def quota(
    name: str,
    total: int | None,
    at_most: int | None,
    share: float | None,
    lift: bool,
    new: bool,
    by: str,
    as_json: bool,
    workspace: str | None,
) -> None:
    """Limit what a label queue takes from now on: in all, and of each aggressor.

    What stands in it stays. Rejected samples take no place.
    """
    from aggressors.store.label_queues import Quota

    place = open_workspace(workspace)
    found = place.label_queue(name) if new else place.found_queue(name)
    wanted = Quota(total, at_most, share)
    if wanted.limits == lift:
        refuse("Give --total, --at-most or --share, or lift all limits with --none.")
    found.set_quota(wanted, by=by)
    if as_json:
        print_json({"queue": name, **asdict(wanted)})
        return
    from aggressors.cli.render_queue import quota_sentence

    emit(quota_sentence(wanted))


def _ids(given: tuple[str, ...], listed: str | None) -> list[str]:
    """Ids of --sample and --samples, in their order."""
    if listed is None:
        return list(given)
    try:
        text = Path(listed).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{listed} cannot be read as sample ids: {reason}.") from error
    ids = [line.strip() for line in text.splitlines() if line.strip()]
    if not ids:
        raise InputError(f"{listed} names no sample. Write one id a line.")
    return [*given, *ids]


def _summary(one: QueueSummary) -> dict[str, Any]:
    return asdict(one) | {"done": one.done}
