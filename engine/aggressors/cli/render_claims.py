"""How what the data say of claims looks in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from aggressors.words import number, place_of_gap, reshuffled_sentence

if TYPE_CHECKING:
    from aggressors.hypothesis import OnRun

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


def _support(word: str) -> Text:
    return Text(word.capitalize(), style=f"bold {STYLES.get(word, 'default')}")


def _interval(value: float, low: float, high: float) -> str:
    return f"{number(value)} ({number(low)} to {number(high)})"


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, overflow="fold")
    return table
