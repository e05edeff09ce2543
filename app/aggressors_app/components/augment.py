"""What to vary in training: transformations that were tried on clean samples, and the code."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.queries.handover import Tried
from aggressors_app import cached
from aggressors_app.components.listing import Badge, Column, Meter, Number, Row, Text, listing
from aggressors_app.format import interval, number, plain, share, titled, typeset

COLUMNS = (
    Column("Tried on clean samples"),
    Column(
        "Loss moves",
        width="46%",
        help="How far the loss of clean samples goes towards that of the members; "
        "100 % = they then fail as the members do",
    ),
    Column("Alike", right=True, help="Whether they move the members' way; 1 = become members"),
    Column(""),
)


def augment(run_id: str, one: Aggressor) -> None:
    """Show what was tried, the best first, with code that varies it in training."""
    found = cached.augmentation(run_id, one.concept_id)
    st.markdown(plain(typeset(titled(found.said))))
    if found.tried:
        listing(
            "probes", COLUMNS, [_row(one) for one in found.tried], label="Transformations tried"
        )
    if found.snippet:
        st.markdown("**For training, with torchvision**")
        st.code(found.snippet, language="python")


def _row(one: Tried) -> Row:
    top = max(1.0, one.moved, one.high or 0.0)
    return Row(
        one.transform,
        (
            Text(typeset(one.name)),
            Meter(
                max(one.moved, 0.0),
                share(one.moved, 0),
                low=None if one.low is None else max(one.low, 0.0),
                high=one.high,
                max=top,
                sub=interval(one.low, one.high, percent=True),
                color="violet" if one.verified else "gray",
            ),
            Number("–" if one.alike is None else number(one.alike)),
            Badge("verified", "violet") if one.verified else Badge("does not explain it", "gray"),
        ),
        muted=not one.verified,
    )
