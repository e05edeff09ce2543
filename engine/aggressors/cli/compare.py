"""The verb that puts a run beside the accepted one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from msgspec import to_builtins

from aggressors.cli.common import as_json, common, emit, example, open_workspace, print_json, width

if TYPE_CHECKING:
    from aggressors.comparing import Comparison

UNWRITTEN = 4


@click.command(
    short_help="Compare a run with the accepted one, and find what got worse.",
    epilog=example(
        "aggressors compare v3",
        "aggressors compare v3 --baseline v1 --json",
        "aggressors save-test v3 --worse 1",
    ),
)
@click.argument("run", metavar="[RUN]", default="latest")
@click.option(
    "--baseline",
    metavar="RUN",
    help="Compare with this run.  [default: the run before it of another model]",
)
@as_json
@common
@click.pass_context
def compare(
    ctx: click.Context, run: str, baseline: str | None, as_json: bool, workspace: str | None
) -> None:
    """Compare a run with the accepted one on the samples that both hold out.

    Says what changed as a whole, what became of each aggressor, and which groups got surely worse,
    those that no saved test covers first. They are sought on one half of the samples, by how much
    each changed, and confirmed on the other.

    The document of --json: run_id, run_name, baseline_id, baseline_name, signal, population; whole
    (n, value, reference, difference, low, high, worse, better, same, broke, fixed, errors,
    other_errors) and apart (samples not compared); aggressors (fate, rank, other_rank, …, change);
    worse (rank, name, rule, n, n_confirm, value, reference, difference, low, high, rest, q_value,
    broke, fixed, aggressor, overlap, covered_by, tests); tested, n_discover, n_confirm, hidden.
    """
    from aggressors import comparing, progress

    result = comparing.compare(open_workspace(workspace), run, baseline, progress.choose())
    if as_json:
        print_json(_document(result))
    else:
        from aggressors.cli.render_compare import comparison

        emit(comparison(result, run, baseline, workspace, width=width()))
    if result.unwritten:
        click.echo(result.unwritten, err=True)
        ctx.exit(UNWRITTEN)


def _document(result: Comparison) -> dict[str, object]:
    document = asdict(result)
    document["worse"] = [
        {
            **to_builtins(one.group),
            "covered_by": one.covered_by.slug if one.covered_by else None,
            "tests": [asdict(test) for test in one.tests],
        }
        for one in result.worse
    ]
    del document["unwritten"]
    return document
