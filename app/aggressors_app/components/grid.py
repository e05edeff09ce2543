"""Samples as tiles with a heatmap overlay, or as rows, driven by mouse and keyboard."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from aggressors.queries.cards import data_uri
from aggressors_app.components.mount import event, register

_mount = register("grid")

PIXELATED_BELOW = 40  # pixels; smaller pictures look better with hard edges
_STEPS = {"first": -(10**9), "last": 10**9}  # pages, so many that there are no more


@dataclass(frozen=True, slots=True)
class Heat:
    """A heatmap: `height` x `width` bytes, row by row from the top.

    `pixels` are for the predicted class, `label` for the true one; None where they are one, or
    where the method knows no class.
    """

    height: int
    width: int
    pixels: bytes
    label: bytes | None = None


@dataclass(frozen=True, slots=True)
class Tile:
    """One sample in the grid.

    Parameters
    ----------
    id : sample_id.
    picture : JPEG or PNG bytes; None where there is no image.
    text : shown where there is no picture; `words` are marked in it.
    values : name and value of what stands for a sample without both, and whether it is marked.
    lines : caption lines of left text, right text, and whether the left is wrong.
    heat : heatmap to lay over the picture.
    flag : short word in the corner; `alike` another, below it, in a quieter colour.
    done : True draws the tile back.
    cells : what stands in each column of rows, and whether it is `wrong`, `odd` or ''.
    """

    id: str
    picture: bytes | None
    text: str
    lines: tuple[tuple[str, str, bool], ...]
    title: str = ""
    heat: Heat | None = None
    flag: str = ""
    done: bool = False
    alike: str = ""
    words: tuple[str, ...] = ()
    values: tuple[tuple[str, str, bool], ...] = ()
    cells: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """One column of rows.

    Parameters
    ----------
    name, title : for the program and for people; a click on it sorts.
    right : True for numbers.
    order : down or up where the rows are sorted by it.
    wide : True for texts, which take what room there is.
    """

    name: str
    title: str
    right: bool = False
    order: str = ""
    wide: bool = False


def sample_grid(
    key: str,
    tiles: Sequence[Tile],
    *,
    label: str,
    chosen: str = "",
    on_choose: Callable[[str], None] | None = None,
    on_turn: Callable[[int], None] | None = None,
    on_act: Callable[[str, str], None] | None = None,
    actions: Mapping[str, str] | None = None,
    caption: str = "",
    empty: str = "No sample here.",
    size: int = 108,
    heat: int = 0,
    plain: bool = False,
    reading: bool = False,
    columns: Sequence[Head] = (),
    on_sort: Callable[[str], None] | None = None,
    on_heat: Callable[[int], None] | None = None,
) -> None:
    """Show samples as tiles, or as rows where there are `columns`.

    Parameters
    ----------
    key : key of the component.
    label : name of the grid for screen readers.
    chosen : id of the chosen sample.
    on_choose : called with a sample's id.
    on_turn : called with the pages to go: 1 or -1, or far more for the last or first.
    on_sort : called with the name of the column whose head is clicked.
    on_heat : called with the opacity of the heatmaps when it was changed.
    on_act : called with an action and a sample's id.
    actions : name of the action of each key, such as {"a": "add"}.
    caption, empty : text above the grid, and in its place where it has no tile.
    size : least width of a tile in pixels.
    heat : opacity of the heatmaps at the start, in percent.
    plain : True leaves out what stands above the grid.
    reading : True shows the whole text of each tile, as high as it needs up to a limit.
    """
    actions = actions or {}
    keys = [(name.upper(), action) for name, action in actions.items()]
    _mount(
        key=key,
        data={
            "label": label,
            "items": [_item(tile) for tile in tiles],
            "chosen": chosen,
            "actions": dict(actions),
            "keys": keys + ([("PgUp PgDn", "page")] if on_turn else []),
            "caption": caption,
            "empty": empty,
            "tile": size,
            "heat": heat,
            "plain": plain,
            "reading": reading,
            "columns": [asdict(column) for column in columns],
            "sorts": on_sort is not None,
            "turns": on_turn is not None,
            "heats": on_heat is not None,
        },
        on_chosen_change=lambda: _text(event(key, "chosen"), on_choose),
        on_turned_change=lambda: _pages(event(key, "turned"), on_turn),
        on_acted_change=lambda: _action(event(key, "acted"), on_act),
        on_sorted_change=lambda: _text(event(key, "sorted"), on_sort),
        on_heated_change=lambda: _percent(event(key, "heated"), on_heat),
    )


# --- What the browser reports, which may be anything ---


def _text(value: object, act: Callable[[str], None] | None) -> None:
    if act is not None and isinstance(value, str):
        act(value)


def _pages(value: object, act: Callable[[int], None] | None) -> None:
    if act is None:
        return
    if isinstance(value, int) and value in (1, -1):
        act(int(value))
    elif isinstance(value, str) and value in _STEPS:
        act(_STEPS[value])


def _action(value: object, act: Callable[[str, str], None] | None) -> None:
    if act is not None and isinstance(value, dict):
        act(str(value.get("action", "")), str(value.get("id", "")))


def _percent(value: object, act: Callable[[int], None] | None) -> None:
    if act is not None and isinstance(value, int | float) and value == value:
        act(round(min(max(value, 0), 100)))


# --- What it is given ---


def _item(tile: Tile) -> dict[str, object]:
    heat = tile.heat
    return {
        "id": tile.id,
        "src": data_uri(tile.picture),
        "text": tile.text,
        "lines": [list(line) for line in tile.lines],
        "title": tile.title,
        "flag": tile.flag,
        "done": tile.done,
        "alike": tile.alike,
        "words": list(tile.words),
        "values": [list(value) for value in tile.values],
        "cells": [list(cell) for cell in tile.cells],
        "small": bool(tile.picture) and _narrow(tile.picture),
        "heat": heat
        and {
            "height": heat.height,
            "width": heat.width,
            "pixels": base64.b64encode(heat.pixels).decode(),
            "label": heat.label and base64.b64encode(heat.label).decode(),
        },
    }


def _narrow(picture: bytes | None) -> bool:
    """Tell a PNG narrower than PIXELATED_BELOW; its width stands in bytes 16 to 20."""
    if not picture or picture[:4] != b"\x89PNG":
        return False
    return int.from_bytes(picture[16:20], "big") < PIXELATED_BELOW
