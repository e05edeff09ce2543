"""Which labels the members carry, and what the model calls them."""

from __future__ import annotations

import streamlit as st

from aggressors.queries.grammar import format_filter
from aggressors_app import cached
from aggressors_app.components.filter_bar import initial
from aggressors_app.components.listing import Column, Meter, Number, Row, Text, listing
from aggressors_app.format import count, share

MOST = 7
COLUMNS = (
    Column("Label › prediction"),
    Column("Share of members", width="46%"),
    Column("n", right=True),
)


def confusion(run_id: str, concept_id: int) -> None:
    """Show the most frequent pairs of label and prediction among the analysed members."""
    where = format_filter(initial(run_id))
    found = cached.confusion(run_id, where, concept_id).to_pylist()
    if not found:
        return
    total = sum(row["n"] for row in found)
    found.sort(key=lambda row: (row["label"] == row["prediction"], -row["n"]))
    rows = [
        Row(
            f"{row['label']}|{row['prediction']}",
            (
                Text(
                    row["label"]
                    if row["label"] == row["prediction"]
                    else f"{row['label']} › {row['prediction']}"
                ),
                Meter(
                    row["n"] / total,
                    share(row["n"] / total, 0),
                    max=max(entry["n"] for entry in found) / total,
                    color="green" if row["label"] == row["prediction"] else "red",
                ),
                Number(count(row["n"])),
            ),
        )
        for row in found[:MOST]
    ]
    st.markdown("**What the model calls them**")
    listing("confusion", COLUMNS, rows, label="Labels and predictions of the members")
