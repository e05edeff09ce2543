"""Whether an aggressor is one in every population."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors_app import cached
from aggressors_app.components.listing import Column, Meter, Number, Row, Text, listing
from aggressors_app.format import count, interval, signed

COLUMNS = (
    Column("Population", width="36%"),
    Column("Gap"),
    Column("n", right=True, help="Members that the gap is measured on"),
)
FOLDS = {"confirm": "unseen half", "discover": "half it was found on", "both": ""}


def populations(run_id: str, one: Aggressor) -> None:
    """Show the gap by population; the half that judges stands for the analysed one."""
    analysed = cached.run_file(run_id).info.settings.analysed
    found = [
        row
        for row in cached.stats(run_id, one.concept_id).to_pylist()
        if row["gap"] is not None
        and (row["fold"] == ("confirm" if row["population"] == analysed else "both"))
    ]
    if not found:
        return
    low = min(0.0, *(_or(row["gap_low"], row["gap"]) for row in found))
    high = max(0.1, *(_or(row["gap_high"], row["gap"]) for row in found))
    rows = [
        Row(
            row["population"],
            (
                Text(row["population"], sub=FOLDS[row["fold"]]),
                Meter(
                    row["gap"],
                    signed(row["gap"]),
                    low=row["gap_low"],
                    high=row["gap_high"],
                    min=low,
                    max=high,
                    sub=interval(row["gap_low"], row["gap_high"]),
                    color="red",
                ),
                Number(count(row["n"])),
            ),
        )
        for row in found
    ]
    st.markdown("**Gap by population**")
    listing("populations", COLUMNS, rows, label="Gap by population")


def _or(value: float | None, instead: float) -> float:
    return instead if value is None else value
