"""Verbs that put claims about the cause to the data."""

from __future__ import annotations

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
    from aggressors.hypothesis import OnRun


@click.command(
    "test-hypothesis",
    short_help="Test whether a claim is why an aggressor fails.",
    epilog=example(
        'aggressors test-hypothesis v1 --aggressor 1 --claim "brightness < 0.2"',
        'aggressors test-hypothesis v1 --aggressor 3 --claim "operator = op-07" --hold station '
        '--keep "Op 07 mixes up coats"',
    ),
)
@click.argument("run", metavar="RUN")
@click.option("--aggressor", type=int, required=True, metavar="RANK", help="Which one it explains.")
@click.option("--claim", required=True, metavar="FILTER", help="What is held to be the cause.")
@click.option(
    "--hold",
    multiple=True,
    metavar="FIELD",
    help="Hold a field still, beside the label, so that it does not pose as the cause; may stand "
    "several times.",
)
@click.option("--keep", metavar="TITLE", help="Keep it under this title, for later runs too.")
@click.option("--author", default="", metavar="NAME", help="Who holds it, for --keep.")
@as_json
@common
def test_hypothesis(
    run: str,
    aggressor: int,
    claim: str,
    hold: tuple[str, ...],
    keep: str | None,
    author: str,
    as_json: bool,
    workspace: str | None,
) -> None:
    """Test whether a claim is why an aggressor fails, on the half on which nothing was sought."""
    from aggressors.api import open_run
    from aggressors.store.hypotheses import title_of

    if keep is not None and not keep.strip():
        refuse("--keep is empty. Write a title, such as --keep 'too dark'.")
    if author and keep is None:
        refuse("--author says who holds what is kept. Keep it with --keep TITLE, or leave it out.")
    with open_run(run, workspace=workspace) as opened:
        said = opened.test_hypothesis(claim, aggressor, hold)
        kept = None
        if keep is not None:
            kept = opened.keep_hypothesis(
                claim, aggressor, title=keep, author=author, confounders=hold
            )
    if as_json:
        print_json(said | ({"slug": kept.slug} if kept else {}))
        return
    from aggressors.cli.render_claims import judged_claim

    emit(judged_claim(said))
    if kept and kept.title != title_of(keep or "", kept.filter):
        emit(f"This claim is kept already, as {kept.slug!r} ({kept.title}); it stays as it is.")
    elif kept:
        emit(f"Kept as {kept.slug!r}; `aggressors hypotheses` judges it on later runs.")


@click.command(
    short_help="Judge the hypotheses that were kept, on a run.",
    epilog=example("aggressors hypotheses", "aggressors hypotheses v2 --json"),
)
@click.argument("run", metavar="[RUN]", default="latest")
@as_json
@common
def hypotheses(run: str, as_json: bool, workspace: str | None) -> None:
    """Judge every hypothesis that was kept, on the latest run or another."""
    from aggressors.hypothesis import on_run
    from aggressors.store.hypotheses import list_hypotheses
    from aggressors.store.read import open_run

    place = open_workspace(workspace)
    found, wrong = list_hypotheses(place)
    name_unreadable(one.reason for one in wrong)
    with open_run(place.resolve(run)) as opened:
        judged = [on_run(one, opened, place) for one in found]
        name = opened.info.name
    if as_json:
        print_json([_record(one) for one in judged])
        return
    from aggressors.cli.render_claims import hypothesis_table

    if not judged:
        emit("No hypothesis is kept here. `aggressors test-hypothesis … --keep TITLE` keeps one.")
        return
    emit(hypothesis_table(judged, name))


def _record(one: OnRun) -> dict[str, Any]:
    kept = one.hypothesis
    return {
        "slug": kept.slug,
        "title": kept.title,
        "filter": kept.filter,
        "author": kept.author,
        "run_id": kept.run_id,
        "aggressor": kept.aggressor,
        "confounders": list(kept.confounders),
        "support": one.support,
        "sentence": one.sentence,
    }
