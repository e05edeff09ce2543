"""Verbs that save tests and judge runs in them."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aggressors.cli.common import as_json, common, emit, example, open_workspace, print_json, refuse
from aggressors.errors import WorkspaceError

if TYPE_CHECKING:
    from aggressors.gate import CheckResult

UNREADABLE = 3
UNWRITTEN = 4


@click.command(
    "save-test",
    short_help="Freeze a group as a test for later runs.",
    epilog=example(
        "aggressors save-test v1 --aggressor 1 --slug dusk",
        'aggressors save-test v1 --where "station = riverside and hour >= 17" --signal error',
        'aggressors save-test v1 --hypothesis too-dark --why "Night shifts start in May"',
        "aggressors save-test v3 --worse 1",
    ),
)
@click.argument("run", metavar="RUN")
@click.option("--aggressor", type=int, metavar="RANK", help="Freeze the aggressor of this rank.")
@click.option(
    "--where",
    metavar="FILTER",
    help="Freeze the samples that a filter, or a saved one as @NAME, lets through.",
)
@click.option(
    "--hypothesis", metavar="SLUG", help="Freeze the samples that a kept hypothesis speaks of."
)
@click.option(
    "--worse",
    type=int,
    metavar="RANK",
    help="Freeze the group of this rank among what `compare` finds worse in RUN.",
)
@click.option(
    "--baseline",
    metavar="RUN",
    help="With --worse: the run it is worse than.  [default: the run before it of another model]",
)
@click.option("--slug", metavar="SLUG", help="Name of the test's files.  [default: from its title]")
@click.option("--title", metavar="TEXT", help="What people call the group.  [default: its rule]")
@click.option("--why", metavar="TEXT", help="Why it must not come back.")
@click.option(
    "--signal",
    metavar="SIGNAL",
    help="Compare loss, error or a metric, such as '1 - iou'.  [default: error where the "
    "run seeks by loss and has classes, else what the run seeks by]",
)
@click.option(
    "--margin",
    type=float,
    metavar="NUMBER",
    help="By how much the mean signal may be worse.  [default: a twentieth of what is at stake, "
    "by loss or a metric a tenth]",
)
@common
def save_test(
    run: str,
    aggressor: int | None,
    where: str | None,
    hypothesis: str | None,
    worse: int | None,
    baseline: str | None,
    workspace: str | None,
    **given: Any,
) -> None:
    """Freeze an aggressor, a hypothesis, any filter, or what got worse, as a test for later runs.

    With --worse the samples are frozen as the baseline had them, so that RUN itself fails.
    """
    if sum(one is not None for one in (aggressor, where, hypothesis, worse)) != 1:
        raise click.UsageError(
            "Name what to save with one of --aggressor RANK, --where FILTER, --hypothesis SLUG or "
            "--worse RANK"
        )
    if baseline is not None and worse is None:
        refuse("--baseline goes with --worse RANK: other tests are compared with their own run.")
    if where is not None and not where.strip():
        refuse("--where is empty. Write a filter, such as --where 'hour >= 17'.")
    from aggressors import gate
    from aggressors.cli.render import moment
    from aggressors.words import number, spoken

    opened = open_workspace(workspace)
    if worse is not None:
        from aggressors.comparing import find_worse

        if unwritten := find_worse(opened, run, baseline):
            raise WorkspaceError(unwritten)
    test = gate.save_test(
        opened,
        run,
        aggressor=aggressor,
        where=where,
        hypothesis=hypothesis,
        worse=worse,
        baseline=baseline,
        **given,
    )
    emit(f"Saved {opened.tests / test.slug}.json: {test.samples:,} samples, {test.title}")
    emit(f"Margin {number(test.margin)} in mean {spoken(test.signal)}: {test.margin_origin}.")
    past = gate.history(opened)
    twice = gate.told_twice(opened, test)
    emit("\n".join(filter(None, (gate.promise(opened, test, past).sentence, twice))) + "\n")
    for tracked in past.tests:
        if tracked.test.slug == test.slug:
            for point in past.runs:
                if verdict := tracked.verdicts.get(point.run_id):
                    when = moment(point.created_at)
                    emit(f"{when}  {point.name}  {verdict.verdict}, {verdict.state}")
                    emit(f"  {verdict.reason}")
    emit(f"\nNext: aggressors check RUN judges a run in it.{_where(workspace)}")


@click.command(
    short_help="Judge a run in all saved tests.",
    epilog=example(
        "aggressors check",
        "aggressors check v2 --junit junit.xml --markdown summary.md --strict",
    ),
)
@click.argument("run", metavar="[RUN]", default="latest")
@click.option("--baseline", metavar="RUN", help="Compare every test with this run.")
@click.option("--junit", metavar="FILE", type=click.Path(path_type=Path), help="Write JUnit XML.")
@click.option(
    "--markdown", metavar="FILE", type=click.Path(path_type=Path), help="Write a step summary."
)
@click.option(
    "--strict",
    is_flag=True,
    help="Inconclusive and missing do not pass either, nor does a check without a test.",
)
@as_json
@common
@click.pass_context
def check(
    ctx: click.Context,
    run: str,
    baseline: str | None,
    junit: Path | None,
    markdown: Path | None,
    strict: bool,
    as_json: bool,
    workspace: str | None,
) -> None:
    """Judge a run in all saved tests; exit 1 when one fails.

    Each test compares the same samples under this run and under its baseline: the run that solved
    it, else the run it was saved on.
    """
    from aggressors import gate

    result = gate.check(open_workspace(workspace), run, baseline=baseline, strict=strict)
    if as_json:
        print_json(_document(result))
    else:
        from aggressors.cli.render import check_report

        emit(check_report(result))
    if junit is not None or markdown is not None:
        _write(result, junit, markdown)
    unreadable = (test.reason for test in result.unreadable)
    for sentence in (*unreadable, result.unwritten, result.forgotten):
        if sentence:
            click.echo(sentence, err=True)
    if result.unwritten:
        ctx.exit(UNWRITTEN)
    if result.unreadable:
        ctx.exit(UNREADABLE)
    ctx.exit(0 if result.passed else 1)


def _write(result: CheckResult, junit: Path | None, markdown: Path | None) -> None:
    from aggressors.export.verdicts import write_junit, write_markdown

    if junit is not None:
        write_junit(result, junit)
    if markdown is not None:
        write_markdown(result, markdown)


def _document(result: CheckResult) -> dict[str, object]:
    return {
        "run_id": result.run_id,
        "name": result.run_name,
        "baseline": result.baseline,
        "passed": result.passed,
        "verdicts": [asdict(verdict) for verdict in result.verdicts],
        "unreadable": [asdict(test) for test in result.unreadable],
        "unwritten": result.unwritten,
        "forgotten": result.forgotten,
    }


def _where(workspace: str | None) -> str:
    return f" (with --workspace {shlex.quote(workspace)})" if workspace else ""
