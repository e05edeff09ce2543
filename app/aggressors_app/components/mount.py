"""Registers a component from the CSS and JavaScript files beside this one; nothing is fetched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def register(name: str, *parts: str) -> Callable[..., Any]:
    """Return the mounting command of the component `name` (NAME.js, NAME.css, after base).

    `parts` are further JavaScript files that NAME.js builds on.
    """

    def text(file: str) -> str:
        return (_HERE / file).read_text(encoding="utf-8")

    scripts = ("base", *parts, name)
    mounted: Callable[..., Any] = st.components.v2.component(
        f"aggressors_{name}",
        html='<div class="root"></div>',
        css=text("base.css") + text(f"{name}.css"),
        js="".join(text(f"{script}.js") for script in scripts),
    )

    def mount(*, data: object, **more: Any) -> Any:
        # Streamlit looks for frames of pandas in a dict, and loads pandas for it; not in a list.
        return mounted(data=[data] if isinstance(data, dict) else data, **more)

    return mount


def event(key: str, name: str) -> Any:
    """Value of the event `name` that the component `key` has just sent; None for none."""
    state: Any = st.session_state.get(key)
    return state.get(name) if hasattr(state, "get") else None
