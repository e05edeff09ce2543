"""Unlabeled samples go to the label queue, by key or button."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aggressors.errors import AggressorsError
from aggressors_app import actions, cached

QUEUE = "to-label"
KEY, WORD, FLAG = "a", "add to queue", "queued"
PROBLEM = "queueing_problem"


def queued() -> list[str]:
    """Sample ids of the label queue, in its order."""
    return [str(one) for one in actions.queue(QUEUE)["sample_id"].to_pylist()]


def keys(*, unlabeled: bool) -> dict[str, str]:
    """Key of the grid that queues a sample; none where all are labeled or nothing can be kept."""
    return {KEY: WORD} if unlabeled and cached.workspace() is not None else {}


def add(run_id: str, rank: int | None, sample_ids: Sequence[str]) -> None:
    """Queue samples that are not there yet; for callbacks."""
    try:
        added = actions.add_to_queue(QUEUE, run_id, rank, sample_ids)
        if added.elsewhere or added.over_quota:
            st.session_state[PROBLEM] = added.sentence
    except AggressorsError as error:
        st.session_state[PROBLEM] = str(error)


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
