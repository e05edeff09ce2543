"""One sample in full: picture, truth and prediction, loss, metadata."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.errors import AggressorsError
from aggressors.queries.samples import SampleDetail, Value
from aggressors.queries.unusual import Odd
from aggressors.words import how_unusual
from aggressors_app import cached, state
from aggressors_app.components.grid import Heat, Tile, sample_grid
from aggressors_app.components.heat import heat as strength
from aggressors_app.components.heat import keep_heat
from aggressors_app.components.listing import Column, Mark, Row, Text, listing
from aggressors_app.components.marking import mark_buttons
from aggressors_app.components.neighbours import neighbours
from aggressors_app.components.queueing import queue_button
from aggressors_app.components.tagging import tags_of
from aggressors_app.format import MISSING, answer, exact, number, plain, share, typeset

HEIGHT = 260  # pixels before a list of the card scrolls
LONGEST_ODD = 28  # characters of a value that stands out; the rest shows on hover


def sample_card(
    run_id: str, sample_id: str, key: str, one: Aggressor | None = None, *, beside: bool = False
) -> None:
    """Show a sample, or the reason why it cannot be shown.

    `one` is the aggressor on screen: its telling words are marked, and the sample can be marked as
    not of its group. `beside` makes it a narrow panel, with all that can be done with a sample.
    """
    try:
        found = cached.sample(run_id, sample_id)
    except AggressorsError as error:
        st.caption(plain(str(error)))
        return
    with st.container(border=True):
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key=f"{key}_head"
        ):
            st.markdown(f"**{plain(found.sample_id)}**", width="content")
            st.space("stretch")
            mark_buttons(run_id, one, sample_id, key)
            st.button(
                "Close",
                icon=":material/close:",
                type="tertiary",
                key=f"{key}_close",
                shortcut="Escape",
                on_click=state.change,
                kwargs={"sample": None},
            )
        original = cached.original(found.uri) if found.uri else None
        seen = original or found.thumbnail
        written = "" if seen else found.text or found.uri or ""
        if written:
            words = tuple(cached.words_of(run_id, one.concept_id).weights) if one else ()
            _text(key, Tile(sample_id, None, written, (), words=words))
        if beside:
            _stacked(run_id, found, original, key)
            return
        if not seen:
            facts, measured = st.columns(2, gap="small")
        else:
            picture, facts, measured = st.columns([3, 4, 5], gap="small")
            with picture:
                _picture(found, original, key)
        with facts:
            _table(f"{key}_facts", "Facts of the sample", _facts(found))
        with measured:
            _metadata(run_id, found, key)


def _stacked(run_id: str, found: SampleDetail, original: bytes | None, key: str) -> None:
    """Put everything below each other: what is seen, what is known, and what is like it."""
    if found.label is None:
        queue_button(run_id, found.sample_id, key)
    tags_of(run_id, found.sample_id, key)
    facts = [row for row in _facts(found) if row[0] != "aggressors"]
    if original or found.thumbnail:
        seen, known = st.columns([4, 3], gap="small")
        with seen:
            _picture(found, original, key)
    else:
        known = st.container()
    with known:
        _table(f"{key}_facts", "Facts of the sample", facts)
    if found.aggressors:
        _memberships(found, key)
    _metadata(run_id, found, key)
    neighbours(run_id, found.row_id, key)


def _memberships(found: SampleDetail, key: str) -> None:
    """List the aggressors it belongs to; a click puts one in focus."""
    rows = [
        Row(
            str(one.rank),
            (Text(f"{one.rank} · {typeset(one.name)}"), Text(share(one.score, 0))),
        )
        for one in found.aggressors
    ]
    listing(
        f"{key}_memberships",
        (Column("Member of"), Column("How surely", right=True)),
        rows,
        label="Aggressors of the sample",
        on_choose=lambda rank: state.change(aggressor=int(rank)) if rank.isdigit() else None,
        height=HEIGHT,
    )


def _metadata(run_id: str, found: SampleDetail, key: str) -> None:
    """List every value; those that stand out come first, with how far out they are."""
    odd = {one.field: one for one in cached.odd(run_id, found.row_id) if one.marked}
    values = {entry.name: entry for entry in found.metadata}
    rows = [_odd_row(one, values[name]) for name, one in odd.items()]
    for entry in (*found.metadata, *found.metrics):
        if entry.name not in odd:
            shown = Text(exact(entry.value, entry.unit))
            rows.append(Row(entry.name, (Text("", sub=entry.name), shown)))
    if not rows:
        st.caption("This run has none.")
        return
    columns = (Column("Metadata"), Column("Value", right=True))
    listing(
        f"{key}_metadata", columns, rows, label="Metadata of the sample", bare=True, height=HEIGHT
    )


def _odd_row(one: Odd, entry: Value) -> Row:
    how = typeset(how_unusual(one.found.side, one.found.tail))
    value = "missing" if entry.value is None else exact(entry.value, entry.unit)
    short = value if len(value) <= LONGEST_ODD else f"{value[:LONGEST_ODD]}…"
    return Row(
        entry.name, (Text("", sub=f"{entry.name} · {how}"), Mark(short, "orange", sub=value))
    )


def _text(key: str, text: Tile) -> None:
    """Show a text as high as it needs, up to a limit, with its telling words marked."""
    sample_grid(f"{key}_text", [text], label="The sample", size=420, plain=True, reading=True)


def _picture(found: SampleDetail, original: bytes | None, key: str) -> None:
    """Show the original where a media root holds it, else the thumbnail with its heatmap."""
    if original:
        st.image(original, width="stretch")
    elif found.thumbnail:
        heat = None
        if shown := found.heatmap:
            heat = Heat(shown.height, shown.width, shown.pixels, shown.label_pixels)
        tile = Tile(found.sample_id, found.thumbnail, "", (), heat=heat)
        sample_grid(
            f"{key}_picture",
            [tile],
            label="The sample",
            size=160,
            heat=strength(),
            on_heat=keep_heat,
            plain=heat is None,
        )


def _facts(found: SampleDetail) -> list[tuple[str, str]]:
    rows = [
        ("label", answer(found.label)),
        ("prediction", answer(found.prediction)),
        ("confidence", share(found.confidence)),
        ("loss", number(found.loss)),
        ("population", found.population),
    ]
    rows = [(name, value) for name, value in rows if value != MISSING]
    if found.aggressors:
        rows.append(
            ("aggressors", ", ".join(f"{one.rank} {typeset(one.name)}" for one in found.aggressors))
        )
    return rows


def _table(key: str, label: str, rows: list[tuple[str, str]]) -> None:
    shown = [Row(name, (Text("", sub=name), Text(value))) for name, value in rows]
    columns = (Column("Field"), Column("Value", right=True))
    listing(key, columns, shown, label=label, bare=True, height=HEIGHT)
