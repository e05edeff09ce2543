"""Small multiples of attention on one scale, with the numbers of each below it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors_app.components.mount import register
from aggressors_app.format import number, signed

_mount = register("looks")


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One map of (rows, columns) cells, 1 where attention is spread evenly; or a difference.

    A line sets it apart from the panels before where it is `apart`.
    """

    title: str
    sub: str
    cells: NDArray[np.float64]
    difference: bool = False
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One number below a map, its interval, and what is shown on hover; `clear` draws it strong."""

    text: str
    sub: str = ""
    help: str = ""
    clear: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One measure, with a number a panel."""

    name: str
    help: str
    cells: tuple[Figure, ...]


def looks(key: str, panels: Sequence[Panel], lines: Sequence[Line]) -> None:
    """Show maps side by side, all on one scale and differences on another."""
    top = max((float(one.cells.max()) for one in panels if not one.difference), default=1.0)
    reach = max((float(np.abs(one.cells).max()) for one in panels if one.difference), default=0.0)
    scales = [{"title": "Attention, × even", "ends": ["0", number(top)], "kind": "maps"}]
    if reach:
        ends = [signed(-reach), "0", signed(reach)]
        scales.append({"title": "Difference", "ends": ends, "kind": "difference"})
    _mount(
        key=key,
        data={
            "panels": [_panel(one, reach if one.difference else top) for one in panels],
            "scales": scales,
            "rows": [asdict(line) for line in lines],
        },
    )


def _panel(one: Panel, top: float) -> dict[str, object]:
    share = one.cells / (top or 1.0)
    values = 127 + 127 * share if one.difference else 255 * share
    height, width = one.cells.shape
    return {
        "title": one.title,
        "sub": one.sub,
        "difference": one.difference,
        "apart": one.apart,
        "height": height,
        "width": width,
        "pixels": base64.b64encode(np.rint(values.clip(0, 255)).astype(np.uint8)).decode(),
    }
