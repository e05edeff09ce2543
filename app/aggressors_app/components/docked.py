"""A card beside the page that stays in sight while the page scrolls."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

CSS = Path(__file__).with_suffix(".css")
WIDTHS = (14, 5)  # of the page and of the card


def docked() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Make room for a page, and for a card beside it."""
    st.html(CSS)
    page, card = st.columns(WIDTHS, gap="medium")
    return page.container(key="beside_card"), card.container(key="docked")
