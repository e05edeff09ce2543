"""How decisions about aggressors look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from aggressors.cli.render import moment
from aggressors.queries.triage import BACK, Triaged
from aggressors.words import STATES, decided

STYLES = {"back": "bold red", "fixed": "green", "new": "dim"}


def triage_table(found: Sequence[Triaged]) -> RenderableType:
    """List all aggressors of a run with what was decided, and count the words."""
    if not found:
        return Text("The run has no aggressor to decide about.")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("Aggressor", style="bold", overflow="fold")
    table.add_column("Decided", no_wrap=True)
    table.add_column("By", overflow="fold")
    table.add_column("Why", overflow="fold")
    for one in found:
        said = one.decision
        by = f"{said.author} on {said.run_name}, {moment(said.created_at)}" if said else ""
        table.add_row(
            str(one.aggressor.rank),
            Text(one.aggressor.name),
            Text(STATES[one.word], style=STYLES.get(one.word, "")),
            Text(by),
            Text(said.why if said else ""),
        )
    counts = {name: sum(STATES[one.word] == name for one in found) for name in STATES.values()}
    return Group(table, Text(", ".join(f"{n} {name}" for name, n in counts.items() if n), "dim"))


def announced(found: Sequence[Triaged]) -> list[RenderableType]:
    """Say which aggressors are back, a line each."""
    return [
        Text.assemble(
            ("Back ", "bold red"),
            (f"#{one.aggressor.rank} {one.aggressor.name}", "bold"),
            (f", {decided_by(one)}", "dim"),
        )
        for one in found
        if one.word == BACK
    ]


def decided_by(one: Triaged) -> str:
    """Say who decided what, where and when."""
    said = one.decision
    return decided(said.word, said.author, said.run_name, moment(said.created_at)) if said else ""


def hidden(found: Sequence[Triaged], again: str) -> list[RenderableType]:
    """Count the dismissed, and say how to see them; nothing where there is none."""
    n = sum(one.is_hidden for one in found)
    if not n:
        return []
    verb = "is" if n == 1 else "are"
    # A command that is copied must not be broken into lines.
    text = f"{n} dismissed {verb} not shown: {again}"
    return [Text(text, "dim", no_wrap=True, overflow="ignore")]
