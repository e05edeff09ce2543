"""A menu that takes a chart elsewhere: its data as CSV, its picture as SVG or PNG."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import pyarrow as pa
import streamlit as st

from aggressors.export.table import csv
from aggressors_app.components.mount import register

_mount = register("takeaway")
_LONGEST = 160  # characters of a filter below a title


@dataclass(frozen=True, slots=True)
class Legend:
    """What the colours of a canvas mean: one name a colour, or the two ends of a `ramp`."""

    colors: tuple[str, ...]
    names: tuple[str, ...]
    ramp: bool


def takeaway(
    figure: str,
    table: Callable[[], pa.Table] | None,
    *,
    stem: str,
    title: str = "",
    note: str = "",
    formats: tuple[Literal["svg", "png"], ...] = ("svg", "png"),
    legends: Sequence[Legend] = (),
) -> None:
    """Offer what a chart shows as files; each is made when it is asked for.

    Pictures are made by the browser of what it has painted, so they need no network and no package.

    Parameters
    ----------
    figure : key of the container that holds the chart.
    table : makes the data; None offers pictures only.
    stem : name of the files, before their ending.
    title, note : stand above the picture, as plain text.
    formats : of the picture; none for a list, of which only the data is offered.
    legends : of each canvas, where the chart is drawn on canvases.
    """
    stem = _safe(stem)
    help = "Data and picture of this chart" if formats else "Data of this list"
    with st.popover("", icon=":material/download:", type="tertiary", key=f"{figure}_take",
                    help=help):  # fmt: skip
        if table is not None:
            st.download_button(
                "Data (CSV)",
                data=lambda: csv(table()),
                file_name=f"{stem}.csv",
                mime="text/csv",
                key=f"{figure}_csv",
                on_click="ignore",
                width="stretch",
            )
        if not formats:
            return
        said = note if len(note) <= _LONGEST else f"{note[: _LONGEST - 1]}…"
        _mount(
            key=f"{figure}_picture",
            data={
                "figure": figure, "stem": stem, "title": title, "note": said,
                "formats": list(formats), "legends": [asdict(one) for one in legends],
            },
        )  # fmt: skip


def _safe(stem: str) -> str:
    """File name that no field's name can turn into a path."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", stem).strip("-").lower()[:80] or "chart"
