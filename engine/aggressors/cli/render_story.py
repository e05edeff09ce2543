"""The story that the demo tells in a terminal when its three models are run."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from aggressors.cli.render import MARKS, aggressor_table, in_workspace, new_table
from aggressors.demo import SAVED, Chapter
from aggressors.words import VERDICT_GLYPHS, number, spoken, verdict_word


def story_report(told: Sequence[Chapter], workspace: str | None, *, width: int) -> RenderableType:
    """Show the demo's runs, the aggressors of the first, and what to type next."""
    table = new_table()
    table.add_column("Run", style="bold")
    for title in ("Accuracy", "Mean loss", "Aggressors", "Seconds"):
        table.add_column(title, justify="right")
    table.add_column(f"Test {SAVED}")
    for chapter in told:
        judged = chapter.summary.analysed
        accuracy = "–" if judged.error_rate is None else f"{1 - judged.error_rate:.1%}"
        table.add_row(
            Text(chapter.summary.info.name),
            accuracy,
            number(judged.mean_loss),
            str(len(chapter.summary.confirmed)),
            f"{chapter.seconds:,.0f}",
            _marked(chapter),
        )
    first = told[0].summary
    where = in_workspace(workspace)
    commands = (
        f"aggressors show v1{where}",
        f"aggressors check v2{where}",
        f"aggressors check v3{where}",
        f"aggressors compare v3{where}",
    )
    return Group(
        Text("\nThe intake of a second-hand clothes shop, three versions of its model", "bold"),
        Text(f"{_best(told)}\n"),
        table,
        Text(f"\nWhere {first.info.name} fails", "bold"),
        aggressor_table(
            first.confirmed[:5], width=width, signal=spoken(first.info.settings.signal)
        ),
        Text(f"\nThe worst of them is saved as the test {SAVED}. Next:", "bold"),
        *(Text(f"  {line}") for line in commands),
    )


def _marked(chapter: Chapter) -> Text:
    """Mark how a version does in the demo's test, against which v1 itself is measured."""
    verdict = chapter.verdict
    if verdict is None:
        return Text("–")
    if verdict_word(verdict, chapter.summary.info.run_id) == "baseline":
        return Text(f"{VERDICT_GLYPHS['baseline']} baseline", "dim")
    mark, style = MARKS[verdict.verdict]
    return Text(f"{mark} {verdict.verdict}", style)


def _best(told: Sequence[Chapter]) -> str:
    """Name the version that is best on average, where errors and loss agree on it."""
    names = [chapter.summary.info.name for chapter in told]
    judged = [chapter.summary.analysed for chapter in told]
    best = set()
    for values in ([one.mean_loss for one in judged], [one.error_rate for one in judged]):
        known = [value for value in values if value is not None]
        if len(known) == len(names):
            best.add(names[known.index(min(known))])
    if len(best) != 1:
        return "Which is the best on average, and is it so everywhere?"
    return f"{best.pop()} is the best on average. Is it so everywhere?"
