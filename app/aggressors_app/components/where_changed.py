"""One list of the places that changed between two runs, all on one scale; choosing one shows it."""

from __future__ import annotations

from aggressors.gate import History
from aggressors_app import cached, state
from aggressors_app.cached import comparing
from aggressors_app.components.changes import change_meter, means
from aggressors_app.components.fates import fate_rows
from aggressors_app.components.got_worse import SAVE, worse_rows
from aggressors_app.components.listing import Column, Row, Text, listing
from aggressors_app.components.save_test import save_worse
from aggressors_app.format import count, titled, typeset

HEIGHT = 720  # pixels before the list scrolls
ALL = "all"


def where_changed(history: History, run_id: str, other_id: str, filter: str, place: str) -> None:
    """List all samples, the saved tests, what got worse, and the aggressors of both runs."""
    ours, theirs = (cached.run_file(one).info for one in (run_id, other_id))
    signal = cached.signal(run_id)
    top = _top(history, run_id, other_id)
    columns = (
        Column("Where"),
        Column(
            f"Change in {signal}",
            width="36%",
            help=f"Mean under {ours.name} minus mean under {theirs.name} of the same samples, with "
            "its 95 % interval; to the right is worse",
        ),
        Column(f"{theirs.name} → {ours.name}", help=f"Mean {signal} under each"),
        Column(""),
    )
    rows = [
        _whole(run_id, other_id, filter, top),
        *_tests(history, run_id, other_id, top),
        *worse_rows(run_id, other_id, top),
        *fate_rows(run_id, other_id, top),
    ]
    listing(
        "where_changed",
        columns,
        rows,
        label="Where the two runs differ",
        chosen=place or ALL,
        on_choose=_choose,
        on_act=lambda act, place: _act(run_id, other_id, act, place),
        height=HEIGHT,
        spare=True,
    )


def show(place: str) -> None:
    """Look at a place; for callbacks."""
    state.change(on=None if place == ALL else place, turn=None, page=None, sample=None)


_choose = show


def _act(run_id: str, other_id: str, act: str, place: str) -> None:
    kind, _, rank = place.partition(":")
    if act == SAVE and kind == "worse" and rank.isascii() and rank.isdigit():
        save_worse(run_id, other_id, int(rank))


def _whole(run_id: str, other_id: str, filter: str, top: float) -> Row:
    found = comparing.change(run_id, other_id, f"filter:{filter}")
    assert found is not None  # a filter is a place in all runs
    analysed = cached.run_file(run_id).info.settings.analysed
    everything = filter == f"population = {analysed}"
    what = f"All {count(found.n)} samples" if everything else f"{count(found.n)} in the filter"
    return Row(
        ALL,
        (
            Text(titled(what), strong=True),
            change_meter(found.difference, found.low, found.high, top),
            means(found.reference, found.value),
            None,
        ),
    )


def _tests(history: History, run_id: str, other_id: str, top: float) -> list[Row]:
    """List the saved tests; what they found stands where they measure against the other run."""
    rows = []
    for tracked in history.tests:
        verdict = tracked.verdicts.get(run_id)
        title = typeset(tracked.test.title)
        if verdict is not None and verdict.baseline == other_id:
            meter = change_meter(verdict.difference, verdict.low, verdict.high, top)
            mean, note = means(verdict.reference, verdict.value), title
        else:
            meter, mean = change_meter(None, None, None, top), means(None, None)
            base = verdict.baseline_name if verdict else ""
            note = f"{title} · measured against {base}" if base else title
        cells = (Text(tracked.test.slug, sub=note, strong=True), meter, mean, None)
        rows.append(Row(f"test:{tracked.test.slug}", cells, group="Saved tests"))
    return rows


def _top(history: History, run_id: str, other_id: str) -> float:
    """Return the largest change of all rows, which all bars share as their scale."""
    found = comparing.worse(run_id, other_id)
    groups = [one.group.difference for one in found[1]] if found else []
    fates = [one.change.difference for one in comparing.fates(run_id, other_id)]
    tests = [
        verdict.difference
        for tracked in history.tests
        if (verdict := tracked.verdicts.get(run_id)) and verdict.baseline == other_id
    ]
    sizes = [abs(one) for one in (*groups, *fates, *tests) if one is not None]
    return max(sizes, default=0.0) or 1.0
