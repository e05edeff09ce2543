"""The recommended action, and the evidence for it in words and numbers."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor, Scalar
from aggressors.stats.diagnosis import Reason
from aggressors.words import ACTION_NAMES, ADVICE
from aggressors_app import cached
from aggressors_app.components.listing import Column, Meter, Number, Row, Text, listing
from aggressors_app.format import (
    MISSING,
    count,
    interval,
    number,
    plain,
    share,
    titled,
    typeset,
)

EVIDENCE = (
    Column("Evidence, weightiest first", width="58%"),
    Column("Here", right=True, help="The measure, for the members"),
    Column("Against", right=True, help="The same for the rest, or from where on it counts"),
)
YIELD = (Column("Label the first"), Column("Expect such samples", width="60%"))


def recommendation(run_id: str, one: Aggressor) -> None:
    """Show what to do and why, and what labeling would yield."""
    found = cached.action(run_id, one.concept_id)
    with st.container(border=True):
        st.caption("Recommended action")
        st.markdown(f"#### {ACTION_NAMES[found.action].capitalize()}")
        st.markdown(ADVICE[found.action])
    if found.reasons:
        st.markdown("**Why**")
        listing(
            "reasons",
            EVIDENCE,
            [
                Row(
                    str(place),
                    (
                        Text(
                            typeset(reason.sentence or reason.evidence.replace("_", " ")),
                            sub=_speaks(reason, found.action),
                        ),
                        Number(_value(reason.value)),
                        Number(_value(reason.reference)),
                    ),
                )
                for place, reason in enumerate(found.reasons)
            ],
            label="Evidence for the action",
            height=400,
        )
    if derived := cached.derivation(run_id):
        parent = cached.run_file(run_id).info.derived_from_name
        st.caption(
            plain(
                f"{titled(derived)}. What was added was tried as a shortcut, which takes values in "
                f"train; all other evidence, candidates and suspects are those of {parent}."
            )
        )
    _yields(run_id, one)


def _yields(run_id: str, one: Aggressor) -> None:
    rows = cached.yields(run_id, one.concept_id).to_pylist()
    if not rows:
        return
    st.markdown("**What labeling would yield**")
    listing(
        "yields",
        YIELD,
        [
            Row(
                str(row["count"]),
                (
                    Number(count(row["count"])),
                    Meter(
                        row["expected"],
                        share(row["expected"], 0),
                        low=row["low"],
                        high=row["high"],
                        sub=interval(row["low"], row["high"], percent=True),
                        color="green",
                    ),
                ),
            )
            for row in rows
        ],
        label="Expected yield",
    )
    st.caption("Measured by hiding known members and looking for them in the same way.")


def _speaks(reason: Reason, action: str) -> str:
    """Say for which action a piece of evidence speaks, where it is another one, or none."""
    if not reason.weight:
        return "speaks for nothing by itself"
    return "" if reason.action == action else f"speaks for {ACTION_NAMES[reason.action]}"


def _value(value: Scalar | None) -> str:
    if value is None:
        return MISSING
    return number(value) if isinstance(value, float) else str(value)
