"""The loop on one line: fetched, queued, labeled, and what the next model made of it."""

from __future__ import annotations

from collections.abc import Sequence

from aggressors.contracts import Aggressor
from aggressors.queries.gained import Closed, Gain
from aggressors.queries.loop import Part
from aggressors_app import cached
from aggressors_app.components.figures import Figure, figures
from aggressors_app.components.listing import Cell, Color, Column, Meter, Number, Row, Text, listing
from aggressors_app.format import count, interval, number, share, signed, when

RUNS = (
    Column("Later model"),
    Column("Trained on", right=True, help="Of the labeled samples, those in its training"),
    Column("Members", right=True, help="Change of the mean, on the same samples held out of both"),
    Column("The rest", right=True),
    Column("Gap closed", width="26%"),
)


def loop(run_id: str, queue: str, one: Aggressor) -> None:
    """Show how far the loop has come for an aggressor; nothing before a sample is queued."""
    part = cached.part(run_id, queue, one)
    if part is None:
        return
    done = part.states.get("labeled", 0) + part.states.get("rejected", 0)
    later = cached.closed(run_id, queue, one.rank) if done else ()
    shown = [_queued(queue, part), _labeled(part, done), _yielded(part), _retrained(later, done)]
    figures("loop", shown)


def later_models(run_id: str, queue: str, one: Aggressor) -> None:
    """List what each later model made of the aggressor; nothing before labels came back."""
    part = cached.part(run_id, queue, one)
    later = () if part is None else cached.closed(run_id, queue, one.rank)
    if later:
        listing("loop_runs", RUNS, [_run(each) for each in later], label="Later models")


def _queued(queue: str, part: Part) -> Figure:
    waiting = part.states.get("queued", 0)
    sent = part.states.get("exported", 0)
    notes = [f"{count(n)} {what}" for n, what in ((waiting, "waiting"), (sent, "exported")) if n]
    return Figure(
        "Queued for it", count(part.total), note=", ".join(notes) or f"all back · {queue}",
        help=f"Samples of the label queue {queue} that were chosen for this aggressor",
    )  # fmt: skip


def _labeled(part: Part, done: int) -> Figure:
    rejected = part.states.get("rejected", 0)
    note = f"of {count(part.total)}" + (f", {count(rejected)} rejected" if rejected else "")
    return Figure("Came back", count(done), note=note, help="Labeled or rejected")


def _yielded(part: Part) -> Figure:
    """Say what share was really such samples, beside what was expected."""
    help = (
        "Such samples among those that came back, against what was expected when they were queued"
    )
    expected = part.expected
    if part.came.share is None:
        value = "–" if expected is None else share(expected.expected, 0)
        note = "" if expected is None else f"expected, {_range(expected.low, expected.high)}"
        return Figure("Such samples", value, note=note, help=help)
    came = part.came.share
    known = f"{_range(came.low, came.high)}"
    if part.came.expected is not None:
        known += f"; expected {share(part.came.expected, 0)}"
    return Figure("Such samples", share(came.value, 0), note=known, help=help)


def _range(low: float, high: float) -> str:
    return f"{round(100 * low)} to {share(high, 0)}"


def _retrained(later: Sequence[Closed], done: int) -> Figure:
    """Say what the first model that learned from the labels made of the gap."""
    best = next((one for one in later if one.trained_on), later[0] if later else None)
    help = "Share of the gap to the rest that is gone, on the same samples, held out of both models"
    if best is None:
        note = "train the next model with ag.labeled" if done else "after labels and a new model"
        return Figure("Gap closed", "–", note=note, help=help)
    value = "–" if best.share is None else share(best.share, 0)
    color: Color = "gray"
    delta = ""
    if best.members is not None:
        moved = best.members.difference
        delta = f"{signed(moved.value)} ({interval(moved.low, moved.high)})"
        color = "green" if moved.high < 0 else "red" if moved.low > 0 else "gray"
    return Figure(
        "Gap closed",
        value,
        delta=delta,
        color=color,
        note=f"by {best.run_name}",
        help=help,
    )


def _run(one: Closed) -> Row:
    return Row(
        one.run_id,
        (
            Text(one.run_name, sub=when(one.created_at)),
            Number(f"{count(one.trained_on)} of {count(one.labeled)}"),
            _change(one.members),
            _change(one.rest),
            None
            if one.share is None
            else Meter(max(one.share, 0.0), share(one.share, 0), color="green"),
        ),
        muted=not one.trained_on,
    )


def _change(found: Gain | None) -> Cell:
    if found is None:
        return Text("–", sub="too few to compare")
    moved = found.difference
    return Text(
        signed(moved.value),
        sub=f"{number(found.before)} → {number(found.after)} "
        f"({interval(moved.low, moved.high)}), n {count(found.n)}",
    )
