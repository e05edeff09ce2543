"""The worst cells of two fields, sought among all of them; each is a filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from aggressors.queries.sought import WeakPair, WeakPairs
from aggressors_app import cached
from aggressors_app.components.listing import Column, Meter, Row, Text, listing
from aggressors_app.components.places import chosen_on, downloads, limit_to
from aggressors_app.format import count, interval, number, plain
from aggressors_app.part_words import rate_of, share_of, size_of, titled_part
from aggressors_app.scope_words import drawn

HEIGHT = 396  # pixels, about as high as a grid


def worst_pairs(run_id: str, filter: str, found: WeakPairs) -> None:
    """List pairs; a click limits the filter to one."""
    what = cached.signal(run_id)
    bar = st.container(horizontal=True, vertical_alignment="center", gap="small")
    bar.markdown("**Worst pairs**", width="content", help=_help(what, found))
    if not found.found:
        st.caption(
            f"None of {count(found.looked_at)} cells of two fields is surely worse than both of "
            "its parts."
            if found.looked_at
            else "Too few labeled samples to look at pairs of fields."
        )
        return
    scope = drawn(run_id, filter, found.chosen_on, "sought on")
    with bar:
        st.space("stretch")
        places = [(pair.claim, pair.figures) for pair in found.found]
        downloads("pairs", "Worst pairs", scope, places, formats=())
    st.caption(f"{scope} · most surely worse first")
    listing(
        "worst_pairs",
        (Column("Where", width="58%"), Column(f"Mean {what}")),
        pair_rows(found),
        label="Worst pairs",
        on_choose=_chooser(found.found),
        height=HEIGHT,
        spare=True,
    )


def _chooser(pairs: Sequence[WeakPair]) -> Callable[[str], None]:
    def choose(row: str) -> None:
        if row.isdecimal() and int(row) < len(pairs):
            limit_to(pairs[int(row)].claim)

    return choose


def pair_rows(found: WeakPairs) -> list[Row]:
    """One row a pair, by its place."""
    highest = max((pair.figures.high or 0.0 for pair in found.found), default=0.0) or 1.0
    rows = []
    for at, pair in enumerate(found.found):
        figures = pair.figures
        said = " · ".join(
            text
            for text in (
                size_of(figures),
                rate_of(figures, found.failing),
                share_of(figures, found.failing),
            )
            if text
        )
        rows.append(
            Row(
                str(at),
                (
                    Text(" · ".join(map(titled_part, pair.parts)), sub=said),
                    Meter(
                        figures.mean or 0.0, number(figures.mean), low=figures.low,
                        high=figures.high, min=min(0.0, figures.low or 0.0), max=highest,
                        sub=interval(figures.low, figures.high), color="red",
                    ),
                ),
            )
        )  # fmt: skip
    return rows


def _help(what: str, found: WeakPairs) -> str:
    return (
        f"Cells of two fields whose mean {plain(what)} is above that of all others, and of what is "
        f"left of either part, even after correcting for all {count(found.looked_at)} cells looked "
        "at. First comes the cell whose mean is surely, by the lower bound, the farthest above "
        f"that of the others. {chosen_on(found.chosen_on, unseen=found.unseen)}"
    )
