"""A menu that takes samples elsewhere, one button a format."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from aggressors.export import FORMATS, Exported
from aggressors_app import cached


def export_menu(
    key: str,
    make: Callable[[str], Exported],
    what: str,
    *,
    run_id: str,
    stem: str = "samples",
    title: str = "Export",
    icon: str = ":material/download:",
) -> None:
    """Offer every format that suits the run; the file is made when its button is pressed."""
    pictured = cached.has_pictures(run_id)
    with st.popover(title, icon=icon, key=key):
        st.caption(what)
        for name, format in FORMATS.items():
            if format.of_images and not pictured:
                continue
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
