"""Metadata against loss: by one field, or by two at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import streamlit as st

from aggressors.queries.findings import Finding
from aggressors.queries.grammar import format_filter, parse
from aggressors_app import cached, charts, picking, state
from aggressors_app.components.chart import chart
from aggressors_app.components.choice import chosen_field
from aggressors_app.components.explore_map import colorable
from aggressors_app.components.filter_bar import initial
from aggressors_app.components.listing import Column, Meter, Row, Text, listing
from aggressors_app.format import count, in_filter, interval, number, plain, short, typeset
from aggressors_app.picking import Change

MOST_STRONGEST = 8
ALONE = "–"  # in the place of a second field
MISSING = "(missing)"

Rows = Sequence[dict[str, Any]]


def against_loss(run_id: str, filter: str) -> None:
    """Show the mean signal by value of a field; a click limits the filter to it."""
    offered = [*cached.prominent(run_id), *(f for f in colorable(run_id) if f != "confidence")]
    offered = list(dict.fromkeys(offered))
    left, right = st.columns([3, 2], gap="large")
    with left:
        with st.container(horizontal=True, gap="small"):
            field = chosen_field("field", offered, "Field")
            others = [name for name in offered if name != field]
            second = chosen_field("second", [ALONE, *others], "And another")
        if second == ALONE:
            _one_field(run_id, filter, field)
        else:
            _two_fields(run_id, filter, field, second)
    with right:
        _strongest(run_id, filter, field)


def _one_field(run_id: str, filter: str, field: str) -> None:
    signal = cached.signal(run_id)
    table = cached.field_vs_loss(run_id, filter, field)
    marked = list(zip(table.to_pylist(), picking.of_rows(field, table.to_pylist()), strict=True))
    marked = [(row, mark) for row, mark in marked if row["n"] and row["mean"] is not None]
    ranges = [(row, mark) for row, mark in marked if row["low"] is not None]
    if not marked:
        st.caption("No labeled sample in the filter has a value here.")
        return
    overall, colors = marked[0][0]["overall"], charts.palette(st.context.theme.type)
    few = cached.run_file(run_id).info.settings.min_size
    said = f":gray[dashed: {number(overall)}, the mean of all · grey area: samples]"
    if ranges:
        spec = charts.loss_by_number(
            _ranges([row for row, _ in ranges]), field, overall, colors, f"mean {signal}"
        )
        shown = ranges
    else:
        shown = sorted(marked, key=lambda pair: (pair[0]["n"] < few, -pair[0]["mean"]))
        bins = [
            charts.Bin(
                MISSING if row["value"] is None else row["value"],
                row["n"], row["mean"], row["mean_low"], row["mean_high"], few=row["n"] < few,
            )
            for row, _ in shown
        ]  # fmt: skip
        spec = charts.loss_by_category(bins, field, overall, colors, f"mean {signal}")
        pale = f" · pale: fewer than {few}" if any(bin.few for bin in bins) else ""
        said = f":gray[dashed: {number(overall)}, the mean of all · right: samples{pale}]"
    chart(
        "against_loss",
        spec,
        table,
        title=f"Mean {signal} by {field}",
        scope=in_filter(sum(row["n"] for row, _ in shown), cached.count(run_id, filter)),
        marks=labeled_only(run_id, filter, [mark for _, mark in shown]),
        said=said,
    )
    if ranges and len(marked) > len(ranges):
        row, mark = marked[-1]
        without_value(
            "against_loss", run_id, filter, mark,
            f"{count(row['n'])} without a value, mean {signal} {number(row['mean'])}",
        )  # fmt: skip


def without_value(key: str, run_id: str, filter: str, mark: Change, label: str) -> None:
    """Offer the samples that a chart of numbers has no place for."""
    (change,) = labeled_only(run_id, filter, [mark])
    st.button(
        label,
        key=f"{key}_missing",
        type="tertiary",
        icon=":material/filter_alt:",
        on_click=lambda: state.change(filter=format_filter(change(parse(state.read().filter)))),
    )


def labeled_only(run_id: str, filter: str, marks: Sequence[Change]) -> list[Change]:
    """Let marks that count labeled samples open these alone, where the filter holds others."""
    totals = cached.totals(run_id, filter)
    if totals.n == totals.n_labeled:
        return list(marks)
    return [picking.every(mark, picking.known("loss")) for mark in marks]


def _two_fields(run_id: str, filter: str, across: str, up: str) -> None:
    signal = cached.signal(run_id)
    table = cached.fields_vs_loss(run_id, filter, across, up)
    rows = [row for row in table.to_pylist() if row["mean"] is not None]
    if not rows:
        st.caption("No labeled sample in the filter has a value of both.")
        return
    few = cached.run_file(run_id).info.settings.min_size
    cells = [
        charts.Cell(
            _named(row, "across_"), _named(row, "up_"), row["n"], row["mean"], row["n"] < few
        )
        for row in rows
    ]
    first, second = (
        picking.of_rows(field, rows, prefix) for field, prefix in ((across, "across_"), (up, "up_"))
    )
    marks = [picking.every(one, other) for one, other in zip(first, second, strict=True)]
    spec = charts.loss_by_two(
        cells,
        (across, _in_order(rows, "across_")),
        (up, _in_order(rows, "up_", upwards=True)),
        charts.palette(st.context.theme.type),
        f"mean {signal}",
    )
    columns = [f"{name} {part}" for name in (across, up) for part in ("value", "low", "high")]
    chart(
        "against_loss_two",
        spec,
        table.rename_columns([*columns, "n", "mean"]),
        title=f"Mean {signal} by {across} and {up}",
        scope=in_filter(sum(row["n"] for row in rows), cached.count(run_id, filter)),
        marks=labeled_only(run_id, filter, marks),
        said=f":gray[hatched: fewer than {few} samples]" if any(c.few for c in cells) else "",
    )


def _named(row: Mapping[str, Any], prefix: str) -> str:
    """Name the value or range of a cell."""
    value = row[f"{prefix}value"]
    return value if value is not None else ranged(row[f"{prefix}low"], row[f"{prefix}high"])


def _in_order(rows: Rows, prefix: str, *, upwards: bool = False) -> list[str]:
    """Values of one side of the grid: numbers by size, categories as they come."""
    numbers = rows[0][f"{prefix}value"] is None
    ordered = sorted(rows, key=lambda row: row[f"{prefix}low"]) if numbers else rows
    names = list(dict.fromkeys(_named(row, prefix) for row in ordered))
    return names[::-1] if numbers and upwards else names


def _strongest(run_id: str, filter: str, chosen: str) -> None:
    """List the fields that go with the signal over all analysed samples; a click shows one."""
    found = cached.findings(run_id, -1, "loss").found[:MOST_STRONGEST]
    if not found:
        return
    analysed = cached.run_file(run_id).info.settings.analysed
    by_row = {f"{one.kind} {one.title}": one for one in found}
    shown = (row for row, one in by_row.items() if one.title == chosen and one.kind != "missing")
    listing(
        "strongest",
        (
            Column(f"Strongest in all of {analysed}", width="62%"),
            Column("Effect", help="Within labels; −1 to 1, with its interval"),
        ),
        strongest_rows(by_row),
        label="Fields that go with the signal",
        chosen=next(shown, ""),
        on_choose=lambda row: state.change(field=by_row[row].title) if row in by_row else None,
        height=380,
    )
    if format_filter(initial(run_id)) != filter:
        n = count(cached.run_file(run_id).populations[analysed])
        st.caption(f"The list is of all {n} samples of {plain(analysed)}, the chart of the filter.")


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


def ranged(low: float, high: float) -> str:
    """Name a bin of a number, or the one value it holds."""
    return short(low) if low == high else f"{number(low)} – {number(high)}"


def bounds(rows: Rows, *, even: bool = True) -> list[tuple[float, float]] | None:
    """Where to draw the bins of a number; None for a category.

    A value that is its own bin is widened to the middle of its gap. Of `even` bins the outer two,
    which hold all that lies beyond, are drawn no wider than the others.
    """
    if not rows or rows[0]["low"] is None:
        return None
    lows, highs = [row["low"] for row in rows], [row["high"] for row in rows]
    if lows == highs:
        half = min((b - a for a, b in pairwise(lows)), default=1.0) / 2
        return [(low - half, low + half) for low in lows]
    if even and len(rows) > 2:
        width = max(b - a for a, b in zip(lows[1:-1], highs[1:-1], strict=True))
        lows[0] = max(lows[0], highs[0] - width)
        highs[-1] = min(highs[-1], lows[-1] + width)
    return list(zip(lows, highs, strict=True))


def _ranges(rows: Rows) -> list[charts.Bin]:
    """Bins of a number, each as wide as its samples reach."""
    drawn = bounds(rows, even=False) or []
    return [
        charts.Bin(
            ranged(row["low"], row["high"]), row["n"], row["mean"], row["mean_low"],
            row["mean_high"], *place,
        )
        for row, place in zip(rows, drawn, strict=True)
    ]  # fmt: skip
