"""A tree of questions that part failing samples from others, each node of which is a filter."""

from __future__ import annotations

import streamlit as st

from aggressors.queries.sought import Branch, ErrorTree
from aggressors_app import cached, charts, weak_charts
from aggressors_app.components.places import chosen_on, clickable, downloads
from aggressors_app.format import count
from aggressors_app.part_words import RATES, in_full, rate_of, said, share_of, size_of
from aggressors_app.scope_words import drawn


def error_tree(run_id: str, filter: str) -> None:
    """Show the tree of the samples in the filter."""
    found = cached.error_tree(run_id, filter)
    bar = st.container(horizontal=True, vertical_alignment="center", gap="small")
    bar.markdown("**Error tree**", width="content", help=_help(found))
    if len(found.nodes) == 1:
        st.caption(
            f"No question about {count(found.fields)} fields parts failing samples from others "
            "beyond chance."
            if found.chosen_on
            else "No labeled sample in the filter."
        )
        return
    scope = drawn(run_id, filter, found.chosen_on, "questions chosen on")
    places = [(node.claim, node.figures) for node in found.nodes]
    with bar:
        st.space("stretch")
        downloads("tree", "Error tree", scope, places)
    st.caption(f"{scope} · line at the foot: share of all {_failures(found)}")
    names = (f"{RATES[found.failing]}{' rate' * (found.failing == 'wrong')}", "share of all")
    palette = charts.palette(st.context.theme.type)
    spec = weak_charts.tree(boxes(found), cached.TREE_DEPTH, palette, names)
    clickable("tree", "error_tree", spec, places, filter)


def _failures(found: ErrorTree) -> str:
    return "errors" if found.failing == "wrong" else "failing samples"


def _help(found: ErrorTree) -> str:
    what = "wrong predictions" if found.failing == "wrong" else "failing samples"
    return (
        f"Each question parts {what} from others best, and beyond chance. Colour: the share that "
        "fails; line at the foot: the share of all failures in the filter. "
        f"{chosen_on(found.chosen_on, unseen=found.unseen)}"
    )


def boxes(found: ErrorTree) -> list[weak_charts.TreeBox]:
    """Lay the nodes out: each leaf has a row, and a node spans the rows of its leaves."""
    children: dict[int, list[int]] = {}
    for place, node in enumerate(found.nodes):
        children.setdefault(node.parent, []).append(place)
    rows: dict[int, tuple[int, int]] = {}

    def lay(place: int, top: int) -> int:
        bottom = top
        for child in children.get(place, ()):
            bottom = lay(child, bottom)
        rows[place] = (top, bottom if bottom > top else top + 1)
        return rows[place][1]

    lay(0, 0)
    return [_box(found, node, rows[place]) for place, node in enumerate(found.nodes)]


def _box(found: ErrorTree, node: Branch, rows: tuple[int, int]) -> weak_charts.TreeBox:
    figures = node.figures
    rate = rate_of(figures, found.failing)
    return weak_charts.TreeBox(
        depth=node.depth,
        top=rows[0],
        bottom=rows[1],
        rate=figures.error_rate,
        share=figures.error_share,
        title=said(node.step) if node.parent >= 0 else "All in the filter",
        second=" · ".join(text for text in (rate, size_of(figures)) if text),
        third=share_of(figures, found.failing),
        where=in_full(node.claim),
    )
