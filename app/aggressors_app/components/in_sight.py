"""Keeps a container in sight: beside a long list, and when it begins to show something else."""

from __future__ import annotations

import streamlit as st

from aggressors_app.components.mount import register

_mount = register("in_sight")


def in_sight(box: str, shows: str, *, leads: bool) -> None:
    """Let the container we are in stay on screen while the page scrolls.

    Parameters
    ----------
    box : key of the container.
    shows : what it shows.
    leads : whether the page scrolls to it when it begins to show something else.
    """
    data = {"box": box, "shows": shows, "leads": leads}
    _mount(key=f"{box}_in_sight", data=data, height=1)


def chosen_here(box: str, shows: str) -> bool:
    """Whether somebody chose what a container shows; a link that is opened starts at the top.

    Asked in each run, also where the container shows nothing.
    """
    key = f"{box}_opened"
    opened = st.session_state.setdefault(key, shows)
    if not shows:
        st.session_state[key] = ""
    return bool(shows) and shows != opened
