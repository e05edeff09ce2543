"""One of a few views, or of many fields, kept in the URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from aggressors_app import state


def choice(
    label: str,
    name: str,
    options: Mapping[str, str],
    *,
    key: str,
    first: str = "",
    forgets: Sequence[str] = (),
) -> str:
    """Offer the options side by side, and return the chosen one.

    Parameters
    ----------
    label : name of the control for screen readers.
    name : parameter of the URL that holds the choice.
    options : words of each option.
    first : what is chosen at the start; '' for the first of them.
    forgets : parameters of the URL that speak of the choice before.
    """
    offered = tuple(options)
    st.session_state[key] = state.read().get(name, first or offered[0], offered)

    def change() -> None:
        state.change(**{name: st.session_state[key], **dict.fromkeys(forgets)})

    st.segmented_control(
        label,
        offered,
        key=key,
        format_func=lambda option: options[option],
        label_visibility="collapsed",
        required=True,
        on_change=change,
    )
    return str(st.session_state[key])


def chosen_field(name: str, options: Sequence[str], label: str) -> str:
    """Offer a field that the address remembers as `name`."""
    key = f"explore_{name}"
    value = state.read().get(name, options[0], tuple(options))
    st.session_state[key] = value
    st.selectbox(
        label,
        options,
        key=key,
        width=200,
        on_change=lambda: remember(name, st.session_state[key]),
    )
    return value


def remember(name: str, value: str) -> None:
    """Keep a choice in the address; for callbacks."""
    kept: dict[str, Any] = {name: value}
    state.change(**kept)
