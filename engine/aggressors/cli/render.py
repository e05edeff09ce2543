"""How answers look in a terminal: tables with bars, and numbers at a sensible length."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aggressors.contracts import Aggressor, RunSummary, Verdict
from aggressors.export.verdicts import bottom_line, threshold
from aggressors.gate import CheckResult
from aggressors.summary import Summary
from aggressors.words import (
    ACTION_NAMES,
    STATES,
    counted,
    derivation,
    duration,
    failing_of,
    number,
    spoken,
)

if TYPE_CHECKING:
    from aggressors.adding import AddResult
    from aggressors.doctor import Finding
    from aggressors.queries.triage import Triaged
    from aggressors.runner import RunResult
    from aggressors.sources.parts import Report

WIDE = 104  # columns from which on intervals have room
BAR = 8  # characters of the longest bar

MARKS = {
    "pass": ("✔", "green"),
    "fail": ("✘", "bold red"),
    "inconclusive": ("?", "yellow"),
    "missing": ("–", "yellow"),
}


def bar(value: float, top: float, width: int = BAR) -> str:
    """Draw `value` of `top` in eighths of a character; empty where it is not positive."""
    eighths = round(8 * width * max(0.0, min(value / top, 1.0))) if top > 0 else 0
    whole, part = divmod(eighths, 8)
    return "█" * whole + (" ▏▎▍▌▋▊▉"[part] if part else "")


def moment(iso: str) -> str:
    """Write a time as a person reads it, in local time."""
    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M")


def run_table(runs: Sequence[RunSummary]) -> Table:
    """List published runs, newest first."""
    table = new_table()
    table.add_column("Run", style="bold", overflow="fold")
    table.add_column("Id", style="dim", no_wrap=True)
    table.add_column("Published", no_wrap=True)
    table.add_column("Model", overflow="fold")
    table.add_column("Samples", justify="right", no_wrap=True)
    table.add_column("Aggressors", justify="right", no_wrap=True)
    for run in runs:
        origin = derivation(run.derived_from_name, run.added)
        table.add_row(
            Text.assemble(run.name, (f"\n{origin}" if origin else "", "not bold dim")),
            Text(run.run_id),
            moment(run.created_at),
            Text(run.model_name),
            f"{run.samples:,}",
            str(run.aggressors),
        )
    return table


def aggressor_table(
    found: Sequence[Aggressor],
    *,
    width: int,
    signal: str = "loss",
    top: float | None = None,
    words: Mapping[int, str] | None = None,
) -> Table:
    """Ranked aggressors; the bar is the severity next to `top`, by default the largest.

    `words` are what was decided, by rank.
    """
    top = top if top is not None else max((one.severity for one in found), default=0.0)
    wide = width >= WIDE
    table = new_table()
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("Aggressor", style="bold", overflow="fold", ratio=1)
    table.add_column("Severity", no_wrap=True)
    if wide:
        table.add_column(Text(f"Gap in {signal} (95 %)"), no_wrap=True)
    table.add_column("Impact", justify="right", no_wrap=True)
    table.add_column(failing_of(found), justify="right", no_wrap=True)
    table.add_column("Next", no_wrap=True)
    for one in found:
        severity = Text.assemble(
            (f"{bar(one.severity, top):<{BAR}}", "red"), f" {number(one.severity)}"
        )
        gap = [f"{number(one.gap)} ({number(one.gap_low)} to {number(one.gap_high)})"] * wide
        table.add_row(
            str(one.rank),
            _name(one, (words or {}).get(one.rank, "new")),
            severity,
            *gap,
            f"{one.impact:.1%}",
            f"{one.n_core:,}/{one.n_known:,}",
            ACTION_NAMES[one.action],
        )
    return table


def _name(one: Aggressor, word: str) -> Text:
    """Give the name, the larger aggressor it belongs to, and what was decided about it."""
    text = Text(one.name)
    if one.part_of is not None:
        text.append(f"  part of #{one.part_of}", "not bold dim")
    if word != "new":
        text.append(f"  {STATES[word]}", "not bold red" if word == "back" else "not bold cyan")
    return text


def ranking(summary: Summary, *, width: int, words: Mapping[int, str]) -> RenderableType:
    """Show confirmed aggressors, then the tentative ones apart; `words` as in `aggressor_table`."""
    signal = spoken(summary.info.settings.signal)
    top = max((one.severity for one in summary.aggressors), default=0.0)
    confirmed = [one for one in summary.confirmed if one.rank not in summary.hidden]
    tentative = [one for one in summary.tentative if one.rank not in summary.hidden]
    parts: list[RenderableType] = []
    if confirmed:
        parts.append(aggressor_table(confirmed, width=width, signal=signal, top=top, words=words))
        parts.append(
            Text(
                f"Severity: lower bound of the gap in {signal} to the rest. Impact: share of all "
                f"{signal} that would vanish. Both from samples the group was not found on.",
                style="dim",
            )
        )
    if tentative:
        below = "\n" if confirmed else ""
        parts.append(Text(f"{below}Tentative, not confirmed ({len(tentative)})"))
        parts.append(aggressor_table(tentative, width=width, signal=signal, top=top, words=words))
    return Group(*parts)


def check_report(result: CheckResult) -> RenderableType:
    """Every verdict with its threshold, where that comes from, and n; the bottom line last."""
    parts: list[RenderableType] = [_verdict(verdict) for verdict in result.verdicts]
    parts += [
        Text.assemble(("✘ ", "bold red"), (f"{one.slug}  unreadable\n", "bold"), f"  {one.reason}")
        for one in result.unreadable
    ]
    parts.append(Text(bottom_line(result), style="bold"))
    return Group(*parts)


def _verdict(verdict: Verdict) -> RenderableType:
    mark, style = MARKS[verdict.verdict]
    head = Text.assemble(
        (f"{mark} {verdict.verdict}", style), "  ", (verdict.slug, "bold"),
        (f"  {verdict.title}  {verdict.state}", "dim"),
    )  # fmt: skip
    lines = [Text(verdict.reason), Text(threshold(verdict, " · "), style="dim")]
    return Group(head, *(Padding(line, (0, 0, 0, 2), expand=False) for line in lines), Text())


def new_table() -> Table:
    """Begin a table without lines, as all of them look."""
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=False)


def run_overview(
    summary: Summary,
    run: str,
    workspace: str | None,
    *,
    alone: bool,
    width: int,
    decided: Sequence[Triaged] = (),
    everything: bool = False,
) -> RenderableType:
    """Show one run: what it is, how it does as a whole, and its ranking.

    `run` is what it was asked for as; `alone` when that is a file without a workspace; `decided`
    what became of its aggressors, of which the dismissed are left out unless `everything` is shown.
    """
    from aggressors.cli.render_triage import announced, hidden

    name, where = shlex.quote(run), in_workspace(workspace)
    if not everything:
        left_out = frozenset(one.aggressor.rank for one in decided if one.is_hidden)
        summary = replace(summary, hidden=left_out)
    info = summary.info
    about = f"  {info.model_name} · {info.run_id} · {moment(info.created_at)}"
    parts: list[RenderableType] = [
        Text.assemble((info.name, "bold"), (about, "dim")),
        *([Text(f"D{summary.origin[1:]}.", "dim")] if summary.origin else []),
        Text(summary.performance),
        Text(summary.bottom_line),
        *announced(decided),
        Text(),
    ]
    if summary.aggressors:
        words = {one.aggressor.rank: one.word for one in decided}
        parts.append(ranking(summary, width=width, words=words))
        if summary.hidden:
            parts += hidden(decided, f"aggressors show {name} --all{where}")
        looks = {rank: said for rank, said in summary.looks.items() if rank not in summary.hidden}
        if any(one.rank in looks for one in summary.confirmed):
            parts += [Text("\nWhere the model looks", "bold"), _looks(summary.confirmed, looks)]
        lines = [f"\nNext: aggressors app {name}{where}"]
        if not alone:
            lines.append(f"      aggressors save-test {name} --aggressor 1{where}")
        # A command that is copied must not be broken into lines.
        parts += [Text(line, "dim", no_wrap=True, overflow="ignore") for line in lines]
    return Group(*parts)


def _looks(found: Sequence[Aggressor], looks: Mapping[int, str]) -> Table:
    """Say by rank what differs in where the model looks."""
    table = new_table()
    table.show_header = False
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for one in found:
        if said := looks.get(one.rank):
            table.add_row(str(one.rank), Text(said))
    return table


def run_report(result: RunResult, workspace: str | None) -> RenderableType:
    """Tell what a finished run published, and the verdicts it got."""
    where = in_workspace(workspace)
    found = counted(result.aggressors, "aggressor")
    lines: list[RenderableType] = [
        Text.assemble(
            (result.name, "bold"), f": {found} confirmed, in {result.seconds:,.0f} s\n",
            (str(result.path), "dim"),
        )
    ]  # fmt: skip
    lines += [_in_short(verdict) for verdict in result.verdicts]
    lines.append(
        Text(
            f"\nNext: aggressors show {shlex.quote(result.name)}{where}, or aggressors app{where}",
            style="dim",
        )
    )
    return Group(*lines)


def add_report(result: AddResult, workspace: str | None) -> RenderableType:
    """Tell what was added to a run, to how many samples, and what to type next."""
    lines: list[RenderableType] = [
        Text.assemble(
            (result.name, "bold"),
            f": {derivation(result.derived_from_name, result.added)}, in "
            f"{duration(result.seconds)}\n",
            (result.path, "dim"),
        )
    ]
    for field in result.missing:
        known = result.samples - result.missing[field]
        lines.append(
            Text(f"{field}: {known:,} of {counted(result.samples, 'sample')} have a value")
        )
    lines += [_in_short(verdict) for verdict in result.verdicts]
    where = in_workspace(workspace)
    lines.append(
        Text(
            f"\nNext: aggressors app {shlex.quote(result.name)}{where}, and see on Aggressor what "
            f"{'it has' if len(result.added) == 1 else 'they have'} to do with it",
            style="dim",
        )
    )
    return Group(*lines)


def _in_short(verdict: Verdict) -> Text:
    mark, style = MARKS[verdict.verdict]
    return Text.assemble(
        (f"{mark} {verdict.verdict} ", style), (verdict.slug, "bold"), f"  {verdict.reason}"
    )


def in_workspace(workspace: str | None) -> str:
    """Write the option of a command to type in the same workspace; '' where none was given."""
    return f" --workspace {shlex.quote(workspace)}" if workspace else ""


def try_report(report: Report) -> RenderableType:
    """Tell what each part of an integration returned, and the time that a run will take."""
    table = new_table()
    table.add_column("Part", style="bold", overflow="fold")
    table.add_column("Type", overflow="fold")
    table.add_column("Shape", no_wrap=True)
    table.add_column("Range", no_wrap=True)
    table.add_column("Missing", justify="right")
    table.add_column("Seconds", justify="right")
    for part in report.parts:
        has_range = part.low is not None and part.high is not None
        table.add_row(
            Text(part.name),
            Text(part.kind),
            " × ".join(map(str, part.shape)) or "–",
            f"{number(part.low)} to {number(part.high)}" if has_range else "–",
            str(part.missing) if part.missing else "–",
            f"{part.seconds:.3f}" if part.seconds else "–",
        )
    sizes = ", ".join(f"{name} {size:,}" for name, size in report.populations.items())
    lines: list[RenderableType] = [table, Text(f"\nSamples: {sizes or 'none'}")]
    if report.seconds is not None:
        lines.append(Text(f"A full run reads and infers them in about {duration(report.seconds)}."))
    return Group(*lines)


def findings_table(findings: Sequence[Finding]) -> RenderableType:
    """Tell what the doctor found, with what to type beneath."""
    marks = {"fine": ("✔", "green"), "missing": ("–", "yellow"), "broken": ("✘", "bold red")}
    lines: list[RenderableType] = []
    for one in findings:
        mark, style = marks[one.level]
        lines.append(Text.assemble((f"{mark} ", style), (f"{one.what:<11}", "bold"), one.found))
        if one.advice:
            lines.append(Padding(Text(one.advice, style=style), (0, 0, 0, 13), expand=False))
    return Group(*lines)
