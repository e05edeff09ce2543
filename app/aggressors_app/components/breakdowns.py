"""Metadata against loss, an aggressor against the rest, a dataset against another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import streamlit as st

from aggressors.contracts import Aggressor, Filter
from aggressors.queries.columns import OTHER
from aggressors.queries.findings import Finding
from aggressors.queries.grammar import format_filter, parse
from aggressors_app import cached, charts, chips, state
from aggressors_app.components.choice import choice
from aggressors_app.components.explore_map import colorable
from aggressors_app.components.listing import Column, Meter, Row, Text, listing
from aggressors_app.format import interval, number, plain, share, short, typeset

MOST_DIFFERENT = 6


def chosen_field(name: str, options: Sequence[str], label: str, *, titled: bool = False) -> str:
    """Offer a field that the address remembers as `name`."""
    key = f"explore_{name}"
    value = state.read().get(name, options[0], tuple(options))
    st.session_state[key] = value
    st.selectbox(
        label,
        options,
        key=key,
        label_visibility="visible" if titled else "collapsed",
        width="stretch" if titled else 170,
        on_change=lambda: state.change(**{name: st.session_state[key]}),
    )
    return value


def against_loss(run_id: str, filter: str) -> None:
    """Show the mean signal by value of a field; a click limits the filter to it."""
    signal = cached.signal(run_id)
    offered = [*cached.prominent(run_id), *(f for f in colorable(run_id) if f != "confidence")]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Metadata against {plain(signal)}**", width="content")
        st.space("stretch")
        field = chosen_field("field", list(dict.fromkeys(offered)), "Field")
    rows = cached.field_vs_loss(run_id, filter, field).to_pylist()
    rows = [row for row in rows if row["n"] and row["mean"] is not None]
    if not rows:
        st.caption("No labeled sample in the filter has a value here.")
        return
    overall = rows[0]["overall"]
    colors = charts.palette(st.context.theme.type)
    if rows[0]["value"] is None:
        spec = charts.loss_by_number(_ranges(rows), field, overall, colors, f"mean {signal}")
    else:
        rows.sort(key=lambda row: -row["mean"])
        bins = [
            charts.Bin(row["value"], row["n"], row["mean"], row["mean_low"], row["mean_high"])
            for row in rows
        ]
        spec = charts.loss_by_category(bins, field, overall, colors, f"mean {signal}")
    _chart("against_loss", spec, field, filter)
    _strongest(run_id, field)


def _strongest(run_id: str, chosen: str) -> None:
    """List the fields that go with the signal over all analysed samples; a click shows one."""
    found = cached.findings(run_id, -1, "loss").found[:MOST_DIFFERENT]
    if not found:
        return
    by_row = {f"{one.kind} {one.title}": one for one in found}
    shown = (row for row, one in by_row.items() if one.title == chosen and one.kind != "missing")
    listing(
        "strongest",
        (
            Column("Strongest over all samples", width="62%"),
            Column("Effect", help="Within labels; −1 to 1, with its interval"),
        ),
        strongest_rows(by_row),
        label="Fields that go with the signal",
        chosen=next(shown, ""),
        on_choose=lambda row: state.change(field=by_row[row].title) if row in by_row else None,
        height=300,
    )


def strongest_rows(by_row: Mapping[str, Finding]) -> list[Row]:
    """One row a finding, by its id; bars on one scale."""
    widest = max(max(abs(one.low), abs(one.high), 0.1) for one in by_row.values())
    low = -widest if any(one.effect < 0 for one in by_row.values()) else 0.0
    return [
        Row(
            row,
            (
                Text(
                    one.title if one.kind != "missing" else f"no {one.title}",
                    sub=typeset(one.sentence),
                ),
                Meter(
                    one.effect, number(one.effect), low=one.low, high=one.high,
                    min=low, max=widest, sub=interval(one.low, one.high),
                ),
            ),
        )
        for row, one in by_row.items()
    ]  # fmt: skip


COMPARISONS = {"aggressor": "Aggressor against the rest", "datasets": "Dataset against dataset"}


def comparison(run_id: str, filter: str, one: Aggressor | None) -> None:
    """Show an aggressor against the rest, or a dataset against another."""
    offered = {name: words for name, words in COMPARISONS.items() if one or name == "datasets"}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        shown = choice("Comparison", "against", offered, key="explore_against")
        st.space("stretch")
        if shown == "aggressor" and one:
            field = _field_of(run_id, one)
    if shown == "aggressor" and one:
        _inside_outside(run_id, filter, one, field)
    else:
        _datasets(run_id, filter)


def _field_of(run_id: str, one: Aggressor) -> str:
    ordered = cached.associations(run_id, one.concept_id)["field"].to_pylist()
    usable = colorable(run_id)
    offered = [name for name in [*ordered, *usable] if name in usable]
    return chosen_field("inside", list(dict.fromkeys(offered)), "Field")


def _inside_outside(run_id: str, filter: str, one: Aggressor, field: str) -> None:
    rows = cached.inside_outside(run_id, filter, field, one.concept_id).to_pylist()
    if not sum(row["inside"] for row in rows):
        st.caption("No member of this aggressor is in the filter.")
        return
    groups = [
        charts.Series(f"aggressor {one.rank}", tuple(row["inside_share"] for row in rows)),
        charts.Series("the rest", tuple(row["outside_share"] for row in rows)),
    ]
    _compare("inside_outside", rows, groups, field, filter)


def _datasets(run_id: str, filter: str) -> None:
    by, left, right = _chosen_pair(run_id)
    if not right:
        st.caption("This field has one value only; choose another.")
        return
    # Comparing datasets by population needs all of them, whatever the filter says of it.
    scope = format_filter(chips.cleared(parse(filter), by))
    different = cached.differences(run_id, scope, left, right, by).to_pylist()
    offered = [row["field"] for row in different]
    if not offered:
        st.caption("The two have no field in common under this filter.")
        return
    field = chosen_field("compare", offered, "Field, the most different first", titled=True)
    found = cached.compare_datasets(run_id, scope, field, by).to_pylist()
    rows = [row for row in found if row["dataset"] == left]
    groups = [
        charts.Series(name, tuple(row["share"] for row in found if row["dataset"] == name))
        for name in (left, right)
    ]
    if rows and len(groups[0].shares) == len(groups[1].shares):
        _compare("datasets", rows, groups, field, filter)
    listing(
        "differences",
        (Column("Most different fields"), Column("Distance", width="50%")),
        [
            Row(
                row["field"],
                (Text(row["field"]), Meter(row["distance"], share(row["distance"], 0))),
            )
            for row in different[:MOST_DIFFERENT]
        ],
        label="Most different fields",
        chosen=field,
        on_choose=lambda name: state.change(compare=name),
    )


def _chosen_pair(run_id: str) -> tuple[str, str, str]:
    """Offer a field and two of its values; no value where it has only one."""
    left_box, right_box, by_box = st.columns(3)
    fields = [name for name, known in cached.field_list(run_id).items() if known.kind == "category"]
    with by_box:
        by = chosen_field("by", fields, "Datasets by", titled=True)
    names = [name for name, _ in cached.field_values(run_id, by, 12)]
    if len(names) < 2:
        return by, "", ""
    with left_box:
        left = chosen_field("left", names, "One dataset", titled=True)
    others = [name for name in names if name != left]
    with right_box:
        right = chosen_field("right", others, "Another", titled=True)
    return by, left, right


def _ranges(rows: Sequence[dict[str, Any]]) -> list[charts.Bin]:
    """Bins of a number; a value that is its own bin is widened to the middle of its gap."""
    lows = [row["low"] for row in rows]
    steps = [b - a for a, b in pairwise(lows) if b > a]
    half = min(steps, default=1.0) / 2
    bins = []
    for row in rows:
        single = row["low"] == row["high"]
        label = short(row["low"]) if single else f"{number(row['low'])} – {number(row['high'])}"
        bins.append(
            charts.Bin(
                label,
                row["n"],
                row["mean"],
                row["mean_low"],
                row["mean_high"],
                row["low"] - half if single else row["low"],
                row["high"] + half if single else row["high"],
            )
        )
    return bins


def _compare(
    key: str, rows: Sequence[dict[str, Any]], groups: list[charts.Series], field: str, filter: str
) -> None:
    colors = charts.palette(st.context.theme.type)
    pair = (colors.categories[0], colors.categories[1]) if key == "datasets" else None
    if rows[0]["value"] is None:
        lows = [row["low"] for row in rows]
        edges = [*lows, rows[-1]["high"]]
        if rows[0]["low"] == rows[0]["high"]:
            step = min((b - a for a, b in pairwise(lows)), default=1.0)
            edges = [*(low - step / 2 for low in lows), lows[-1] + step / 2]
        labels = [f"{number(a)} – {number(b)}" for a, b in pairwise(edges)]
        spec = charts.compare_shares(labels, groups, field, colors, edges=edges, pair=pair)
    else:
        spec = charts.compare_shares(
            [row["value"] for row in rows], groups, field, colors, pair=pair
        )
    _chart(key, spec, field, filter)


def _chart(key: str, spec: charts.Spec, field: str, filter: str) -> None:
    # A new filter gives a new chart, so that no old selection is reported for it.
    key = f"chart_{key}_{field}_{hash(filter) & 0xFFFFFF}"
    last = spec["data"]["values"][-1].get("end")

    def picked() -> None:
        found = st.session_state[key]["selection"].get(charts.SELECTION) or []
        if found:
            claim = limited(parse(state.read().filter), field, found[0], last)
            state.change(filter=format_filter(claim))

    st.vega_lite_chart(spec=spec, key=key, on_select=picked, width="stretch")


def limited(filter: Filter, field: str, bar: Mapping[str, Any], last: float | None) -> Filter:
    """Return the filter limited to a bar that was clicked; bins end before the next one starts.

    Parameters
    ----------
    bar : `label`, or `start` and `end`.
    last : where the last bin ends, which holds its end too; None for categories.
    """
    if bar.get("label") not in (None, OTHER):
        return chips.with_values(filter, field, [bar["label"]])
    if bar.get("start") is None:
        return filter
    low, high = float(bar["start"]), float(bar["end"])
    return chips.with_limits(filter, field, low, high, below=high != last)
