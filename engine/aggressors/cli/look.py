"""Verbs that look at what is there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from aggressors.cli.common import (
    PORT,
    as_json,
    check_out,
    common,
    emit,
    example,
    find_queue,
    is_alone,
    marked,
    name_unreadable,
    open_file,
    open_workspace,
    print_json,
    refuse,
    width,
)
from aggressors.words import counted

if TYPE_CHECKING:
    from aggressors.contracts import Filter
    from aggressors.export import Exported, Media
    from aggressors.queries.listing import What
    from aggressors.store.label_queues import LabelQueue
    from aggressors.store.read import RunFile
    from aggressors.store.workspace import Workspace

WHATS = ("candidates", "members", "representatives", "samples", "queue", "suspects", "marks")


@click.command(
    short_help="Open the dashboard.",
    epilog=example(
        "aggressors app",
        "aggressors app from-a-colleague.duckdb",
        "aggressors app v2 --port 8600 --media-root /data/images",
    ),
)
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--port", type=PORT, metavar="N", help="Port; 8501 or the next.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on; needs authentication.")
@click.option(
    "--media-root",
    metavar="DIR",
    multiple=True,
    help="Folder below which full-size media may be read; may stand several times.",
)
@common
def app(
    run: str | None,
    port: int | None,
    host: str | None,
    media_root: tuple[str, ...],
    workspace: str | None,
) -> None:
    """Open the dashboard on a workspace, or on one run file that somebody sent.

    It listens on this machine only. Needs no torch.
    """
    from aggressors.launch import Page, serve, with_run

    page = Page(
        workspace=None if is_alone(run, workspace) else open_workspace(workspace).root,
        port=port,
        host=host,
        media_roots=tuple(Path(root) for root in media_root),
    )
    serve(with_run(page, run), click.echo)


@click.command(epilog=example("aggressors runs", "aggressors runs --json"))
@as_json
@common
def runs(as_json: bool, workspace: str | None) -> None:
    """List published runs, newest first."""
    found, broken = open_workspace(workspace).catalogue()
    name_unreadable(one.reason for one in broken)
    if as_json:
        print_json([asdict(run) for run in found])
        return
    from aggressors.cli.render import run_table

    if not found:
        click.echo("No run is published here. `aggressors run` or `aggressors ingest` makes one.")
        return
    emit(run_table(found))


@click.command(epilog=example("aggressors show latest", "aggressors show v1 --json"))
@click.argument("run", metavar="RUN")
@click.option("--all", "everything", is_flag=True, help="Show the dismissed aggressors too.")
@as_json
@common
def show(run: str, everything: bool, as_json: bool, workspace: str | None) -> None:
    """Rank the aggressors of a run, but for those that were dismissed.

    The JSON has them all, each with what was decided about it.
    """
    from aggressors.triage import triage

    alone = is_alone(run, workspace)
    with open_file(run, workspace) as opened:
        known = None if alone else triage(opened, open_workspace(workspace))
        name_unreadable(one.reason for one in (known.unreadable if known else ()))
        if as_json:
            from aggressors.queries.triage import told

            print_json(told(opened, known.found if known else None))
            return
        from aggressors.cli.render import run_overview
        from aggressors.summary import summarize

        emit(
            run_overview(
                summarize(opened), run, workspace, alone=alone, width=width(),
                decided=known.found if known else (), everything=everything,
            )
        )  # fmt: skip


class _Format(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5
    """A name in the registry of formats, which is loaded where it is shown, not by every verb."""

    name = "format"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        from aggressors.export import FORMATS

        return f"[{'|'.join(FORMATS)}]"


class _Batch(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5
    """new, all, or the number of an export."""

    name = "batch"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "new|all|N"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in ("new", "all") or (value.isdecimal() and int(value) > 0):
            return value
        self.fail(f"{value!r} is neither new nor all nor the number of an export", param, ctx)


@dataclass(frozen=True)
class _Waiting:
    """Samples of a label queue that are to be exported, in its order."""

    queue: LabelQueue
    ids: list[str]

    def of(self, run: RunFile, rank: int | None, filter: Filter, count: int | None) -> list[str]:
        """Of these, what the run has and the options let through."""
        from aggressors.queries.queued import held_here

        return held_here(run, self.ids, rank, filter, count)


def _waiting(place: Workspace, name: str | None, batch: str | None) -> _Waiting:
    from aggressors.store.label_queues import DEFAULT_QUEUE

    queue = place.label_queue(DEFAULT_QUEUE) if name is None else find_queue(place, name)
    name_unreadable(queue.broken)
    number = int(batch) if batch and batch.isdecimal() else None
    return _Waiting(queue, queue.waiting(number, new=batch == "new"))


_MEDIA = ("copy", "reference", "thumbnail")


@click.command(
    epilog=example(
        "aggressors export v1 --what candidates --aggressor 1 --format csv --out a.csv",
        'aggressors export v1 --what samples --where "loss > 2" --format jsonl --out b',
        "aggressors export v1 --what queue --format coco --media-root images --out to-label.zip",
        "aggressors export v1 --what queue --batch new --format label-studio --out tasks.json",
    )
)
@click.argument("run", metavar="RUN")
@click.option("--what", type=click.Choice(WHATS), required=True, help="Which list of samples.")
@click.option("--aggressor", type=int, metavar="RANK", help="Of the aggressor of this rank.")
@click.option(
    "--where",
    metavar="FILTER",
    help="Keep what a filter lets through; @NAME is one that was saved.",
)
@click.option("--format", "format_name", type=_Format(), required=True, help="Format of the file.")
@click.option(
    "--media",
    type=click.Choice(_MEDIA),
    help="Pictures: copied beside, referenced by their paths, or the small ones of the run. Copied "
    "by default for coco and hf-imagefolder, else referenced.",
)
@click.option(
    "--media-root",
    metavar="DIR",
    multiple=True,
    help="Folder below which originals may be read; may stand several times.",
)
@click.option(
    "--out",
    metavar="FILE",
    required=True,
    help="File to write. Where pictures are copied: a new folder, or a .zip.",
)
@click.option("--count", type=int, metavar="N", help="At most so many samples.")
@click.option("--queue", metavar="NAME", help="Which label queue; to-label by default.")
@click.option(
    "--batch",
    type=_Batch(),
    help="Of a label queue: what was never exported, all that waits for a label (the default), or "
    "an earlier export by its number.",
)
@common
def export(
    run: str,
    what: str,
    aggressor: int | None,
    where: str | None,
    format_name: str,
    media: str | None,
    media_root: tuple[str, ...],
    out: str,
    count: int | None,
    queue: str | None,
    batch: str | None,
    workspace: str | None,
) -> None:
    """Write a list of samples to a file, in its order.

    It appears whole or not at all. Originals are read below a --media-root only; a sample without
    one goes with the small picture of the run, which is said. What is written of a label queue
    counts there as exported.
    """
    from aggressors.carrying import finder_on
    from aggressors.export import export as make
    from aggressors.progress import Late, choose
    from aggressors.queries.grammar import expand, parse
    from aggressors.queries.marks import as_table

    if where is not None and not where.strip():
        refuse("--where is empty. Leave it out for all samples, or write a filter.")
    roots = _roots(media_root)
    if what != "queue" and (queue is not None or batch is not None):
        refuse(f"--queue and --batch go with --what queue; got --what {what}.")
    waiting = _waiting(open_workspace(workspace), queue, batch) if what == "queue" else None
    held = marked(open_workspace(workspace)) if what == "marks" else ()
    place = None if is_alone(run, workspace) else open_workspace(workspace)
    with open_file(run, workspace) as opened:
        filter = parse(expand(where or "", finder_on(opened, place)))
        ids = waiting.of(opened, aggressor, filter, count) if waiting else []
        rows = waiting.queue.of(ids) if waiting else ()
        exported = make(
            opened, cast("What", what), aggressor, filter, format_name, count,
            queue=rows, marks=as_table(opened, held) if what == "marks" else None,
            media=cast("Media | None", media), media_roots=roots,
        )  # fmt: skip
        _check_place(out, exported)
        written = exported.save(out, Late(choose()))
    number = waiting.queue.exported(ids, format_name).number if waiting and ids else None
    names = ", ".join(str(path) for path in written)
    parts = exported.populations
    of_each = ", ".join(f"{name} {n:,}" for name, n in parts.items()) if len(parts) > 1 else ""
    told = f" as export {number}" if number is not None else ""
    click.echo(
        f"Wrote {counted(exported.rows, 'sample')}{f' ({of_each})' * bool(of_each)} to "
        f"{names}{told}."
    )
    for remark in exported.remarks:
        click.echo(remark, err=True)
    if waiting and not exported.rows:
        click.echo(_no_queue(waiting), err=True)
    if what == "marks" and not exported.rows:
        click.echo(_no_marks(len(held)), err=True)


def _roots(given: tuple[str, ...]) -> list[Path]:
    """Folders of --media-root; raises UsageError for one that is not there."""
    roots = [Path(root) for root in given]
    for root in roots:
        if not root.is_dir():
            refuse(f"There is no folder {root} for --media-root.")
    return roots


def _check_place(out: str, exported: Exported) -> None:
    """Require of --out what the export needs: a file, or a new folder; raises UsageError."""
    from aggressors.export import Shape

    path = Path(out)
    if exported.shape is not Shape.FOLDER or path.suffix.lower() == ".zip":
        check_out(out)
    elif not path.resolve().parent.is_dir():
        refuse(f"There is no folder {path.parent} for --out {out}. Make it, or name another one.")
    elif path.exists() and not (path.is_dir() and not any(path.iterdir())):
        refuse(
            f"--out {out} is there already, and this export is a folder of its own. Name a new "
            "folder, or a .zip."
        )


def _no_queue(waiting: _Waiting) -> str:
    name = waiting.queue.name
    if not waiting.ids and waiting.queue.summary().total:
        return f"Nothing of this kind waits in {name!r}; `aggressors queue show {name}` tells more."
    if not waiting.ids:
        return f"The label queue {name!r} is empty; the page Solve of the dashboard adds to it."
    return f"None of the {counted(len(waiting.ids), 'sample')} in {name!r} is what was asked for."


def _no_marks(n: int) -> str:
    if not n:
        return "Nothing is marked; the page Aggressor of the dashboard marks samples with W and N."
    return f"None of the {counted(n, 'mark')} is about what was asked for."


@click.command(
    short_help="Write a self-contained page about a run.",
    epilog=example(
        "aggressors report v1 --out v1.html", "aggressors report latest --out ticket.md"
    ),
)
@click.argument("run", metavar="RUN")
@click.option(
    "--out", metavar="FILE.html|FILE.md", required=True, help="A page, or a text for a ticket."
)
@common
def report(run: str, out: str, workspace: str | None) -> None:
    """Write one self-contained page about a run, or a short Markdown text."""
    kind = Path(out).suffix.lower()
    if kind not in (".html", ".md"):
        refuse(f"--out must end in .html or .md; got {out!r}.")
    check_out(out)
    from aggressors.report import write

    with open_file(run, workspace) as opened:
        place = None if is_alone(run, workspace) else open_workspace(workspace)
        size = write(opened, Path(out), place)
    click.echo(f"Wrote {out} ({size / 1e6:.1f} MB)." if size > 5e4 else f"Wrote {out}.")


@click.command(
    short_help="Tell what is missing and what to type.", epilog=example("aggressors doctor")
)
@common
@click.pass_context
def doctor(ctx: click.Context, workspace: str | None) -> None:
    """Tell what is installed, what is missing, and what to type."""
    from aggressors import doctor as examination
    from aggressors.cli.render import findings_table

    findings = examination.examine(workspace)
    emit(findings_table(findings))
    ctx.exit(4 if any(finding.level == "broken" for finding in findings) else 0)
