"""The label queue: what waits, what came back, the way out and the way back in."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.errors import AggressorsError
from aggressors.queries.cards import data_uri
from aggressors.store.label_queues import DEFAULT_QUEUE, STATES, Quota, State
from aggressors.store.workspace import check_slug
from aggressors_app import actions, cached, state
from aggressors_app.components import queueing
from aggressors_app.components.exports import export_menu
from aggressors_app.components.importing import importing
from aggressors_app.components.listing import (
    Badge,
    Button,
    Buttons,
    Cell,
    Color,
    Column,
    Picture,
    Row,
    Text,
    listing,
)
from aggressors_app.components.loop import later_models
from aggressors_app.components.pager import pager
from aggressors_app.components.states import failed, nothing
from aggressors_app.format import MISSING, count, share, typeset, when

PER_PAGE = 50
ONLY = "only"  # of the address: the state that is listed
COLORS: dict[State, Color] = {
    "queued": "gray", "exported": "blue", "labeled": "green", "rejected": "orange",
}  # fmt: skip
COLUMNS = (
    Column(""),
    Column("Sample", width="40%"),
    Column("State"),
    Column("Label", width="13%"),
    Column("Chance", right=True, help="That it is such a sample, as estimated when it was queued"),
    Column("Last change", width="17%"),
    Column(""),
)


def label_queue(run_id: str, one: Aggressor) -> None:
    """Show one label queue, with export, import, and a way to take samples back."""
    if cached.workspace() is None:
        nothing(
            "A single run file has no label queue",
            "Open its workspace: `aggressors app --workspace DIR`.",
        )
        return
    queueing.trouble()
    queue = actions.label_queue(queueing.name())
    _bar(run_id)
    for reason in queue.broken[:3]:
        failed(reason)
    rows = queue.rows()
    if not rows.num_rows:
        nothing(
            f"Nothing is queued in {queueing.name()}",
            "Collect shows unlabeled samples like the members; one click queues them.",
            icon=":material/inventory_2:",
        )
        return
    later_models(run_id, queueing.name(), one)
    wanted = _states(queue.summary().states)
    rows = rows if wanted is None else queue.rows(wanted)
    _listed(run_id, rows)


# --- Which queue, and what can be done with it ---


def _bar(run_id: str) -> None:
    name = queueing.name()  # a file is made outside of the page, where there is no address
    waiting = actions.label_queue(name).waiting()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="queue_bar"):
        _which()
        _new()
        _quota()
        st.space("stretch")
        queueing.undo()
        importing(run_id, name)
        if waiting:
            export_menu(
                "queue_export",
                lambda format: actions.export_queue(run_id, name, format),
                f"{count(len(waiting))} that wait for a label, in the order of the queue",
                stem=name,
                run_id=run_id,
            )


def _which() -> None:
    totals = {one.name: one.total for one in actions.label_queues()}
    totals.setdefault(queueing.name(), 0)
    totals.setdefault(DEFAULT_QUEUE, 0)
    key = "queue_name"
    st.session_state[key] = queueing.name()
    st.selectbox(
        "Label queue",
        sorted(totals),
        key=key,
        format_func=lambda name: f"{name} · {count(totals[name])}",
        label_visibility="collapsed",
        width=200,
        on_change=lambda: state.change(queue=st.session_state[key], page=None),
    )


def _new() -> None:
    with st.popover("New", icon=":material/add:", key="queue_new"):
        st.text_input(
            "Name of a new queue",
            key="queue_new_name",
            placeholder="dusk-november",
            on_change=_named,
            help="a to z, 0 to 9 and hyphens; it is made when the first sample is queued",
        )


def _named() -> None:
    name = str(st.session_state["queue_new_name"]).strip().lower().replace(" ", "-")
    try:
        state.change(queue=check_slug(name), page=None)
        st.session_state["queue_new_name"] = ""
    except AggressorsError as error:
        queueing.refused(error)


def _quota() -> None:
    """Show the limits of the queue, and change them; rejected samples take no place."""
    queue = actions.label_queue(queueing.name())
    limits = queue.quota
    for key, value in (("total", limits.total), ("each", limits.at_most)):
        st.session_state[f"quota_{key}"] = value
    title = "Quota" if limits == Quota() else "Quota set"
    with st.popover(title, icon=":material/speed:", key="queue_quota"):
        for key, words in (("total", "Samples in all"), ("each", "Samples of each aggressor")):
            st.number_input(
                words, 0, 1_000_000, step=10, key=f"quota_{key}", placeholder="no limit",
                on_change=_limited,
            )  # fmt: skip


def _limited() -> None:
    queue = actions.label_queue(queueing.name())
    limits = replace(
        queue.quota,
        total=st.session_state["quota_total"],
        at_most=st.session_state["quota_each"],
        share=queue.quota.share if st.session_state["quota_total"] is not None else None,
    )
    try:
        queue.set_quota(limits)
    except AggressorsError as error:
        queueing.refused(error)


# --- What stands in it ---


def _states(counts: dict[State, int] | Any) -> State | None:
    """Offer the states as filters, with how many samples are in each; None for all."""
    known = [name for name in STATES if counts[name]]
    key = "queue_state"
    named = state.read().get(ONLY, "", tuple(known))
    st.session_state[key] = named or None
    st.pills(
        "State",
        known,
        key=key,
        format_func=lambda name: f"{name} {count(counts[name])}",
        label_visibility="collapsed",
        on_change=lambda: state.change(only=st.session_state[key], page=None),
    )
    return next((name for name in known if name == named), None)


def _listed(run_id: str, rows: Any) -> None:
    pages = max(math.ceil(rows.num_rows / PER_PAGE), 1)
    page = state.read().number("page", 1, 1, pages)
    shown = rows.slice((page - 1) * PER_PAGE, PER_PAGE).to_pylist()
    pictures = cached.thumbnails_of(run_id, tuple(row["sample_id"] for row in shown))
    listing(
        "label_queue",
        COLUMNS,
        [Row(row["sample_id"], _cells(row, pictures)) for row in shown],
        label="Label queue",
        on_act=_act,
        height=640,
    )
    if pages > 1:
        with st.container(horizontal=True, horizontal_alignment="right"):
            pager("queue_page", page, pages)


def _cells(row: dict[str, Any], pictures: dict[str, bytes | None]) -> tuple[Cell, ...]:
    chance = row["expected"]
    said = row["label"] or ""
    by = row["by"] or row["queued_by"] or ""
    changed = row["changed_at"]
    picture = data_uri(pictures.get(row["sample_id"]))
    return (
        Picture(picture, row["sample_id"]) if picture else None,
        Text(row["sample_id"], sub=_why(row, pictures)),
        Badge(row["state"], COLORS[row["state"]]),
        Text(said, sub=row["why"] or ""),
        Text(MISSING if chance is None else share(chance, 0)),
        Text(plain_time(changed), sub=by),
        Buttons((Button("remove", "remove", "Take it out of the queue"),)),
    )


def _why(row: dict[str, Any], pictures: dict[str, bytes | None]) -> str:
    return typeset(row["reason"] or "") if row["sample_id"] in pictures else "of another run"


def plain_time(value: Any) -> str:
    """Time of a change as it stands in a list; '' for none."""
    return "" if value is None else when(value.isoformat())


def _act(action: str, sample_id: str) -> None:
    if action != "remove":
        return
    try:
        actions.label_queue(queueing.name()).remove([sample_id])
    except AggressorsError as error:
        queueing.refused(error)
