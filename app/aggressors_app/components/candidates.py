"""Unlabeled samples like the members, by priority; the good ones go to a label queue."""

from __future__ import annotations

import math
from dataclasses import replace

import pyarrow as pa
import streamlit as st

from aggressors.contracts import EVERYTHING, Aggressor
from aggressors.errors import AggressorsError
from aggressors.queries.grammar import format_filter, parse
from aggressors_app import actions, cached, chips, state
from aggressors_app.components.exports import export_menu
from aggressors_app.components.grid import Tile, sample_grid
from aggressors_app.components.marking import flags, troubles
from aggressors_app.components.pager import pager, turn
from aggressors_app.components.queueing import QUEUE
from aggressors_app.components.sample_card import sample_card
from aggressors_app.components.states import failed, nothing
from aggressors_app.components.tiles import tiles_of, width_of
from aggressors_app.format import count, number, plain

PER_PAGE = 40
SKIPPED, PROBLEM = "candidates_skipped", "candidates_problem"


def candidates(run_id: str, filter: str, one: Aggressor) -> None:
    """Show candidates as tiles; A adds one to the queue, X skips it."""
    # Candidates are unlabeled: what the filter says of populations is about other samples.
    scope = format_filter(chips.cleared(parse(filter), chips.POPULATION))
    total = cached.candidate_count(run_id, one.concept_id, scope)
    queued = actions.queue(QUEUE)["sample_id"].to_pylist()
    _bar(run_id, one, scope, total, queued)
    if problem := st.session_state.pop(PROBLEM, ""):
        failed(problem)
    if not total:
        _none(run_id, scope)
        return
    view = state.read()
    pages = math.ceil(total / PER_PAGE)
    page = view.number("page", 1, 1, pages)
    found = cached.candidates(run_id, one.concept_id, scope, (page - 1) * PER_PAGE, PER_PAGE)
    skipped = st.session_state.setdefault(SKIPPED, set())
    held = cached.marks()
    troubles(held)
    tiles = _tiles(run_id, one, found, flags(run_id, held, one), set(queued), skipped)
    sample_grid(
        "candidates",
        tiles,
        label="Candidates",
        chosen=view.get("sample", ""),
        on_choose=lambda sample: state.change(sample=sample),
        on_turn=lambda step: turn(min(max(page + step, 1), pages)),
        on_act=lambda action, sample: _act(run_id, one.rank, action, sample),
        actions={"a": "add", "x": "skip"},
        caption=f"{count(total)} candidates, by priority",
        size=width_of(tiles, 104),
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        pager("candidates_page", page, pages)
    if chosen := view.get("sample", ""):
        with st.container(horizontal=True, gap="small"):
            for action, icon in (("add", ":material/add:"), ("skip", ":material/block:")):
                st.button(
                    f"{action.capitalize()} {plain(chosen)}",
                    icon=icon,
                    key=f"candidate_{action}",
                    on_click=_act,
                    args=(run_id, one.rank, action, chosen),
                    disabled=action == "add" and cached.workspace() is None,
                )
        sample_card(run_id, chosen, "candidate", one)


def _bar(run_id: str, one: Aggressor, scope: str, total: int, queued: list[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="queue_bar"):
        st.markdown("**Similar unlabeled samples**", width="content")
        st.space("stretch")
        if total:
            st.button(
                f"Add the first {min(PER_PAGE, total)}",
                icon=":material/playlist_add:",
                key="queue_add_page",
                on_click=_add_first,
                args=(run_id, one, scope),
                disabled=cached.workspace() is None,
            )
        st.badge(f"{count(len(queued))} in the queue", icon=":material/inventory_2:", color="blue")
        if queued:
            export_menu(
                "queue_export",
                lambda format: actions.exported(run_id, "queue", format, "", queue=queued),
                "The label queue, in its order",
                stem="label-queue",
            )


def _none(run_id: str, scope: str) -> None:
    if "unlabeled" not in cached.run_file(run_id).populations:
        nothing(
            "No unlabeled samples in this run",
            "Give the run an unlabeled population to find more samples like these: "
            "`unlabeled=` in the integration file, or `aggressors ingest --unlabeled FILE`.",
        )
    elif parse(scope) == EVERYTHING:
        nothing("No candidate", "No unlabeled sample is like this aggressor. Look at another one.")
    else:
        nothing(
            "No candidate here",
            "No unlabeled sample in the filter is like this aggressor. Clear the filter, "
            "or look at another aggressor.",
        )


def _tiles(
    run_id: str,
    one: Aggressor,
    found: pa.Table,
    marked: dict[str, str],
    queued: set[str],
    skipped: set[str],
) -> list[Tile]:
    said = marked | dict.fromkeys(skipped, "skipped") | dict.fromkeys(queued, "queued")
    shown = tiles_of(found, flags=said, words=cached.words_of(run_id, one.concept_id).weights)
    tiles = []
    for tile, row in zip(shown, found.to_pylist(), strict=True):
        priority = number(row["priority"])
        lines = ((tile.lines[0][0], "", False), ("priority", priority, False))
        tiles.append(
            replace(
                tile,
                lines=lines,
                title=f"{tile.id} · priority {priority} · {row['reason'] or ''}",
                done=tile.id in skipped and tile.id not in queued,
            )
        )
    return tiles


def _act(run_id: str, rank: int, action: str, sample: str) -> None:
    if action == "add":
        _add(run_id, rank, [sample])
    elif action == "skip":
        st.session_state.setdefault(SKIPPED, set()).add(sample)


def _add_first(run_id: str, one: Aggressor, scope: str) -> None:
    skipped = st.session_state.get(SKIPPED, set())
    first = cached.candidates(run_id, one.concept_id, scope, 0, PER_PAGE)["sample_id"].to_pylist()
    _add(run_id, one.rank, [sample for sample in first if sample not in skipped])


def _add(run_id: str, rank: int, sample_ids: list[str]) -> None:
    try:
        added = actions.add_to_queue(QUEUE, run_id, rank, sample_ids)
        if added.elsewhere or added.over_quota:
            st.session_state[PROBLEM] = added.sentence
    except AggressorsError as error:
        st.session_state[PROBLEM] = str(error)
