"""A table whose cells are drawn: bars with intervals, small histograms, badges, thumbnails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal

from aggressors_app.components.mount import event, register

Color = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray", "primary"]

_mount = register("listing")


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `help` shows on hover."""

    title: str
    right: bool = False
    help: str = ""
    width: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Words, with quieter words below."""

    text: str
    sub: str = ""
    strong: bool = False
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Number:
    """A formatted number."""

    text: str
    kind: str = "number"


@dataclass(frozen=True, slots=True)
class Badge:
    """A short word in a coloured pill."""

    text: str
    color: Color = "gray"
    kind: str = "badge"


@dataclass(frozen=True, slots=True)
class Mark:
    """A glyph and a word whose colour carries a verdict; `sub` shows on hover.

    With `act` it is a button, and that is what `on_act` is told.
    """

    text: str
    color: Color = "gray"
    sub: str = ""
    act: str = ""
    kind: str = "mark"


@dataclass(frozen=True, slots=True)
class Meter:
    """A bar from 0 to `value` on [`min`, `max`], with the interval [`low`, `high`] over it."""

    value: float
    text: str
    low: float | None = None
    high: float | None = None
    min: float = 0.0
    max: float = 1.0
    sub: str = ""
    color: Color = "primary"
    kind: str = "meter"


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of the inside over those of the rest, on the same bins; `text` says it in words.

    `apart` draws them beside each other, for categories.
    """

    inside: tuple[float, ...]
    rest: tuple[float, ...]
    text: str
    color: Color = "red"
    apart: bool = False
    kind: str = "histogram"


@dataclass(frozen=True, slots=True)
class Picture:
    """A thumbnail as a data URI."""

    src: str
    text: str = ""
    kind: str = "image"


@dataclass(frozen=True, slots=True)
class Button:
    """A button drawn as an icon; `act` is what `on_act` is told, `help` says it in words."""

    act: str
    icon: Literal["explore", "save", "saved", "remove"]
    help: str
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Buttons:
    """What can be done with a row, each with one click."""

    buttons: tuple[Button, ...]
    kind: str = "buttons"


Cell = Text | Number | Badge | Mark | Meter | Histogram | Picture | Buttons | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row; rows of one `group` stand together under its name."""

    id: str
    cells: tuple[Cell, ...]
    group: str = ""
    muted: bool = False


def listing(
    key: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    label: str,
    chosen: str = "",
    on_choose: Callable[[str], None] | None = None,
    on_open: Callable[[str], None] | None = None,
    on_act: Callable[[str, str], None] | None = None,
    height: int | None = None,
    bare: bool = False,
    spare: bool = False,
) -> None:
    """Show a table; a row can be chosen (click, arrows) and opened (Enter, double click).

    Parameters
    ----------
    key : key of the component.
    label : name of the table for screen readers.
    chosen : id of the chosen row.
    on_choose, on_open : called with a row's id; without `on_choose` rows cannot be chosen.
    on_act : called with what a button of a row does, or with `act` of a mark, and the row's id.
    height : most pixels before the table scrolls.
    bare : True leaves the head out.
    spare : True leaves bars out where the table is narrow; their figures stay.
    """

    def handle(name: str, act: Callable[[str], None] | None) -> Callable[[], None]:
        def run() -> None:
            value = event(key, name)
            if act is not None and isinstance(value, str):
                act(value)

        return run

    def act() -> None:
        value = event(key, "acted")
        if on_act is not None and isinstance(value, dict):
            on_act(str(value.get("act", "")), str(value.get("id", "")))

    _mount(
        key=key,
        data={
            "label": label,
            "columns": [asdict(column) for column in columns],
            "rows": [_row(row) for row in rows],
            "chosen": chosen,
            "pick": on_choose is not None,
            "height": height,
            "bare": bare,
            "spare": spare,
        },
        on_chosen_change=handle("chosen", on_choose),
        on_opened_change=handle("opened", on_open),
        on_acted_change=act,
    )


def _row(row: Row) -> dict[str, object]:
    cells = [None if cell is None else _cell(cell) for cell in row.cells]
    return {"id": row.id, "cells": cells, "group": row.group, "muted": row.muted}


def _cell(cell: Cell) -> dict[str, object]:
    """Write a cell as a dict; `asdict` copies in depth, which a thousand flat cells need not."""
    if isinstance(cell, Buttons):
        return asdict(cell)
    return {entry.name: getattr(cell, entry.name) for entry in fields(cell)}  # type: ignore[arg-type]
