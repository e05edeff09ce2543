"""How claims, saved filters and hand-made groups look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from aggressors.cli.render import moment
from aggressors.words import number, place_of_gap, reshuffled_sentence

if TYPE_CHECKING:
    from aggressors.hypothesis import OnRun
    from aggressors.queries.handmade import Measure
    from aggressors.store.handmade import HandMade
    from aggressors.store.kept_filters import KeptFilter

STYLES = {"supported": "green", "partly": "yellow", "not supported": "red"}


def judged_claim(said: Mapping[str, Any]) -> RenderableType:
    """Show what `Run.test_hypothesis` says: verdict, sentence, and gaps by population."""
    table = _table("Population", "Samples", "Gap to others alike")
    for row in said["populations"]:
        gap = row["gap"]
        text = "too few to say" if gap is None else _interval(*gap)
        table.add_row(place_of_gap(row["population"], row["fold"]), f"{row['n']:,}", text)
    parts: list[RenderableType] = [_support(said["support"]), Text(said["sentence"]), "", table]
    if chance := said["reshuffled"]:
        parts += ["", Text(reshuffled_sentence(**chance), style="dim")]
    return Group(*parts)


def hypothesis_table(judged: Sequence[OnRun], run: str) -> Table:
    """List hypotheses with their verdicts on a run, and what the data say."""
    table = _table("Hypothesis", f"On {run}", "What the data say")
    for one in judged:
        held = one.hypothesis.confounders
        by = f" · {', '.join(held)} held still" if held else ""
        by += f" · {one.hypothesis.author}" if one.hypothesis.author else ""
        title = Text.assemble(
            (one.hypothesis.title, "bold"), (f"\n{one.hypothesis.filter}{by}", "dim")
        )
        table.add_row(title, _support(one.support), Text(one.sentence))
    return table


def filter_table(found: Sequence[KeptFilter]) -> Table:
    """List saved filters by the name that stands for them, and what that is."""
    table = _table("Name", "Filter", "Saved")
    for one in found:
        by = f" · {one.author}" if one.author else ""
        title = f"\n{one.title}" * (one.title != one.slug)
        table.add_row(
            Text.assemble((f"@{one.slug}", "bold"), (title, "dim")),
            Text(one.filter),
            Text(f"{moment(one.created_at)}{by}", style="dim"),
        )
    return table


def group_table(measured: Sequence[tuple[HandMade, Measure | None]], run: str) -> Table:
    """List hand-made groups with their figures on a run."""
    table = _table("Group", f"Samples of {run}", "Gap to the rest", "Impact")
    for one, figures in measured:
        by = f" · {one.author}" if one.author else ""
        named = Text.assemble((one.name, "bold"), (f"\n{one.filter}{by}", "dim"))
        table.add_row(named, *map(Text, _figures(figures)))
    return table


def _figures(found: Measure | None) -> tuple[str, str, str]:
    if found is None:
        return "not of this run", "", ""
    n = f"{found.n:,}" + (f"\n{found.n_core:,} fail" if found.n_known else "")
    if found.gap is None or found.low is None or found.high is None or found.impact is None:
        return n, "too few to say", ""
    return n, _interval(found.gap, found.low, found.high), f"{100 * found.impact:.1f} %"


def _support(word: str) -> Text:
    return Text(word.capitalize(), style=f"bold {STYLES.get(word, 'default')}")


def _interval(value: float, low: float, high: float) -> str:
    return f"{number(value)} ({number(low)} to {number(high)})"


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, overflow="fold")
    return table
