"""Which labels the members carry, and what the model calls them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from aggressors.queries.grammar import format_filter
from aggressors_app import cached
from aggressors_app.components.filter_bar import initial
from aggressors_app.components.listing import Column, Meter, Number, Row, Text, listing
from aggressors_app.format import count, share

MOST = 4
COLUMNS = (
    Column("Label › prediction", width="52%"),
    Column("Members"),
    Column("n", right=True),
)


def confusion(run_id: str, concept_id: int) -> None:
    """Show the most frequent pairs of label and prediction among the analysed members."""
    where = format_filter(initial(run_id))
    found = cached.confusion(run_id, where, concept_id).to_pylist()
    if not found:
        return
    pairs = summed(found)
    total = sum(n for _, n, _ in pairs)
    rows = [
        Row(
            words,
            (
                Text(words),
                Meter(
                    n / total,
                    share(n / total, 0),
                    max=max(n for _, n, _ in pairs) / total,
                    color="green" if right else "red",
                ),
                Number(count(n)),
            ),
        )
        for words, n, right in pairs
    ]
    st.markdown("**What the model calls them**")
    listing("confusion", COLUMNS, rows, label="Labels and predictions of the members")


def summed(found: Sequence[dict[str, Any]]) -> list[tuple[str, int, bool]]:
    """Pairs in words, how often, and whether right: mistakes first, rare ones summed up."""
    ordered = sorted(found, key=lambda row: -row["n"])
    right = [(row["label"], row["n"], True) for row in ordered if row["label"] == row["prediction"]]
    wrong = [
        (f"{row['label']} › {row['prediction']}", row["n"], False)
        for row in ordered
        if row["label"] != row["prediction"]
    ]
    if len(found) <= MOST:
        return [*wrong, *right]
    if len(wrong) > MOST:
        rest = wrong[MOST - 1 :]
        more = (f"{count(len(rest))} other mistakes", sum(n for _, n, _ in rest), False)
        wrong = [*wrong[: MOST - 1], more]
    if len(right) > 1:
        right = [("named as labeled", sum(n for _, n, _ in right), True)]
    return [*wrong, *right]
