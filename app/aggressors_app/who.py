"""Who is in front of the dashboard, as far as it knows."""

from __future__ import annotations

import streamlit as st


def author() -> str:
    """Name of who is logged in; '' where nobody has to."""
    known = getattr(st.user, "is_logged_in", False)
    return str(getattr(st.user, "name", "") or "") if known else ""
