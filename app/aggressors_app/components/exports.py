"""A menu that takes samples elsewhere, one button a format."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from aggressors.export import FORMATS, Exported

NAMES = {"csv": "CSV", "parquet": "Parquet", "jsonl": "JSON lines", "label-studio": "Label Studio"}
ENDINGS = {"csv": "csv", "parquet": "parquet", "jsonl": "jsonl"}


def export_menu(
    key: str, make: Callable[[str], Exported], what: str, *, stem: str = "samples"
) -> None:
    """Offer every format; the file is made when its button is pressed."""
    with st.popover("Export", icon=":material/download:", key=key):
        st.caption(what)
        for format in FORMATS:
            st.download_button(
                NAMES.get(format, format),
                data=_content(make, format),
                file_name=f"{stem}.{ENDINGS.get(format, 'zip')}",
                key=f"{key}_{format}",
                on_click="ignore",
                width="stretch",
            )


def _content(make: Callable[[str], Exported], format: str) -> Callable[[], bytes]:
    def content() -> bytes:
        return make(format).content

    return content
