"""How a field is spread over two groups: an aggressor against the rest, or two datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aggressors.contracts import Aggressor
from aggressors.queries import drift as queries
from aggressors.queries.grammar import format_filter, parse
from aggressors.stats.drift import Drift
from aggressors_app import cached, charts, chips, drift_words, picking, state
from aggressors_app.components.breakdowns import bounds, ranged
from aggressors_app.components.chart import chart
from aggressors_app.components.choice import chosen_field, remember
from aggressors_app.components.explore_map import colorable
from aggressors_app.components.listing import Column, Meter, Row, Text, listing
from aggressors_app.format import count, share
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


def inside_outside(run_id: str, filter: str, one: Aggressor) -> None:
    """Show how any field differs between the members of an aggressor and the rest."""
    # Comparing members with the rest needs both, whatever the filter says of them.
    scope = picking.without_aggressor(parse(filter))
    pair = queries.inside_outside(scope, one.concept_id)
    groups = [
        Group(f"aggressor {one.rank}", picking.member(one.rank, inside=True)),
        Group("the rest", picking.member(one.rank, inside=False)),
    ]
    ordered = cached.associations(run_id, one.concept_id)["field"].to_pylist()
    usable = colorable(run_id)
    offered = list(dict.fromkeys(name for name in [*ordered, *usable] if name in usable))
    _contrast("inside", run_id, pair, groups, offered, st.container(), skip=())


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
    groups = [Group(name, picking.one_of(by, name)) for name in (left, right)]
    colors = charts.palette(st.context.theme.type).categories[:2]
    offered = [name for name in colorable(run_id) if name != by]
    _contrast(
        "datasets", run_id, pair, groups, offered, controls,
        skip=(by,), colors=(colors[0], colors[1]),
    )  # fmt: skip


def _contrast(
    key: str,
    run_id: str,
    pair: queries.Pair,
    groups: Sequence[Group],
    offered: Sequence[str],
    controls: DeltaGenerator,
    *,
    skip: tuple[str, ...],
    colors: tuple[str, str] | None = None,
) -> None:
    """Draw one field in both groups, beside the fields in which they differ most.

    `controls` is where the field can be chosen.
    """
    different = cached.differences(run_id, pair, skip).to_pylist()
    fields = list(dict.fromkeys([*(row["field"] for row in different), *offered]))
    with controls:
        field = chosen_field(f"{key}_field", fields, "Field, the most different first")
    left, right = st.columns([3, 2], gap="large")
    with left:
        _drawn(key, groups, field, cached.compared(run_id, pair, field), colors)
    with right:
        _most_different(key, different, field)
        if cached.count(run_id, format_filter(pair.scope)) > queries.MOST_EACH:
            most = count(queries.MOST_EACH)
            st.caption(f"Fields are ranked on at most about {most} samples of each.")


def _drawn(
    key: str,
    groups: Sequence[Group],
    field: str,
    found: queries.Compared,
    colors: tuple[str, str] | None,
) -> None:
    one, other = groups
    rows = found.rows.to_pylist()
    if found.drift is None:
        empty = one if not sum(row["left"] for row in rows) else other
        st.caption(f"No sample of {empty.name} in the filter has a value of {field}.")
        return
    by_bin = picking.of_rows(field, rows)
    spec = charts.compare_shares(
        [row["value"] or ranged(row["low"], row["high"]) for row in rows],
        [
            charts.Series(
                group.name,
                tuple(row[f"{side}_share"] for row in rows),
                tuple(row[side] for row in rows),
            )
            for group, side in zip(groups, ("left", "right"), strict=True)
        ],
        field,
        charts.palette(st.context.theme.type),
        bounds=bounds(rows),
        pair=colors,
    )
    chart(
        key,
        spec,
        _table(found.rows, groups),
        title=f"{field}: {one.name} against {other.name}",
        marks=[picking.every(mark, group.change) for mark in by_bin for group in groups],
        said=drift_words.said(found.drift, one.name, other.name),
        help=drift_words.help(found.drift, one.name, other.name),
    )
    if any(found.missing):
        _without_value(key, groups, field, found.missing)


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
        st.caption("The two have no field in common under this filter.")
        return
    shown = different[:MOST_DIFFERENT]
    widest = max([row["distance"] for row in shown] + [0.05])
    listing(
        f"{key}_differences",
        (Column("Most different fields", width="62%"), Column("Distance", help=DISTANCE)),
        [
            Row(
                row["field"],
                (
                    Text(row["field"], sub=drift_words.short(_drift(row))),
                    Meter(row["distance"], share(row["distance"], 0), max=widest),
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
