"""Samples whose label or input should be looked at, with what to do about each."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.queries.cards import data_uri
from aggressors_app import actions, cached
from aggressors_app.components.exports import export_menu
from aggressors_app.components.listing import (
    Badge,
    Column,
    Number,
    Picture,
    Row,
    Text,
    listing,
)
from aggressors_app.format import number, typeset

MOST = 60
COLUMNS = (
    Column(""),
    Column("Sample"),
    Column("Label"),
    Column("Suggested"),
    Column("Why", width="36%"),
    Column("Loss", right=True),
)


def suspects(run_id: str, one: Aggressor) -> None:
    """Show the suspects of an aggressor, most urgent first."""
    rows = cached.suspects(run_id, one.concept_id, 0, MOST).to_pylist()
    if not rows:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Labels to look at**", width="content")
        st.space("stretch")
        export_menu(
            "suspects_export",
            lambda format: actions.exported(run_id, "suspects", format, "", one.rank),
            "All suspects of this aggressor",
            stem=f"suspects-{one.rank}",
        )
    listing(
        "suspects",
        COLUMNS,
        [
            Row(
                row["sample_id"],
                (
                    Picture(data_uri(row["thumbnail"]), row["sample_id"]),
                    Text(row["sample_id"], sub=row["population"]),
                    Text(str(row["label"] or "")),
                    Badge(row["suggested"], "orange")
                    if row["suggested"]
                    else Badge("remove", "gray"),
                    Text("", sub=typeset(row["reason"] or "")),
                    Number(number(row["loss"])),
                ),
            )
            for row in rows
        ],
        label="Labels to look at",
        height=300,
    )
