"""Unlabeled samples go to the label queue, by key or button."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aggressors.errors import AggressorsError
from aggressors.store.label_queues import DEFAULT_QUEUE
from aggressors.store.workspace import is_slug
from aggressors.words import counted
from aggressors_app import actions, cached, state
from aggressors_app.components.states import failed

KEY, WORD, FLAG = "a", "add to queue", "queued"
PROBLEM = "queueing_problem"
LAST = "queueing_last"  # queue and samples of the last click, until it is undone or they went out


def name() -> str:
    """Name of the label queue that samples go to; the address remembers another than the first."""
    named = state.read().get(state.QUEUE, DEFAULT_QUEUE)
    return named if is_slug(named) else DEFAULT_QUEUE


def queued() -> list[str]:
    """Sample ids of the label queue, in its order."""
    return [str(one) for one in actions.queue(name())["sample_id"].to_pylist()]


def everywhere() -> frozenset[str]:
    """Sample ids that are not queued again; what another queue found of no group is free."""
    found = cached.workspace()
    if found is None:
        return frozenset()
    return found.label_queue(name()).passed_over()


def refused(error: AggressorsError) -> None:
    """Keep why something could not be done, for `trouble`; for callbacks."""
    st.session_state[PROBLEM] = str(error)


def trouble() -> None:
    """Say once what could not be done."""
    if problem := st.session_state.pop(PROBLEM, ""):
        failed(problem)


def keys(*, unlabeled: bool) -> dict[str, str]:
    """Key of the grid that queues a sample; none where all are labeled or nothing can be kept."""
    return {KEY: WORD} if unlabeled and cached.workspace() is not None else {}


def add(run_id: str, rank: int | None, sample_ids: Sequence[str]) -> None:
    """Queue samples that are not there yet; for callbacks."""
    try:
        added = actions.add_to_queue(name(), run_id, rank, sample_ids)
        if added.added:
            st.session_state[LAST] = (name(), added.added)
        if added.elsewhere or added.over_quota:
            st.session_state[PROBLEM] = added.sentence
        elif added.added:
            st.toast(f"{added.sentence} ({name()})", icon=":material/playlist_add_check:")
    except AggressorsError as error:
        refused(error)


def undo() -> None:
    """Offer to take back what the last click queued, as long as all of it waits."""
    to, samples = st.session_state.get(LAST, ("", ()))
    if to != name() or not samples or cached.workspace() is None:
        return
    if set(actions.label_queue(to).of(samples)["state"].to_pylist()) != {"queued"}:
        return
    st.button(
        f"Undo {len(samples):,}",
        icon=":material/undo:",
        type="tertiary",
        key="queue_undo",
        help=f"Take the {counted(len(samples), 'sample')} of the last click out of {to} again",
        on_click=_take_back,
        args=(to, samples),
    )


def _take_back(to: str, samples: Sequence[str]) -> None:
    try:
        taken = actions.take_back(to, samples)
        st.toast(f"Took {counted(len(taken), 'sample')} out of {to}", icon=":material/undo:")
        st.session_state.pop(LAST, None)
    except AggressorsError as error:
        refused(error)


def add_unlabeled(run_id: str, sample_id: str) -> None:
    """Queue a sample that nobody has labeled; for callbacks."""
    try:
        labeled = cached.sample(run_id, sample_id).label is not None
    except AggressorsError:  # a stale click: the sample is not of this run
        return
    if labeled:
        st.session_state[PROBLEM] = f"Sample {sample_id} has a label; only others are queued."
    else:
        add(run_id, None, [sample_id])


def queue_button(run_id: str, sample_id: str, key: str) -> None:
    """Offer to queue one sample, or say that it is."""
    there = sample_id in queued()
    nowhere = cached.workspace() is None
    st.button(
        "In the label queue" if there else "Add to the label queue",
        icon=":material/playlist_add_check:" if there else ":material/playlist_add:",
        key=f"{key}_queue",
        disabled=there or nowhere,
        help="A single run file has no queue; open its workspace"
        if nowhere
        else f"Key {KEY.upper()} in the grid; Solve exports the queue",
        on_click=add_unlabeled,
        args=(run_id, sample_id),
    )
