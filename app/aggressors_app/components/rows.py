"""Samples as rows: facts, the fields one chooses, and the start of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import streamlit as st

from aggressors.queries.grammar import parse
from aggressors_app import cached, chips, state
from aggressors_app.components.grid import Head, Tile
from aggressors_app.format import MISSING, answer, exact, number

FIRST = 4  # fields shown before any is chosen
MOST = 12
LONGEST = 600  # characters of a text in a row; the panel shows all


def chosen_fields(run_id: str) -> list[str]:
    """Metadata fields that stand in columns: as the address says, else the most telling."""
    known = list(cached.run_file(run_id).fields)
    asked = state.read().get("columns", "")
    wanted = asked.split(",") if asked else cached.prominent(run_id)[:FIRST]
    return [name for name in wanted if name in known][:MOST]


def choose_fields(run_id: str) -> None:
    """Offer the metadata fields as columns."""
    key = "browser_columns"
    st.session_state[key] = chosen_fields(run_id)
    with st.popover("Columns", icon=":material/view_column:"):
        st.multiselect(
            "Columns",
            # The address separates names with commas.
            [name for name in cached.run_file(run_id).fields if "," not in name],
            key=key,
            max_selections=MOST,
            label_visibility="collapsed",
            placeholder="Choose fields",
            on_change=lambda: state.change(columns=",".join(st.session_state[key])),
        )


def rows_of(
    run_id: str, found: pa.Table, tiles: Sequence[Tile], sort: str, descending: bool
) -> tuple[list[Tile], list[Head]]:
    """Give tiles their cells, and the heads of the columns."""
    rows = found.to_pylist()
    wanted = ["population", "label", "prediction", "loss"]
    if len(chips.values(parse(state.read().filter), chips.POPULATION)) == 1:
        wanted.remove("population")  # all have the same
    facts = [name for name in wanted if any(row[name] is not None for row in rows)]
    fields = chosen_fields(run_id)
    info = cached.run_file(run_id).fields
    read = cached.values(run_id, tuple(row["row_id"] for row in rows), tuple(fields)).to_pylist()
    text = any(row["text"] for row in rows)
    order = "down" if descending else "up"
    heads = [
        Head(name, name, right=right, order=order if name == sort else "", wide=wide)
        for name, right, wide in (
            ("sample_id", False, False),
            *((name, name == "loss", False) for name in facts),
            *((name, info[name].kind == "number", False) for name in fields),
        )
    ]
    if text:
        heads.append(Head("", "text", wide=True))
    units = {name: info[name].unit for name in fields}
    shown = [
        replace(tile, cells=_cells(row, facts, values, units, text=text))
        for tile, row, values in zip(tiles, rows, read or [{}] * len(rows), strict=True)
    ]
    return shown, heads


def _cells(
    row: Mapping[str, Any],
    facts: Sequence[str],
    values: Mapping[str, Any],
    units: Mapping[str, str],
    *,
    text: bool,
) -> tuple[tuple[str, str], ...]:
    odd = {one["name"] for one in row.get("about") or () if one["odd"]}
    cells = [(row["sample_id"], "")]
    for name in facts:
        wrong = name == "prediction" and row["correct"] is False
        shown = number(row[name]) if name == "loss" else answer(row[name])
        cells.append((shown, "wrong" if wrong else ""))
    for name, value in values.items():
        cells.append((exact(value, units[name]), "odd" if name in odd else ""))
    if text:
        cells.append(((row["text"] or MISSING)[:LONGEST], ""))
    return tuple(cells)
