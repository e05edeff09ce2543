"""Samples of one place under two runs: which broke, which were fixed, and what they are called."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pyarrow as pa
import streamlit as st

from aggressors.queries.paired import Change
from aggressors.queries.pairing import TURNS, Turn
from aggressors.words import spoken
from aggressors_app import cached, state
from aggressors_app.cached import comparing
from aggressors_app.components.changes import tone
from aggressors_app.components.choice import choice
from aggressors_app.components.figures import Figure, figures
from aggressors_app.components.grid import Tile, sample_grid
from aggressors_app.components.heat import heat, keep_heat
from aggressors_app.components.pager import pager, turn
from aggressors_app.components.tiles import tiles_of, width_of
from aggressors_app.format import (
    MISSING,
    answer,
    count,
    interval,
    number,
    plain,
    share,
    signed,
    titled,
)

PER_PAGE = 25
WORDS: dict[Turn, str] = {
    "broke": "Broke",
    "fixed": "Fixed",
    "worse": "Worse",
    "better": "Better",
}


def turned_samples(run_id: str, other_id: str, place: str, title: str) -> None:
    """Show how the samples of a place changed, and those that turned, most changed first."""
    found = comparing.change(run_id, other_id, place)
    if found is None or not found.n:
        st.markdown(f"**{plain(title)}**")
        st.caption("No sample of it is in both runs, outside their training.")
        return
    st.markdown(f"**{plain(title)}** :gray[{_scope(found, title)}]")
    _figures(run_id, other_id, found)
    counts = _counts(found)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="turned_bar"):
        first = next((one for one, n in counts.items() if n), next(iter(counts)))
        words = {str(one): f"{WORDS[one]} {count(n)}" for one, n in counts.items()}
        shown = cast(
            "Turn",
            choice(
                "Which samples", "turn", words, key="turned_which", first=first,
                forgets=["page", "sample"],
            ),
        )  # fmt: skip
        names = [cached.run_file(one).info.name for one in (other_id, run_id)]
        st.caption(plain(_means(shown, *names)), width="content")
        pages = max(1, math.ceil(counts[shown] / PER_PAGE))
        page = state.read().number("page", 1, 1, pages)
    table = comparing.turned(run_id, other_id, place, shown, (page - 1) * PER_PAGE, PER_PAGE)
    _grid(run_id, other_id, shown, table, page, pages, counts[shown])
    if pages > 1:
        with st.container(horizontal=True, horizontal_alignment="right", key="turned_pages"):
            pager("turned_page", page, pages)


def _scope(found: Change, title: str) -> str:
    """Say how many samples are looked at, unless the title does, and which are not."""
    n = "" if count(found.n) in title else f"· {count(found.n)} samples"
    return f"{n}, none of those it was found on" if found.judges_only else n


def _counts(found: Change) -> dict[Turn, int]:
    """Count the samples by how they turned; without classes none is right or wrong."""
    counts = {one: getattr(found, one) for one in TURNS}
    return {one: n for one, n in counts.items() if n is not None}


def _figures(run_id: str, other_id: str, found: Change) -> None:
    """Show the mean and the error under the run, with their change from the other."""
    name = cached.run_file(other_id).info.name
    what = titled(spoken(cached.run_file(run_id).info.settings.signal))
    sure = tone(found.low, found.high)
    mean = Figure(
        f"Mean {what}" if what[1:2].isupper() else f"Mean {what.lower()}",
        number(found.value),
        ""
        if found.difference is None
        else f"{_arrow(found.difference)} {signed(found.difference)}",
        sure,
        interval(found.low, found.high),
        help=f"{number(found.reference)} under {name} on the same samples: {_word(found)}; with "
        "the 95 % interval of the difference",
    )
    shown = [mean]
    if found.errors is not None and found.other_errors is not None:
        points = 100 * (found.errors - found.other_errors)
        shown.append(
            Figure(
                "Error",
                share(found.errors),
                f"{_arrow(points)} {points:+.1f} points".replace("-", "−"),
                sure if (points > 0) == (sure == "red") else "gray",
                help=f"{share(found.other_errors)} of them are wrong under {name}",
            )
        )
    figures("turned_figures", shown)


def _arrow(difference: float) -> str:
    return "▲" if difference > 0 else "▼"


def _word(found: Change) -> str:
    words = {"red": "surely worse", "green": "surely better"}
    return words.get(tone(found.low, found.high), "no clear change")


def _grid(
    run_id: str, other_id: str, shown: Turn, table: pa.Table, page: int, pages: int, total: int
) -> None:
    names = [cached.run_file(one).info.name for one in (other_id, run_id)]
    tiles = _tiles(table, names)
    start = (page - 1) * PER_PAGE
    said = f"{count(start + 1)} – {count(start + len(tiles))} of {count(total)}"
    sample_grid(
        "turned_grid",
        tiles,
        label=f"{WORDS[shown]} samples",
        chosen=state.read().get("sample", ""),
        on_choose=lambda sample: state.change(sample=sample),
        on_turn=(lambda step: turn(min(max(page + step, 1), pages))) if pages > 1 else None,
        caption=f"{said}, most changed first" * bool(tiles),
        empty=_none(shown, *names),
        size=width_of(tiles, 104),
        heat=heat(),
        on_heat=keep_heat,
    )


def _means(shown: Turn, other: str, run: str) -> str:
    return {
        "broke": f"right under {other}, wrong under {run}",
        "fixed": f"wrong under {other}, right under {run}",
        "worse": f"worse under {run} than under {other}",
        "better": f"better under {run} than under {other}",
    }[shown]


def _none(shown: Turn, other: str, run: str) -> str:
    return f"None is {_means(shown, other, run)}."


def _tiles(table: pa.Table, names: Sequence[str]) -> list[Tile]:
    """Give each sample its label and change, and what it is called under each run."""
    return [
        replace(tile, lines=_lines(row, names))
        for tile, row in zip(tiles_of(table), table.to_pylist(), strict=True)
    ]


def _lines(row: dict[str, object], names: Sequence[str]) -> tuple[tuple[str, str, bool], ...]:
    label, change = answer(row["label"]), signed(cast("float", row["change"]))
    lines = [("" if label == MISSING else label, change, False)]
    for name, predicted in zip(names, (row["other_prediction"], row["prediction"]), strict=True):
        if predicted is not None:
            wrong = isinstance(predicted, str) and predicted != row["label"]
            lines.append((f"{name}: {answer(predicted)}", "", wrong))
    return tuple(lines)
