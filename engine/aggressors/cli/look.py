"""Verbs that look at what is there."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggressors.cli.common import (
    PORT,
    as_json,
    check_out,
    common,
    emit,
    example,
    is_alone,
    name_unreadable,
    open_file,
    open_workspace,
    print_json,
    refuse,
    width,
)

if TYPE_CHECKING:
    pass


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
    """Write one self-contained page about a run, or a short Markdown text for a ticket.

    The page needs no network and runs no script. Of a workspace it has the saved tests, what the
    team decided, hypotheses, and the model before too.
    """
    kind = Path(out).suffix.lower()
    if kind not in (".html", ".md"):
        refuse(f"--out must end in .html or .md; got {out!r}.")
    check_out(out)
    from aggressors.progress import Late, choose
    from aggressors.report import write

    with open_file(run, workspace) as opened:
        place = None if is_alone(run, workspace) else open_workspace(workspace)
        size = write(opened, Path(out), place, Late(choose()))
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
