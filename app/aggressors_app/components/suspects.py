"""Samples whose label or input should be looked at, with what to do about each."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.queries.cards import data_uri
from aggressors.words import ACTION_NAMES
from aggressors_app import actions, cached
from aggressors_app.components.exports import export_menu
from aggressors_app.components.listing import (
    Badge,
    Cell,
    Column,
    Number,
    Picture,
    Row,
    Text,
    listing,
)
from aggressors_app.format import number, typeset

MOST = 200  # as many as a run keeps
COLUMNS = (
    Column(""),
    Column("Sample"),
    Column("Label"),
    Column("Suggested"),
    Column("Why", width="36%"),
    Column("Loss", right=True),
)


LISTED = 2  # the first actions for which a run lists suspects
ORDINALS = ("", "first", "second", "third", "fourth", "last")
TITLES = {"relabel": "Labels to look at", "remove": "Samples that cannot be saved"}


def suspects(run_id: str, one: Aggressor, kind: Literal["relabel", "remove"]) -> None:
    """Show the suspects of an aggressor, most urgent first."""
    rows = cached.suspects(run_id, one.concept_id, 0, MOST, kind).to_pylist()
    if not rows:
        _none(run_id, one, kind)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{TITLES[kind]}**", width="content")
        st.space("stretch")
        export_menu(
            "suspects_export",
            lambda format: actions.exported(run_id, "suspects", format, "", one.rank),
            "All suspects of this aggressor",
            stem=f"suspects-{one.rank}",
            run_id=run_id,
        )
    columns = [each for each in COLUMNS if kind == "relabel" or each.title != "Suggested"]
    listing(
        "suspects",
        columns,
        [Row(row["sample_id"], _cells(row, kind)) for row in rows],
        label=TITLES[kind],
        height=620,
    )


def _none(run_id: str, one: Aggressor, kind: str) -> None:
    """Say why nothing is listed: suspects are, for the first two actions."""
    place = next(
        each.place for each in cached.ranked(run_id, one.concept_id) if each.action == kind
    )
    name = ACTION_NAMES[kind]
    st.caption(
        f"No sample is suspected. To {name} comes {ORDINALS[place]} of five actions; samples are "
        "listed where it is among the first two."
        if place > LISTED
        else "No sample is suspected, or none could be judged."
    )


def _cells(row: dict[str, Any], kind: str) -> tuple[Cell, ...]:
    suggested = (Badge(row["suggested"] or "", "orange"),) if kind == "relabel" else ()
    picture = data_uri(row["thumbnail"])
    return (
        Picture(picture, row["sample_id"]) if picture else None,
        Text(row["sample_id"], sub=row["population"]),
        Text(str(row["label"] or "")),
        *suggested,
        Text("", sub=typeset(row["reason"] or "")),
        Number(number(row["loss"])),
    )
