"""Show how far a command is that the page has started."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing

import streamlit as st

from aggressors.errors import AggressorsError
from aggressors_app.format import plain


def watched(working: Generator[str, None, str], steps: Mapping[str, str], first: str) -> str:
    """Show each line of the work while it lasts; leaving the page ends it.

    Parameters
    ----------
    steps : what a page calls each step of the command line; `first` is that before all of them.
    """
    shown = st.empty()
    try:
        with closing(working):
            while True:
                said = _said(next(working) or f"{first}: started", steps)
                shown.markdown(f":material/hourglass_top: {said} …")
    except StopIteration as done:
        return str(done.value)
    finally:
        shown.empty()


def _said(line: str, steps: Mapping[str, str]) -> str:
    """Say a line of the command line as a page does."""
    step, _, rest = line.partition(": ")
    if step not in steps:
        return plain(line)
    detail = "" if rest.startswith(("started", "done")) else f" :gray[{plain(rest)}]"
    return f"{steps[step]}{detail}"


def refused(error: AggressorsError) -> None:
    """Show why a command did nothing: a sentence, or a heading with one problem a line."""
    head, *problems = str(error).splitlines()
    st.error(
        "\n".join([plain(head), *(f"- {plain(line.removeprefix('- '))}" for line in problems)]),
        icon=":material/error:",
    )
