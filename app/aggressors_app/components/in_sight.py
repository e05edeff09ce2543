"""Keeps a container in sight: beside a long list, and when it begins to show something else."""

from __future__ import annotations

from aggressors_app.components.mount import register

_mount = register("in_sight")


def in_sight(box: str, shows: str) -> None:
    """Let the container we are in stay on screen while the page scrolls, and scroll to it.

    Parameters
    ----------
    box : key of the container.
    shows : what it shows; another leads the eye to it. A link that is opened starts at the top.
    """
    _mount(key=f"{box}_in_sight", data={"box": box, "shows": shows}, height=1)
