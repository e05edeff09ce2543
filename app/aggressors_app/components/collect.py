"""Unlabeled samples like the members: as many and as varied as wished, and what they promise."""

from __future__ import annotations

import math
from dataclasses import replace

import pyarrow as pa
import streamlit as st

from aggressors.contracts import EVERYTHING, Aggressor
from aggressors.errors import AggressorsError
from aggressors.queries.fetching import PILOT, Fetched, Promise, Wish
from aggressors.queries.grammar import format_filter, parse
from aggressors.words import counted
from aggressors_app import cached, chips, state, wishes
from aggressors_app.components import queueing
from aggressors_app.components.grid import Tile, sample_grid
from aggressors_app.components.marking import flags, troubles
from aggressors_app.components.pager import pager, turn
from aggressors_app.components.recording import recording
from aggressors_app.components.sample_card import sample_card
from aggressors_app.components.states import failed, nothing
from aggressors_app.components.tiles import tiles_of, width_of
from aggressors_app.format import count, plain, share, typeset

PER_PAGE = 40
PICKED = {wishes.MORE: "more like this", wishes.LESS: "not like this"}
KEYS = {"l": PICKED[wishes.MORE], "x": PICKED[wishes.LESS]}
AT_LEAST = (0.5, 0.8)  # precisions of which the page says how far they hold


def collect(run_id: str, filter: str, one: Aggressor) -> None:
    """Show which samples to label; A queues one, L and X ask for more or less like it."""
    recording(run_id, one)
    # Candidates are unlabeled: what the filter says of populations is about other samples.
    scope = format_filter(chips.cleared(parse(filter), chips.POPULATION))
    queueing.trouble()
    view = state.read()
    held = queueing.everywhere()
    wish, gone = _wish(run_id, one, wishes.wish(view, scope, held))
    answers = cached.answers(run_id, queueing.name(), one)
    try:
        found = cached.fetched(run_id, one.concept_id, wish, answers)
    except AggressorsError as error:  # such as a field of the filter that the run lacks
        failed(str(error))
        return
    if not found.available and not held:
        _none(run_id, scope)
        return
    with st.container(border=True, key="wish"):
        _wished(run_id, one, wish, found)
        _promised(run_id, one, wish, found)
        _passed_over(gone)
    _grid(run_id, one, view, wish, found)


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


# --- What is wished ---


def _wish(run_id: str, one: Aggressor, wish: Wish) -> tuple[Wish, tuple[str, ...]]:
    """Pass over examples that are no candidates, such as those of another aggressor's address."""
    picked = (*wish.more_like, *wish.less_like)
    return wishes.known(wish, cached.examples(run_id, one.concept_id, picked))


def _passed_over(gone: tuple[str, ...]) -> None:
    if not gone:
        return
    examples = counted(len(gone), "example")
    verb = "is no candidate" if len(gone) == 1 else "are no candidates"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="gone"):
        st.caption(
            f"{examples} of the address {verb} of this aggressor and passed over, such as "
            f"{plain(gone[0][:60])}.",
            width="content",
        )
        st.button("Forget the examples", type="tertiary", on_click=wishes.forget_picks)


def _wished(run_id: str, one: Aggressor, wish: Wish, found: Fetched) -> None:
    nowhere = cached.workspace() is None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="wish_row"):
        _budget(wish)
        _variety(wish)
        st.session_state["wish_even"] = wish.even
        st.toggle(
            "Even over classes",
            key="wish_even",
            help="Take the predicted classes in turn",
            on_change=lambda: wishes.set_to(
                {wishes.EVEN: "1" if st.session_state["wish_even"] else None}
            ),
        )
        st.space("stretch")
        queueing.undo()
        n = found.found.num_rows
        st.button(
            f"Queue these {count(n)}" if n != 1 else "Queue this one",
            icon=":material/playlist_add:",
            type="primary",
            key="queue_all",
            disabled=nowhere or not n,
            help="A single run file has no queue; open its workspace"
            if nowhere
            else f"Add them to the label queue {queueing.name()}",
            on_click=queueing.add,
            args=(run_id, one.rank, found.found["sample_id"].to_pylist()),
        )


def _budget(wish: Wish) -> None:
    st.session_state["wish_budget"] = wish.budget
    st.number_input(
        "Samples to label",
        1,
        1_000,
        step=10,
        key="wish_budget",
        width=150,
        on_change=lambda: wishes.set_to({wishes.BUDGET: str(st.session_state["wish_budget"])}),
    )


def _variety(wish: Wish) -> None:
    st.session_state["wish_variety"] = round(100 * wish.variety)
    st.slider(
        "Alike or varied",
        0,
        100,
        step=10,
        key="wish_variety",
        format="%d %%",
        width=190,
        help="0 % takes the likeliest first; at 100 %, a tenth of the expected share may go for "
        "samples that differ from each other and that the model is unsure of",
        on_change=lambda: wishes.set_to({wishes.VARIETY: str(st.session_state["wish_variety"])}),
    )


# --- What it promises ---


def _promised(run_id: str, one: Aggressor, wish: Wish, found: Fetched) -> None:
    if found.promise is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(_sentence(found), width="stretch")
            if found.promise.needs_pilot and found.found.num_rows > PILOT:
                st.button(
                    f"Queue a pilot of {PILOT}",
                    icon=":material/science:",
                    key="queue_pilot",
                    help="Samples spread over the queue, whose answers measure all of it",
                    disabled=cached.workspace() is None,
                    on_click=_queue_pilot,
                    args=(run_id, one, found.found["sample_id"].to_pylist()),
                )
    if wish.more_like or wish.less_like:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            told = [
                f"{counted(len(ids), 'example')} {words}"
                for ids, words in ((wish.more_like, "to be like"), (wish.less_like, "to avoid"))
                if ids
            ]
            st.badge(" · ".join(told), icon=":material/tune:", color="violet")
            st.button("Take them back", type="tertiary", on_click=wishes.forget_picks)


def _sentence(found: Fetched) -> str:
    """Say what to expect of the queue, how that is known, and where the likely ones end."""
    promise = found.promise
    assert promise is not None
    expected = f"**{_percent(promise.expected)}** ({_range(promise)})"
    n = count(found.found.num_rows)
    known = (
        f"after {counted(promise.measured, 'answer')}"
        if promise.measured
        else "known members were hidden and looked for in the same way"
    )
    text = f"Expect {expected} of these {n} to be such samples; {known}."
    if promise.why:
        text += f" **{plain(typeset(promise.why))}**"
    ends: list[str] = []
    for least in AT_LEAST:
        reach = found.reach(least)
        if reach and (not ends or reach != found.available):
            ends.append(f"{share(least, 0)} down to number {count(reach)}")
    if ends:
        text += f" :gray[Of {count(found.available)} candidates, the mean stays above "
        text += " and ".join(reversed(ends)) + ".]"
    return text


def _percent(value: float) -> str:
    return share(value, 0)


def _range(promise: Promise) -> str:
    return f"{round(100 * promise.low)} to {share(promise.high, 0)}"


def _queue_pilot(run_id: str, one: Aggressor, sample_ids: list[str]) -> None:
    queueing.add(run_id, one.rank, cached.pilot(run_id, one.concept_id, tuple(sample_ids)))


# --- The samples ---


def _grid(run_id: str, one: Aggressor, view: state.View, wish: Wish, found: Fetched) -> None:
    n = found.found.num_rows
    pages = max(math.ceil(n / PER_PAGE), 1)
    page = view.number("page", 1, 1, pages)
    shown = found.found.slice((page - 1) * PER_PAGE, PER_PAGE)
    held = cached.marks()
    troubles(held)
    said = flags(run_id, held, one) | dict.fromkeys(wish.more_like, "more like this")
    tiles = _tiles(run_id, one, shown, said)
    can_queue = cached.workspace() is not None
    sample_grid(
        "candidates",
        tiles,
        label="Candidates",
        chosen=view.get("sample", ""),
        on_choose=lambda sample: state.change(sample=sample),
        on_turn=lambda step: turn(min(max(page + step, 1), pages)),
        on_act=lambda action, sample: _act(run_id, one.rank, action, sample),
        actions=({"a": "queue"} if can_queue else {}) | KEYS,
        caption=f"{count(n)} of {count(found.available)} candidates",
        empty="All candidates are queued, or left out by the examples.",
        size=width_of(tiles, 104),
    )
    if pages > 1:
        with st.container(horizontal=True, horizontal_alignment="right"):
            pager("candidates_page", page, pages)
    if chosen := view.get("sample", ""):
        _chosen(run_id, one, chosen, can_queue=can_queue)


def _chosen(run_id: str, one: Aggressor, chosen: str, *, can_queue: bool) -> None:
    with st.container(horizontal=True, gap="small"):
        for action, icon, known in (
            ("queue", ":material/playlist_add:", can_queue),
            (PICKED[wishes.MORE], ":material/thumb_up:", True),
            (PICKED[wishes.LESS], ":material/thumb_down:", True),
        ):
            st.button(
                action.capitalize(),
                icon=icon,
                key=f"candidate_{action}",
                on_click=_act,
                args=(run_id, one.rank, action, chosen),
                disabled=not known,
            )
    sample_card(run_id, chosen, "candidate", one)


def _tiles(run_id: str, one: Aggressor, shown: pa.Table, said: dict[str, str]) -> list[Tile]:
    pictured = cached.pictured(run_id, tuple(shown["row_id"].to_pylist()))
    words = cached.words_of(run_id, one.concept_id).weights
    found = tiles_of(pictured, flags=said, words=words)
    return [
        replace(
            tile,
            lines=((tile.lines[0][0], _percent(row["chance"]), False),),
            title=f"{tile.id} · {_percent(row['chance'])} likely such a sample · {row['reason']}",
        )
        for tile, row in zip(found, shown.to_pylist(), strict=True)
    ]


def _act(run_id: str, rank: int, action: str, sample: str) -> None:
    if action == "queue":
        queueing.add(run_id, rank, [sample])
        return
    for name, words in PICKED.items():
        if action == words:
            try:
                wishes.pick(sample, name)
            except AggressorsError as error:
                queueing.refused(error)
