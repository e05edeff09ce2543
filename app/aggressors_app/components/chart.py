"""A chart with its title, its menu, and what a click on it does."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import pyarrow as pa
import streamlit as st

from aggressors.queries.grammar import format_filter, parse
from aggressors_app import charts, state
from aggressors_app.components.takeaway import takeaway
from aggressors_app.format import plain
from aggressors_app.picking import Change


def chart(
    key: str,
    spec: charts.Spec,
    table: Callable[[], pa.Table] | pa.Table,
    *,
    title: str,
    marks: Sequence[Change] = (),
    on_mark: Callable[[int], None] | None = None,
    stem: str = "",
    said: str = "",
    heading: bool = False,
    help: str | None = None,
) -> None:
    """Draw a chart, and do what a click on one of its marks asks for.

    Parameters
    ----------
    table : what the chart shows, for the file of its data.
    title : plain text; names the picture too.
    marks : what each mark stands for, by its number; a click limits the filter to its samples.
    on_mark : what a click does instead, with the number of the mark.
    stem : name of the files; by default made of the title.
    said : a line of our own Markdown below the title, what the chart says in figures.
    heading : whether the title stands as a heading of the page.
    help : shown on hover over that line.
    """
    figure = f"figure_{key}"
    with st.container(key=figure, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if heading:
                st.subheader(plain(title), anchor=False, width="stretch")
            else:
                st.markdown(f"**{plain(title)}**", width="stretch")
            takeaway(
                figure,
                table if callable(table) else lambda: table,
                stem=stem or title,
                title=title,
                note=state.read().filter,
            )
        if said:
            st.markdown(said, help=help)
        # Other data give a new chart, so that no old selection is reported for it.
        digest = zlib.crc32(repr(spec["data"]).encode())
        clicked = f"chart_{key}_{digest:08x}"
        st.vega_lite_chart(
            spec=spec,
            key=clicked,
            on_select=lambda: _picked(clicked, on_mark or _limiting(marks)),
            width="stretch",
        )


def _picked(clicked: str, on_mark: Callable[[int], None]) -> None:
    found = st.session_state[clicked]["selection"].get(charts.SELECTION) or []
    mark = found[0].get(charts.MARK) if found else None
    if isinstance(mark, int):
        on_mark(mark)


def _limiting(marks: Sequence[Change]) -> Callable[[int], None]:
    """Limit the filter to the samples behind a mark."""

    def limit(mark: int) -> None:
        if 0 <= mark < len(marks):  # the browser may send anything
            state.change(filter=format_filter(marks[mark](parse(state.read().filter))))

    return limit
