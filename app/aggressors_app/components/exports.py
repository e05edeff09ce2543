"""A menu that takes samples elsewhere, one button a format."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from aggressors.export import FORMATS, Exported


def export_menu(
    key: str,
    make: Callable[[str], Exported],
    what: str,
    *,
    stem: str = "samples",
    title: str = "Export",
    icon: str = ":material/download:",
) -> None:
    """Offer every format; the file is made when its button is pressed."""
    with st.popover(title, icon=icon, key=key):
        st.caption(what)
        for name, format in FORMATS.items():
            st.download_button(
                format.title,
                data=_content(make, name),
                file_name=f"{stem}.{format.download}",
                key=f"{key}_{name}",
                on_click="ignore",
                width="stretch",
            )


def _content(make: Callable[[str], Exported], format: str) -> Callable[[], bytes]:
    def content() -> bytes:
        return make(format).content

    return content
