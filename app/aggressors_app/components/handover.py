"""What each action hands over, side by side, and the label queue beside them."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.words import ACTION_NAMES
from aggressors_app import actions, cached, state
from aggressors_app.components import queueing
from aggressors_app.components.augment import augment
from aggressors_app.components.collect import collect
from aggressors_app.components.label_queue import label_queue
from aggressors_app.components.review import review
from aggressors_app.components.suspects import suspects
from aggressors_app.format import count, titled

QUEUE = "queue"
PARTS = (*ACTION_NAMES, QUEUE)
TAB = "solve_tab"


def handover(run_id: str, filter: str, one: Aggressor, chosen: str) -> None:
    """Show what the chosen action takes; the tabs lead to the others."""
    titles = _titles()

    def turned() -> None:
        names = {title: name for name, title in titles.items()}
        state.change(page=None, sample=None, do=names[st.session_state[TAB]])

    st.session_state[TAB] = titles[chosen]
    tabs = st.tabs(list(titles.values()), key=TAB, on_change=turned)
    with tabs[PARTS.index(chosen)]:
        if chosen == "collect":
            collect(run_id, filter, one)
        elif chosen == "augment":
            augment(run_id, one)
        elif chosen == "relabel":
            suspects(run_id, one, "relabel")
        elif chosen == "remove":
            suspects(run_id, one, "remove")
        elif chosen == "review_model":
            review(run_id, filter, one)
        else:
            label_queue(run_id, one)


def _titles() -> dict[str, str]:
    titles = {name: titled(words) for name, words in ACTION_NAMES.items()}
    n = "" if cached.workspace() is None else f" · {count(actions.queue(queueing.name()).num_rows)}"
    return {**titles, QUEUE: f":material/inventory_2: Label queue{n}"}
