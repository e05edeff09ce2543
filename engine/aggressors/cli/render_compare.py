"""How two runs look side by side in a terminal."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from aggressors.cli.render import BAR, WIDE, bar
from aggressors.comparing import Comparison
from aggressors.queries.fates import FATES, Fated
from aggressors.queries.pairing import Apart
from aggressors.queries.worsened import Told, accuracy_change, mean_change
from aggressors.words import counted, number, spoken

_FATE_STYLES = {"new": "red", "persisting": "", "shrunk": "green", "gone": "green"}


def comparison(
    found: Comparison, run: str, baseline: str | None, workspace: str | None, *, width: int
) -> RenderableType:
    """Show a comparison; `run`, `baseline` and `workspace` are what was typed."""
    what, change = spoken(found.signal), found.whole
    parts: list[RenderableType] = [
        Text.assemble(
            (found.run_name, "bold"), " against ", (found.baseline_name, "bold"),
            (f"  on the same {change.n:,} {found.population} samples", "dim"),
        ),
        Text(mean_change(change, what)),
    ]  # fmt: skip
    if turned := accuracy_change(change):
        parts.append(Text(turned))
    parts += [Text(line, style="dim") for line in _apart(found.apart, found.baseline_name)]
    if found.hidden:
        parts.append(Text(found.hidden, style="bold"))
    typed = f" --baseline {shlex.quote(baseline)}" if baseline else ""
    typed += f" --workspace {shlex.quote(workspace)}" if workspace else ""
    parts += _worse(found, f"aggressors save-test {shlex.quote(run)} --worse", typed, width=width)
    parts += _aggressors(found, what)
    return Group(*parts)


def _apart(apart: Apart, baseline: str) -> list[str]:
    """Say which samples are not compared."""
    told = [
        (apart.only_run - apart.in_training, f"not in {baseline}"),
        (apart.in_training, f"in the training population of {baseline}"),
        (apart.only_other, f"in {baseline} alone"),
        (apart.relabeled, "with another label"),
        (apart.unknown, "without a value in one of them"),
    ]
    said = [f"{n:,} {why}" for n, why in told if n]
    return [f"Not compared: {', '.join(said)}"] if said else []


def _worse(found: Comparison, command: str, typed: str, *, width: int) -> list[RenderableType]:
    open_ = [one for one in found.worse if one.covered_by is None]
    covered = [one for one in found.worse if one.covered_by is not None]
    parts: list[RenderableType] = [Text("\nWhat got worse that no test covers", style="bold")]
    if not found.tested:
        few = found.n_discover + found.n_confirm
        parts.append(Text(f"No group of {counted(few, 'sample')} was worth a test."))
    elif not open_:
        rest = "Nothing else" if covered else f"None of {counted(found.tested, 'group')} tested"
        parts.append(Text(f"{rest} is surely worse than under {found.baseline_name}."))
    if open_:
        parts.append(_table_of(open_, found, width=width))
        parts.append(Text(_legend(found), style="dim"))
        lines = [f"{'Next: ' if not place else '      '}{command} {one.group.rank}{typed}"
                 for place, one in enumerate(open_)]  # fmt: skip
        # A command that is copied must not be broken into lines.
        parts += [Text(line, "dim", no_wrap=True, overflow="ignore") for line in lines]
    if covered:
        parts += [
            Text("\nWorse, and covered by a test", style="bold"),
            _table_of(covered, found, width=width),
        ]
    return parts


def _legend(found: Comparison) -> str:
    return (
        f"Sought on {found.n_discover:,} samples, confirmed on {found.n_confirm:,} others, from "
        f"which all numbers come. Broke: right under {found.baseline_name}, wrong now."
    )


def _table_of(told: Sequence[Told], found: Comparison, *, width: int) -> Table:
    wide = width >= WIDE
    table = _table()
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("Group", style="bold", overflow="fold", ratio=1)
    table.add_column("Worse by (95 %)", no_wrap=True)
    if wide:
        table.add_column(f"Mean {spoken(found.signal)}", no_wrap=True)
        table.add_column("Rest", justify="right", no_wrap=True)
        table.add_column("q", justify="right", no_wrap=True)
    table.add_column("Broke/fixed", justify="right", no_wrap=True)
    table.add_column("Samples", justify="right", no_wrap=True)
    top = max((one.group.low for one in found.worse), default=0.0)
    for one in told:
        group = one.group
        mean = f"{number(group.reference)} → {number(group.value)}"
        more = [mean, f"{group.rest:+.2g}", f"{group.q_value:.1g}"] if wide else []
        turned = "–" if group.broke is None else f"{group.broke:,}/{group.fixed:,}"
        table.add_row(
            str(group.rank),
            _named(one),
            Text.assemble(
                (f"{bar(group.low, top):<{BAR}}", "red"),
                f" {number(group.difference)} ({number(group.low)} to {number(group.high)})",
            ),
            *more,
            turned,
            f"{group.n:,}",
        )
    return table


def _named(one: Told) -> Text:
    """Give the name, the aggressor that it is, and the tests that hold some of it."""
    notes = []
    if one.group.aggressor is not None:
        notes.append(f"aggressor #{one.group.aggressor}")
    if one.tests:
        best = one.tests[0]
        notes.append(f"{best.share:.0%} in test {best.slug}")
    return Text.assemble(one.group.name, (f"  {', '.join(notes)}" * bool(notes), "not bold dim"))


def _aggressors(found: Comparison, what: str) -> list[RenderableType]:
    if not found.aggressors:
        return []
    counts = Counter(one.fate for one in found.aggressors)
    said = ", ".join(f"{counts[fate]} {fate}" for fate in FATES if counts[fate])
    table = _table()
    table.add_column("", no_wrap=True)
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("Aggressor", style="bold", overflow="fold", ratio=1)
    table.add_column(f"in {found.baseline_name}", overflow="fold", ratio=1)
    table.add_column(f"Change in {what} (95 %)", no_wrap=True)
    for one in found.aggressors:
        table.add_row(
            Text(one.fate, style=_FATE_STYLES[one.fate]),
            "" if one.rank is None else str(one.rank),
            Text(one.name if one.rank is not None else ""),
            Text("" if one.other_rank is None else f"#{one.other_rank} {one.other_name}"),
            _changed(one),
        )
    return [Text(f"\nAggressors: {said}", style="bold"), table]


def _changed(one: Fated) -> str:
    change = one.change
    if change.difference is None or change.low is None or change.high is None:
        return "too few to say"
    return f"{change.difference:+.2g} ({change.low:+.2g} to {change.high:+.2g})"


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=False)
