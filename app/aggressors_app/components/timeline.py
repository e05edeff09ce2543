"""The runs of a workspace over time; and which aggressors are new, gone or still there."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import RunSummary
from aggressors.errors import AggressorsError
from aggressors.queries.overview import Totals
from aggressors_app import cached, charts, state
from aggressors_app.cached import Catalogue
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
from aggressors_app.format import MISSING, count, number, share, signed, when

COLUMNS = (
    Column("Run", width="20%"),
    Column("When"),
    Column("Mean loss", help="Of the samples in the filter"),
    Column("Error", help="Of the samples in the filter"),
    Column("Aggressors", right=True, help="Confirmed ones"),
    Column("Change of loss", right=True, help="To the run before"),
    Column("Samples", right=True),
)
FATES: dict[str, Color] = {"new": "red", "still there": "orange", "gone": "green"}


def timeline(catalogue: Catalogue, run_id: str, filter: str) -> None:
    """Show the runs, newest first; choosing one switches to it."""
    found = {run.run_id: _totals(run.run_id, filter) for run in catalogue.runs}
    losses = [one.mean_loss or 0.0 for one in found.values() if one]
    errors = [one.error_rate or 0.0 for one in found.values() if one]
    rows = []
    for run in catalogue.runs:
        before = catalogue.before(run.run_id)
        rows.append(
            _row(
                run,
                found[run.run_id],
                found[before.run_id] if before else None,
                max(losses, default=1.0),
                max(errors, default=1.0),
                run.run_id == run_id,
            )
        )
    left, right = st.columns([7, 4], gap="medium")
    with left:
        st.subheader("Runs, newest first", anchor=False)
        listing(
            "runs",
            COLUMNS,
            rows,
            label="Runs, newest first",
            chosen=run_id,
            on_choose=lambda chosen: state.change(run=chosen),
            height=520,
        )
    with right:
        names = {run.run_id: run.name for run in catalogue.runs}
        points = [
            charts.Point(names[key], one.mean_loss, None, None)
            for key, one in reversed(found.items())
            if one and one.mean_loss is not None
        ]
        if len(points) > 1:
            st.subheader("Mean loss under the filter", anchor=False)
            colors = charts.palette(st.context.theme.type)
            st.vega_lite_chart(spec=charts.over_runs(points, "mean loss", colors), key="runs_loss")


def _totals(run_id: str, filter: str) -> Totals | None:
    """Totals under the filter; None where this run cannot answer it."""
    try:
        return cached.totals(run_id, filter)
    except AggressorsError:
        return None


def _row(
    run: RunSummary,
    now: Totals | None,
    before: Totals | None,
    loss: float,
    error: float,
    here: bool,
) -> Row:
    change = None
    if now and before and now.mean_loss is not None and before.mean_loss is not None:
        change = now.mean_loss - before.mean_loss
    color: Color = "gray" if not change else "red" if change > 0 else "green"
    shown: Cell = Number(MISSING) if change is None else Badge(signed(change), color)
    return Row(
        run.run_id,
        (
            Text(run.name, sub=f"{run.model_name} · {run.task}", strong=here),
            Text("", sub=when(run.created_at)),
            _meter(now.mean_loss if now else None, loss, percent=False),
            _meter(now.error_rate if now else None, error, percent=True),
            Number(count(run.aggressors)),
            shown,
            Number(count(now.n) if now else MISSING),
        ),
    )


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
                        row["name"] if here else row["other_name"],
                        sub=f"was {row['other_name']}"
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
        Column("Since the run before"),
        Column("Aggressor", width="46%"),
        Column("Gap now", right=True),
        Column(f"Gap in {before.name}", right=True),
        Column("Same samples", right=True, help="Intersection over union of the members"),
    )
    listing("fates", columns, rows, label="What became of the aggressors", height=460)
