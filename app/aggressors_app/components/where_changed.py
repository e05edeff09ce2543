"""One list of the places that changed between two runs, all on one scale; choosing one shows it."""

from __future__ import annotations

from collections.abc import Sequence

from aggressors.contracts import Verdict
from aggressors.gate import History, TrackedTest
from aggressors.queries.paired import Change
from aggressors.words import spoken
from aggressors_app import cached, state
from aggressors_app.cached import comparing
from aggressors_app.components.changes import change_meter, means, notes
from aggressors_app.components.fates import fate_rows
from aggressors_app.components.got_worse import SAVE, worse_rows
from aggressors_app.components.listing import Cell, Column, Number, Row, Text, listing
from aggressors_app.components.matrix import in_order
from aggressors_app.components.save_test import save_worse
from aggressors_app.format import MISSING, count, typeset

HEIGHT = 720  # pixels before the list scrolls
ALL = "all"
MOST_ASKED = 12  # tests without a verdict on the two runs whose samples are compared for the list

_Measured = tuple[TrackedTest, Verdict | Change | None]


def places(history: History, run_id: str, other_id: str, filter: str) -> list[Row]:
    """List all samples, the tests, what got worse, and the aggressors of both runs, as rows."""
    signal = cached.run_file(run_id).info.settings.signal
    tests = _measured(history, run_id, other_id, signal)
    top = _top(tests, run_id, other_id, signal)
    return [
        _whole(run_id, other_id, filter, top),
        *(_test(*one, signal, top) for one in tests),
        *worse_rows(run_id, other_id, top),
        *fate_rows(run_id, other_id, top),
    ]


def where_changed(run_id: str, other_id: str, rows: Sequence[Row], place: str) -> None:
    """List the places; choosing one shows it."""
    ours, theirs = (cached.run_file(one).info for one in (run_id, other_id))
    signal = cached.signal(run_id)
    columns = (
        Column("Where", help=f"Below it the mean {signal} under {theirs.name} → {ours.name}"),
        Column(
            f"Change in {signal}",
            width="42%",
            help=f"Mean under {ours.name} minus mean under {theirs.name} of the same samples, with "
            "its 95 % interval; to the right is worse",
        ),
        Column(""),
    )
    listing(
        "where_changed",
        columns,
        rows,
        label="Where the two runs differ",
        chosen=place or ALL,
        on_choose=show,
        on_act=lambda act, place: _act(run_id, other_id, act, place),
        height=HEIGHT,
    )


def called(rows: Sequence[Row], place: str) -> str:
    """Return what the row of a place is called; '' where it has none."""
    first = next((row.cells[0] for row in rows if row.id == (place or ALL)), None)
    return first.text if isinstance(first, Text) else ""


def show(place: str) -> None:
    """Look at a place; for callbacks."""
    state.change(on=None if place == ALL else place, turn=None, page=None, sample=None)


def _act(run_id: str, other_id: str, act: str, place: str) -> None:
    kind, _, rank = place.partition(":")
    if act == SAVE and kind == "worse" and rank.isascii() and rank.isdigit():
        save_worse(run_id, other_id, int(rank))


def _whole(run_id: str, other_id: str, filter: str, top: float) -> Row:
    found = comparing.change(run_id, other_id, f"filter:{filter}")
    assert found is not None  # a filter is a place in all runs
    analysed = cached.run_file(run_id).info.settings.analysed
    everything = filter == f"population = {analysed}"
    what = f"{count(found.n)} samples"
    what = f"All {what}" if everything else f"{what} in the filter"
    return Row(
        ALL,
        (
            Text(what, sub=means(found.reference, found.value), strong=True),
            change_meter(found.difference, found.low, found.high, top),
            None,
        ),
    )


def _test(tracked: TrackedTest, found: Verdict | Change | None, signal: str, top: float) -> Row:
    title, n = typeset(tracked.test.title), tracked.test.samples
    meter: Cell = Number(MISSING)
    was = ""
    if found is not None:
        n, was = found.n, means(found.reference, found.value)
        if _by_another(found, signal):
            was = f"{spoken(tracked.test.signal)} {was}"
        else:
            meter = change_meter(found.difference, found.low, found.high, top)
    said = notes(was, f"{count(n)} samples", title)
    cells = (Text(tracked.test.slug, sub=said, strong=True), meter, None)
    return Row(f"test:{tracked.test.slug}", cells, group="Saved tests")


def _by_another(found: Verdict | Change, signal: str) -> bool:
    """Whether a change is in another signal than the list, which has one scale."""
    return isinstance(found, Verdict) and found.signal != signal


def _measured(history: History, run_id: str, other_id: str, signal: str) -> list[_Measured]:
    """Give each test its change between two runs: of its verdict, where it measures these two.

    They are in the signal of the run, but for tests of another one beyond the first that are asked.
    """
    found: list[_Measured] = []
    asked = 0
    for tracked in (one.tracked for one in in_order(history, run_id)):
        verdict = tracked.verdicts.get(run_id)
        beside = verdict is not None and verdict.baseline == other_id
        if beside and tracked.test.signal == signal:
            found.append((tracked, verdict))
        elif asked < MOST_ASKED:
            asked += 1
            place = f"test:{tracked.test.slug}"
            found.append((tracked, comparing.change(run_id, other_id, place)))
        else:
            found.append((tracked, verdict if beside else None))
    return found


def _top(tests: Sequence[_Measured], run_id: str, other_id: str, signal: str) -> float:
    """Return the largest change of all rows, which all bars share as their scale."""
    found = comparing.worse(run_id, other_id)
    groups = [one.group.difference for one in found[1]] if found else []
    fates = [one.change.difference for one in comparing.fates(run_id, other_id)]
    changes = [one.difference for _, one in tests if one and not _by_another(one, signal)]
    sizes = [abs(one) for one in (*groups, *fates, *changes) if one is not None]
    return max(sizes, default=0.0) or 1.0
