"""The verb that takes samples elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from aggressors.cli.common import (
    check_out,
    common,
    example,
    is_alone,
    marked,
    name_unreadable,
    open_file,
    open_workspace,
    refuse,
)
from aggressors.words import counted

if TYPE_CHECKING:
    from aggressors.contracts import Filter
    from aggressors.export import Exported, Media
    from aggressors.queries.listing import What
    from aggressors.store.label_queues import LabelQueue
    from aggressors.store.marks import Mark
    from aggressors.store.read import RunFile
    from aggressors.store.workspace import Workspace

WHATS = ("candidates", "members", "representatives", "samples", "queue", "suspects", "marks")


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

    queue = place.label_queue(DEFAULT_QUEUE) if name is None else place.found_queue(name)
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
    from aggressors.progress import Late, choose

    if where is not None and not where.strip():
        refuse("--where is empty. Leave it out for all samples, or write a filter.")
    if what != "queue" and (queue is not None or batch is not None):
        refuse(f"--queue and --batch go with --what queue; got --what {what}.")
    roots = _roots(media_root)
    waiting = _waiting(open_workspace(workspace), queue, batch) if what == "queue" else None
    held = marked(open_workspace(workspace)) if what == "marks" else ()
    place = None if is_alone(run, workspace) else open_workspace(workspace)
    asked = _Asked(cast("What", what), aggressor, where or "", format_name, count)
    with open_file(run, workspace) as opened:
        made = _made(opened, place, asked, waiting, held, cast("Media | None", media), roots)
        _check_place(out, made.exported)
        written = made.exported.save(out, Late(choose()))
        why = "" if made.exported.rows else _why_none(opened, asked, made, waiting, held)
    number = waiting.queue.exported(made.ids, format_name).number if waiting and made.ids else None
    click.echo(_wrote(made.exported, written, number))
    for remark in (*made.exported.remarks, *filter(None, [why])):
        click.echo(remark, err=True)


@dataclass(frozen=True)
class _Asked:
    """Which list was asked for, and in which format."""

    what: What
    rank: int | None
    where: str
    format: str
    count: int | None


@dataclass(frozen=True)
class _Made:
    """An export that is not yet written, its filter, and, of a label queue, the ids in it."""

    exported: Exported
    filter: Filter
    ids: list[str]


def _made(
    run: RunFile,
    place: Workspace | None,
    asked: _Asked,
    waiting: _Waiting | None,
    held: tuple[Mark, ...],
    media: Media | None,
    roots: list[Path],
) -> _Made:
    from aggressors.carrying import finder_on
    from aggressors.export import export as make
    from aggressors.queries.grammar import expand, parse
    from aggressors.queries.marks import as_table

    filter = parse(expand(asked.where, finder_on(run, place)))
    ids = waiting.of(run, asked.rank, filter, asked.count) if waiting else []
    exported = make(
        run, asked.what, asked.rank, filter, asked.format, asked.count,
        queue=waiting.queue.of(ids) if waiting else (),
        marks=as_table(run, held) if asked.what == "marks" else None,
        media=media, media_roots=roots,
    )  # fmt: skip
    return _Made(exported, filter, ids)


def _wrote(exported: Exported, written: tuple[Path, ...], number: int | None) -> str:
    names = ", ".join(str(path) for path in written)
    parts = exported.populations
    of_each = ", ".join(f"{name} {n:,}" for name, n in parts.items()) if len(parts) > 1 else ""
    told = f" as export {number}" if number is not None else ""
    return (
        f"Wrote {counted(exported.rows, 'sample')}{f' ({of_each})' * bool(of_each)} to "
        f"{names}{told}."
    )


def _why_none(
    run: RunFile, asked: _Asked, made: _Made, waiting: _Waiting | None, held: tuple[Mark, ...]
) -> str:
    """Say why an export is empty."""
    from aggressors.queries.empty import no_row

    if waiting is not None:
        return _no_queue(waiting)
    if asked.what == "marks":
        return _no_marks(len(held))
    return no_row(run, asked.what, asked.rank, made.filter)


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
