"""What the members share: fields by how strongly they go with membership, within each label."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.queries.grammar import both, format_filter, parse
from aggressors_app import cached, chips, state
from aggressors_app.components.add_metadata import heading
from aggressors_app.components.listing import Column, Meter, Row, Text, listing
from aggressors_app.format import interval, number, typeset

MOST = 8
HEIGHT = 330  # pixels before the list scrolls
COLUMNS = (
    Column(
        "Field",
        width="58%",
        help="Each is cut where it parts members from the rest best; the rule in the name may cut "
        "elsewhere",
    ),
    Column(
        "Effect",
        help="Within labels, so that a class does not pose as a cause; −1 to 1, with its interval",
    ),
)


def associations(run_id: str, filter: str, one: Aggressor) -> None:
    """Show the strongest fields; choosing one adds its claim to the filter, as a hypothesis."""
    heading("What they share", run_id, one.concept_id)
    found = cached.associations(run_id, one.concept_id).slice(0, MOST).to_pylist()
    if not found:
        st.caption("This run has no metadata to compare. Add fields to the integration file.")
        return
    claims = {row["field"]: chips.hypothesis(row["field"], row["detail"]) for row in found}
    signed = any(row["effect"] < 0 for row in found)
    widest = max(max(abs(row["low"] or 0), abs(row["high"] or 0), 0.2) for row in found)

    def claim(field: str) -> None:
        if part := claims.get(field):
            state.change(filter=format_filter(both(parse(filter), part)))

    listing(
        "associations",
        COLUMNS,
        [
            Row(
                row["field"],
                (
                    Text(row["field"], sub=typeset(row["sentence"] or ""), strong=True),
                    Meter(
                        row["effect"],
                        number(row["effect"]),
                        low=row["low"],
                        high=row["high"],
                        min=-widest if signed else 0.0,
                        max=widest,
                        sub=interval(row["low"], row["high"]),
                    ),
                ),
            )
            for row in found
        ],
        label="What the members share",
        on_choose=claim,
        height=HEIGHT,
    )
    st.caption("Click a field to claim it: its rule joins the filter, and every page tests it.")
