"""Labels that come back from a labeling tool."""

from __future__ import annotations

import streamlit as st


def importing(run_id: str, queue: str) -> None:
    """Offer to take labels back."""
    with st.popover("Import labels", icon=":material/upload:", key="queue_import"):
        st.caption("soon")
