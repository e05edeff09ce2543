"""Places where a model is weak, each of which is a filter: headings, charts, and what a click does.

Whatever shows such places says how many samples it speaks of, and offers them as a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

import pyarrow as pa
import streamlit as st

from aggressors.contracts import Filter
from aggressors.queries.grammar import format_filter, parse
from aggressors.queries.measured import Figures
from aggressors.queries.parts import narrowed
from aggressors_app import charts, state
from aggressors_app.components.takeaway import takeaway
from aggressors_app.format import count

Place = tuple[Filter, Figures]


def limit_to(claim: Filter) -> None:
    """Limit the filter to a place; for callbacks."""
    state.change(filter=format_filter(narrowed(parse(state.read().filter), claim)))


def downloads(
    name: str,
    title: str,
    scope: str,
    places: Sequence[Place],
    formats: tuple[Literal["svg", "png"], ...] = ("svg", "png"),
) -> None:
    """Offer places as a file, each as a filter with its figures, and what is drawn as a picture.

    Parameters
    ----------
    scope : how many samples they speak of, in words.
    """
    takeaway(
        f"figure_{name}",
        lambda: table_of(places),
        stem=title,
        title=title,
        note=f"{scope} · {state.read().filter}",
        formats=formats,
    )


def table_of(places: Sequence[Place]) -> pa.Table:
    """One row a place: the filter that holds it, and its figures."""
    return pa.Table.from_pylist(
        [{"where": format_filter(claim)} | asdict(figures) for claim, figures in places]
    )


def clickable(name: str, key: str, spec: charts.Spec, places: Sequence[Place], filter: str) -> None:
    """Draw a chart of places; a click limits the filter to one."""
    # A new filter gives a new chart, so that no old selection is reported for it.
    key = f"{key}_{hash(filter) & 0xFFFFFF}"

    def picked() -> None:
        found = st.session_state[key]["selection"].get(charts.SELECTION) or []
        at = found[0].get("at") if found else None
        if isinstance(at, int) and 0 <= at < len(places):
            limit_to(places[at][0])

    with st.container(key=f"figure_{name}"):
        st.vega_lite_chart(spec=spec, key=key, on_select=picked, width="stretch")


def chosen_on(n: int, *, unseen: bool) -> str:
    """Say which samples chose the places, and on which their figures are."""
    who = "none of the half that judges" if unseen else "all of the half that judges"
    return f"Chosen on {count(n)} samples, {who}; the figures are over all in the filter."
