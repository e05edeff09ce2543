"""What to look at in the model: mistakes inside, how sure it is, and where it looks."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors_app import cached
from aggressors_app.components.listing import Column, Meter, Number, Row, Text, listing
from aggressors_app.components.mean_maps import explained, mean_maps
from aggressors_app.format import count, plain, share, typeset

MISTAKES = (
    Column("Taken for another"),
    Column("Members", right=True),
    Column("Of this label inside", width="40%"),
    Column("Elsewhere", right=True),
)


def review(run_id: str, filter: str, one: Aggressor) -> None:
    """Show mistakes and confidence of the samples in the filter, and the mean heatmaps."""
    found = cached.review(run_id, one.concept_id, filter)
    if found.sentence:
        st.markdown(plain(typeset(found.sentence)))
    if found.confused:
        listing(
            "review_mistakes",
            MISTAKES,
            [
                Row(
                    str(place),
                    (
                        Text(f"{each.label} › {each.prediction}"),
                        Number(count(each.n)),
                        Meter(each.share, share(each.share, 0), color="red"),
                        Number(share(each.elsewhere, 0)),
                    ),
                )
                for place, each in enumerate(found.confused)
            ],
            label="Mistakes inside",
        )
    if found.inside is None and not found.confused:
        st.caption("The run has no predicted classes, so that mistakes cannot be counted.")
    if explained(run_id):
        mean_maps(run_id, one.concept_id)
