"""How a field is spread over two groups: an aggressor against the rest, or two datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aggressors.contracts import Aggressor, Filter
from aggressors.queries import drift as queries
from aggressors.queries.grammar import format_filter, parse
from aggressors.stats.drift import Drift
from aggressors_app import cached, charts, chips, drift_words, picking, state
from aggressors_app.components.breakdowns import bounds, ranged
from aggressors_app.components.chart import chart
from aggressors_app.components.choice import chosen_field, remember
from aggressors_app.components.explore_map import colorable
from aggressors_app.components.listing import Column, Meter, Row, Text, listing
from aggressors_app.format import count, in_filter, share
from aggressors_app.picking import Change

MOST_DIFFERENT = 8
DISTANCE = (
    "Share of the samples of one group that would need another value for the two to be spread "
    "alike, less what chance gives"
)


@dataclass(frozen=True, slots=True)
class Group:
    """One of the two groups: its name, and what a click on its marks claims."""

    name: str
    change: Change


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two groups of samples, and how they are told apart on the page.

    Parameters
    ----------
    key : begins the keys of what is drawn.
    colors : of the two groups; bad against rest where None.
    aside : what the filter may claim and the comparison does without; '' where it claims nothing.
    """

    key: str
    pair: queries.Pair
    groups: tuple[Group, Group]
    colors: tuple[str, str] | None
    aside: str


def inside_outside(run_id: str, filter: str, one: Aggressor) -> None:
    """Show how any field differs between the members of an aggressor and the rest."""
    # Comparing members with the rest needs both, whatever the filter says of them.
    scope = picking.without_aggressor(parse(filter))
    pair = queries.inside_outside(scope, one.concept_id)
    groups = (
        Group(f"aggressor {one.rank}", picking.member(one.rank, inside=True)),
        Group("the rest", picking.member(one.rank, inside=False)),
    )
    ordered = cached.associations(run_id, one.concept_id)["field"].to_pylist()
    usable = colorable(run_id)
    offered = list(dict.fromkeys(name for name in [*ordered, *usable] if name in usable))
    aside = _aside(filter, scope, "aggressors")
    two = Contrast("inside", pair, groups, None, aside)
    _contrast(run_id, two, offered, st.container(), skip=())


def datasets(run_id: str, filter: str) -> None:
    """Show how any field differs between two populations, or values of any category."""
    controls = st.container(horizontal=True, gap="small")
    with controls:
        fields = [
            name for name, known in cached.field_list(run_id).items() if known.kind == "category"
        ]
        by = chosen_field("by", fields, "Datasets by")
        names = [name for name, _ in cached.field_values(run_id, by, 12)]
        if len(names) < 2:
            st.caption("This field has one value only; choose another.")
            return
        left = chosen_field("left", names, "One dataset")
        right = chosen_field("right", [name for name in names if name != left], "Another")
    # Comparing datasets by population needs all of them, whatever the filter says of it.
    scope = chips.cleared(parse(filter), by)
    pair = queries.datasets(scope, by, left, right)
    groups = (Group(left, picking.one_of(by, left)), Group(right, picking.one_of(by, right)))
    first, second = charts.palette(st.context.theme.type).categories[:2]
    offered = [name for name in colorable(run_id) if name != by]
    two = Contrast("datasets", pair, groups, (first, second), _aside(filter, scope, by))
    _contrast(run_id, two, offered, controls, skip=(by,))


def _aside(filter: str, scope: Filter, about: str) -> str:
    """Name what the filter claims something about that the scope of a comparison does not."""
    return "" if format_filter(scope) == filter else about


def _contrast(
    run_id: str,
    two: Contrast,
    offered: Sequence[str],
    controls: DeltaGenerator,
    *,
    skip: tuple[str, ...],
) -> None:
    """Draw one field in both groups, beside the fields in which they differ most.

    `controls` is where the field can be chosen.
    """
    different = cached.differences(run_id, two.pair, skip).to_pylist()
    fields = list(dict.fromkeys([*(row["field"] for row in different), *offered]))
    with controls:
        field = chosen_field(f"{two.key}_field", fields, "Field, the most different first")
    left, right = st.columns([3, 2], gap="large")
    with left:
        _drawn(run_id, two, field)
    with right:
        _most_different(two.key, different, field)
        total = cached.count(run_id, format_filter(two.pair.scope))
        if total > queries.MOST_EACH:
            most = count(queries.MOST_EACH)
            st.caption(
                f"Fields are ranked on at most about {most} samples of each group, drawn from "
                f"{count(total)}."
            )


def _drawn(run_id: str, two: Contrast, field: str) -> None:
    """Draw how one field is spread over both groups."""
    found = cached.compared(run_id, two.pair, field)
    one, other = two.groups
    rows = found.rows.to_pylist()
    if found.drift is None:
        empty = one if not sum(row["left"] for row in rows) else other
        st.caption(f"No sample of {empty.name} in the filter has a value of {field}.")
        return
    by_bin = picking.of_rows(field, rows)
    shown = series(rows, one.name, other.name)
    spec = charts.compare_shares(
        [row["value"] or ranged(row["low"], row["high"]) for row in rows],
        shown,
        field,
        charts.palette(st.context.theme.type),
        bounds=bounds(rows),
        pair=two.colors,
    )
    chart(
        two.key,
        spec,
        _table(found.rows, two.groups),
        title=f"{field}: {one.name} against {other.name}",
        scope=_scope(run_id, two, sum(each.n for each in shown)),
        marks=[picking.every(mark, group.change) for mark in by_bin for group in two.groups],
        said=drift_words.said(found.drift, one.name, other.name)
        + drift_words.drawn(found.drift, shown[0].n, shown[1].n),
        help=drift_words.help(found.drift, one.name, other.name),
    )
    if any(found.missing):
        _without_value(two.key, two.groups, field, found.missing)


def series(rows: Sequence[dict[str, Any]], left: str, right: str) -> list[charts.Series]:
    """Give the two groups of a comparison, by their names, as the chart draws them."""
    return [
        charts.Series(
            name,
            tuple(row[f"{side}_share"] for row in rows),
            tuple(row[side] for row in rows),
        )
        for name, side in ((left, "left"), (right, "right"))
    ]


def _scope(run_id: str, two: Contrast, shown: int) -> str:
    """Say how many samples the chart shows, and which claim of the filter it does without."""
    aside = f", its claim about {two.aside} aside" if two.aside else ""
    total = cached.count(run_id, format_filter(two.pair.scope))
    return f"{in_filter(shown, total)}{aside}"


def _without_value(key: str, groups: Sequence[Group], field: str, missing: tuple[int, int]) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("Without a value:", width="content")
        for group, n in zip(groups, missing, strict=True):
            change = picking.every(picking.missing(field), group.change)
            st.button(
                f"{count(n)} of {group.name}",
                key=f"{key}_missing_{group.name}",
                type="tertiary",
                disabled=not n,
                on_click=lambda change=change: state.change(
                    filter=format_filter(change(parse(state.read().filter)))
                ),
            )


def _most_different(
    key: str,
    different: Sequence[dict[str, Any]],
    chosen: str,
) -> None:
    if not different:
        st.caption("No field has values in both groups; one of them may be empty here.")
        return
    shown = different[:MOST_DIFFERENT]
    listing(
        f"{key}_differences",
        (Column("Most different fields", width="62%"), Column("Distance", help=DISTANCE)),
        [
            Row(
                row["field"],
                (
                    Text(row["field"], sub=drift_words.short(_drift(row))),
                    Meter(row["distance"], share(row["distance"], 0), max=1.0),
                ),
            )
            for row in shown
        ],
        label="Most different fields",
        chosen=chosen,
        on_choose=lambda name: remember(f"{key}_field", name),
        height=420,
    )


def _drift(row: dict[str, Any]) -> Drift:
    return Drift(
        row["statistic"], row["effect"], row["low"], row["high"], row["drift"], row["psi"],
        row["chi_square"], row["p_value"], row["n_left"], row["n_right"],
    )  # fmt: skip


def _table(rows: pa.Table, groups: Sequence[Group]) -> pa.Table:
    names = [group.name for group in groups]
    columns = [f"samples of {name}" for name in names] + [f"share of {name}" for name in names]
    return rows.rename_columns(["value", "low", "high", *columns])
