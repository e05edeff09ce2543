"""How label queues look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from aggressors.cli.render import moment
from aggressors.words import counted, number, percent, spoken

if TYPE_CHECKING:
    from aggressors.queries.gained import Closed, Gain
    from aggressors.queries.loop import Came, Loop, Part
    from aggressors.store.label_import import Checked
    from aggressors.store.label_queues import Export, QueueSummary, Quota

_TOLD = {
    "labeler": "as the labeler said",
    "rule": "by the rule of the group",
    "kept": "kept by the labeler",
    "engine": "as the engine guesses",
}


def queue_table(found: Sequence[QueueSummary]) -> Table:
    """List label queues with how far each is."""
    table = _table("Queue", "Done", "Waiting", "Rejected", "Changed")
    for one in found:
        waiting = f"{one.states['queued']:,} queued, {one.states['exported']:,} exported"
        by = f" by {', '.join(one.by[:3])}" if one.by else ""
        table.add_row(
            Text(one.name, style="bold"),
            f"{one.done:,} of {one.total:,}",
            waiting,
            f"{one.states['rejected']:,}",
            Text(f"{moment(one.changed)}{by}" if one.changed else "", style="dim"),
        )
    return table


def queue_overview(
    found: QueueSummary, exports: Sequence[Export], told: Loop | None, closed: Sequence[Closed]
) -> list[RenderableType]:
    """Show one queue: how far it is, what came of it, and what the next model made of it."""
    states = ", ".join(f"{n:,} {state}" for state, n in found.states.items() if n)
    head = f"{found.name}: {found.done:,} of {found.total:,} done"
    parts: list[RenderableType] = [Text(head, style="bold"), Text(states or "empty")]
    if exports:
        parts.append(Text(f"Exports: {'; '.join(map(_export, exports))}", style="dim"))
    if told is None:
        parts.append(Text("The run of its samples is not here: nothing more is known of them."))
        return parts
    if told.elsewhere:
        n = counted(told.elsewhere, "sample")
        verb = "was" if told.elsewhere == 1 else "were"
        parts.append(Text(f"{n} {verb} chosen from other runs than {told.run_name}; see --run."))
    if told.parts:
        parts += ["", _parts(told)]
    parts += [Text(line) for part in told.parts for line in _remarks(part)]
    if closed:
        parts += ["", _closed(closed)]
    return parts


def _export(one: Export) -> str:
    if one.samples is None:
        return f"{one.number} (cannot be read)"
    return f"{one.number} {one.format} {one.samples:,} on {moment(one.created)}"


def _parts(told: Loop) -> Table:
    table = _table(
        f"For, in {told.run_name}", "Done", "Such samples", "Expected of all", "Expected now"
    )
    for part in told.parts:
        done = part.states.get("labeled", 0) + part.states.get("rejected", 0)
        name = f"{part.aggressor} {part.group}" if part.aggressor is not None else "no aggressor"
        table.add_row(
            Text(name, style="bold"),
            f"{done:,} of {part.total:,}",
            _came(part.came),
            _span(part.expected),
            _span(part.now) if part.came.n else "",
        )
    return table


def _came(came: Came) -> str:
    if came.share is None:
        return "not known yet"
    at = came.share
    return f"{percent(at.value)} ({percent(at.low)} to {percent(at.high)}) of {came.n:,}"


def _span(promise: object) -> str:
    from aggressors.queries.fetching import Promise

    if not isinstance(promise, Promise):
        return ""
    return f"{percent(promise.expected)} ({percent(promise.low)} to {percent(promise.high)})"


def _remarks(part: Part) -> list[str]:
    found = []
    if part.came.told:
        told = "; ".join(f"{n:,} {_TOLD[way]}" for way, n in part.came.told.items())
        name = "no aggressor" if part.aggressor is None else f"{part.aggressor} {part.group}"
        found.append(f"Such samples for {name}: {told}.{_unknown(part.came.unknown)}")
    if part.expected and part.expected.needs_pilot and part.pilot and not part.pilot.complete:
        found.append(f"{part.expected.why} {part.pilot.done} of them are done.")
    return found


def _unknown(n: int) -> str:
    return f" Of {counted(n, 'sample')} nobody can tell." if n else ""


def _closed(closed: Sequence[Closed]) -> Table:
    first = closed[0]
    after = f"In {first.run_name}"
    table = _table(
        after, "Samples", f"{spoken(first.signal).capitalize()} before", "After", "Change"
    )
    for one in closed:
        learned = (
            f"{one.aggressor} {one.group}\ntrained on {one.trained_on:,} of {one.labeled:,} labels"
        )
        gone = f", {percent(one.share)} of the gap closed" if one.share is not None else ""
        table.add_row(Text(f"{learned}{gone}", style="bold"), *_gain(one.members))
        table.add_row("rest", *_gain(one.rest))
    return table


def _gain(one: Gain | None) -> tuple[str, str, str, str]:
    if one is None:
        return "too few to compare", "", "", ""
    at = one.difference
    change = f"{at.value:+.3g} ({at.low:+.3g} to {at.high:+.3g})"
    return f"{one.n:,}", number(one.before), number(one.after), change


def row_table(rows: pa.Table, runs: Mapping[str, str]) -> Table:
    """List the samples of a queue; `runs` are the names of runs by their ids."""
    table = _table("Sample", "State", "Answer", "For", "By")
    for row in rows.to_pylist():
        rank = row["aggressor"]
        table.add_row(
            Text(row["sample_id"]),
            row["state"],
            Text(row["label"] or row["why"] or ""),
            Text("" if rank is None else f"{rank} of {runs.get(row['run_id'], row['run_id'])}"),
            Text(row["by"] or "", style="dim"),
        )
    return table


def quota_sentence(quota: Quota) -> str:
    """Say what a queue may hold."""
    told = []
    if quota.total is not None:
        told.append(f"{counted(quota.total, 'sample')} in all")
    if quota.at_most is not None:
        told.append(f"{quota.at_most:,} of each aggressor")
    if quota.share is not None:
        told.append(f"{percent(quota.share)} of the total for each aggressor")
    return f"At most {', '.join(told)}." if told else "No limit."


def import_sentence(checked: Checked) -> str:
    """Say what was taken."""
    told = [f"{len(checked.labeled):,} labeled", f"{len(checked.rejected):,} rejected"]
    if checked.unchanged:
        told.append(f"{checked.unchanged:,} as before")
    if checked.left_out:
        told.append(f"{counted(checked.left_out, 'row')} left out")
    new = f" New classes: {', '.join(checked.new_classes)}." if checked.new_classes else ""
    return f"Took {checked.form} into {checked.queue.name!r}: {', '.join(told)}.{new}"


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, overflow="fold")
    return table
