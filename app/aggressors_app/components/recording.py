"""What to record in the field: the rule that tells the members, in one line."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors_app import cached
from aggressors_app.format import plain, share, typeset


def recording(run_id: str, one: Aggressor) -> None:
    """Say what to record, and how well the rule tells the members."""
    found = cached.recording(run_id, one.concept_id)
    told = f"{plain(typeset(found.sentence))}"
    if found.rule and found.precision is not None and found.recall is not None:
        told += (
            f" :gray[The rule holds {share(found.recall, 0)} of the members; "
            f"{share(found.precision, 0)} of what it holds are members.]"
        )
    st.markdown(told)
