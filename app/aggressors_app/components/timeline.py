"""The runs of a workspace over time; and which aggressors are new, gone or still there."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import RunSummary
from aggressors.errors import AggressorsError
from aggressors.queries.overview import Totals
from aggressors.words import derivation
from aggressors_app import cached, charts, placing
from aggressors_app.catalogue import Catalogue
from aggressors_app.components.chart import chart
from aggressors_app.components.listing import (
    Badge,
    Cell,
    Color,
    Column,
    Meter,
    Number,
    Row,
    Text,
    listing,
)
from aggressors_app.format import MISSING, count, number, plain, share, signed, typeset, when

COLUMNS = (
    Column("Run", width="26%"),
    Column("Mean loss", help="Of the samples in the filter; bars compare runs of one loss"),
    Column(
        "Change",
        right=True,
        help="Of the mean loss, to the run before of the same task and loss",
    ),
    Column("Error", help="Of the samples in the filter"),
    Column("Aggressors", right=True, help="Confirmed ones"),
    Column("Samples", right=True, help="Those in the filter"),
    Column("When", right=True),
)
FATES: dict[str, Color] = {"new": "red", "still there": "orange", "gone": "green"}


def timeline(catalogue: Catalogue, run_id: str, filter: str) -> None:
    """Show the runs, newest first; choosing one switches to it."""
    found = {run.run_id: _totals(run.run_id, filter) for run in catalogue.runs}
    st.subheader("Runs, newest first", anchor=False)
    listing(
        "runs",
        COLUMNS,
        [_row(run, found, run.run_id == run_id) for run in catalogue.runs],
        label="Runs, newest first",
        chosen=run_id,
        on_choose=placing.switch,
        height=420,
    )
    means = {
        run: one.mean_loss
        for run in reversed(cached.like(run_id))
        if (one := found[run.run_id]) and one.mean_loss is not None
    }
    shown = [run.run_id for run in means]
    points = [charts.Point(run.name, mean, None, None) for run, mean in means.items()]
    if len(points) > 1:
        task, loss = cached.kind(run_id)
        colors = charts.palette(st.context.theme.type)
        chart(
            "runs_loss",
            charts.over_runs(points, "mean loss", colors),
            charts.table_of_runs(points, "mean loss"),
            title="Mean loss under the filter",
            heading=True,
            on_mark=lambda place: placing.switch(shown[place]) if place < len(shown) else None,
            said=f":gray[Runs of the same task and loss: {plain(task)}, {plain(loss)}]"
            if len(points) < len(found)
            else "",
        )


def _totals(run_id: str, filter: str) -> Totals | None:
    """Totals under the filter; None where this run cannot answer it."""
    try:
        return cached.totals(run_id, filter)
    except AggressorsError:
        return None


def _row(run: RunSummary, found: dict[str, Totals | None], here: bool) -> Row:
    now = found[run.run_id]
    try:
        kind = " · ".join(cached.kind(run.run_id))
        alike = [found[one.run_id] for one in cached.like(run.run_id)]
        before = cached.before(run.run_id)
    except AggressorsError:
        kind, alike, before = run.task, [], None
    earlier = found[before.run_id] if before else None
    derived = derivation(run.derived_from_name, run.added)
    losses = [one.mean_loss or 0.0 for one in alike if one]
    errors = [one.error_rate or 0.0 for one in found.values() if one]
    return Row(
        run.run_id,
        (
            Text(run.name, sub=typeset(derived) or f"{run.model_name} · {kind}", strong=here),
            _meter(now.mean_loss if now else None, max(losses, default=1.0), percent=False),
            Number(MISSING) if derived else _change(now, earlier),
            _meter(now.error_rate if now else None, max(errors, default=1.0), percent=True),
            Number(count(run.aggressors)),
            Number(count(now.n) if now else MISSING),
            Number(when(run.created_at)),
        ),
    )


def _change(now: Totals | None, before: Totals | None) -> Cell:
    if not now or not before or now.mean_loss is None or before.mean_loss is None:
        return Number(MISSING)
    if number(now.mean_loss) == number(before.mean_loss):
        return Badge("no change")
    change = now.mean_loss - before.mean_loss
    return Badge(signed(change), "red" if change > 0 else "green")


def _meter(value: float | None, top: float, *, percent: bool) -> Cell:
    if value is None:
        return Number(MISSING)
    return Meter(value, share(value) if percent else number(value), max=top or 1.0, color="red")


def fates(run_id: str, before: RunSummary) -> None:
    """Show which aggressors of this run are new, and which of the run before are gone."""
    found = cached.matched(run_id, before.run_id).to_pylist()
    if not found:
        return
    st.subheader("What became of the aggressors", anchor=False)
    rows = []
    for place, row in enumerate(found):
        here, there = row["name"] is not None, row["other_name"] is not None
        fate = "still there" if here and there else "new" if here else "gone"
        rows.append(
            Row(
                str(place),
                (
                    Badge(fate, FATES[fate]),
                    Text(
                        typeset(row["name"] if here else row["other_name"]),
                        sub=f"was {typeset(row['other_name'])}"
                        if here and there and row["name"] != row["other_name"]
                        else "",
                        strong=True,
                    ),
                    Number(signed(row["gap"])),
                    Number(signed(row["other_gap"])),
                    Number(share(row["overlap"], 0) if here and there else MISSING),
                ),
            )
        )
    columns = (
        Column(f"Since {before.name}"),
        Column("Aggressor", width="46%"),
        Column("Gap now", right=True),
        Column(f"Gap in {before.name}", right=True),
        Column("Same samples", right=True, help="Intersection over union of the members"),
    )
    listing("fates", columns, rows, label="What became of the aggressors", height=460)
