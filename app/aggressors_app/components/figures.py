"""A few large figures, each with its change and how it went over the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from aggressors_app.components.listing import Color
from aggressors_app.components.mount import register

_mount = register("figures")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Parameters
    ----------
    delta : its change, in words, on a pill of `color`; '' for none.
    note : quieter words beside it.
    history : the same of the runs before, oldest first, and of this one.
    help : shown on hover.
    """

    name: str
    value: str
    delta: str = ""
    color: Color = "gray"
    note: str = ""
    history: tuple[float, ...] = ()
    help: str = ""


def figures(key: str, shown: Sequence[Figure]) -> None:
    """Show figures side by side."""
    _mount(key=key, data={"figures": [asdict(one) for one in shown]})
