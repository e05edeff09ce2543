"""What the team decided about an aggressor: said with a click, and told on every page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.errors import AggressorsError
from aggressors.queries.triage import BACK, Triaged
from aggressors.store.triage import DISMISSED, LONGEST_WHY, WORDS
from aggressors.words import STATES, decided
from aggressors_app import actions, cached, state
from aggressors_app.components.states import failed
from aggressors_app.format import plain, share, when
from aggressors_app.who import author

OFFERED = tuple(word for word in WORDS if word != "new")  # nothing chosen is new
HELP = (
    "What the team decided. It is kept in the workspace, and later runs find this aggressor again "
    "by the samples they share. A click on the word that holds takes it back."
)
SHOWN = "dismissed"  # parameter of the URL: whether lists show the dismissed too
NAMED = 3  # of those that are back, so that it stays one line
TROUBLE, ASKED = "triage_trouble", "triage_asked"


# --- Deciding ---


def decision(run_id: str, one: Aggressor, key: str) -> None:
    """Offer the words, and tell who decided what; nothing without a workspace."""
    known = cached.triage(run_id).of(one.rank)
    if known is None:
        return
    chosen = _chosen(run_id, known)
    st.session_state[key] = chosen
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.markdown(":gray[Team]", width="content", help=HELP)
        st.segmented_control(
            "What the team decided",
            OFFERED,
            format_func=STATES.__getitem__,
            key=key,
            label_visibility="collapsed",
            on_change=_click,
            args=(run_id, known, key),
        )
        if said := told(run_id, known):
            st.caption(said, width="content")
    if chosen == DISMISSED != known.word:
        _reason(run_id, one.rank, key)
    if problem := st.session_state.pop(TROUBLE, ""):
        failed(problem)


def _chosen(run_id: str, known: Triaged) -> str | None:
    """Word on the control: the one that holds, or dismissed while its reason is asked for."""
    if st.session_state.get(ASKED) == (run_id, known.aggressor.rank):
        return DISMISSED
    return known.word if known.word in OFFERED else None


def _click(run_id: str, known: Triaged, key: str) -> None:
    word, rank = st.session_state[key], known.aggressor.rank
    asked = st.session_state.pop(ASKED, None) == (run_id, rank)
    state.change(aggressor=rank)  # in sight, also where the list loses it now
    if word == DISMISSED:
        st.session_state[ASKED] = (run_id, rank)
    elif not (word is None and asked):
        _decide(run_id, rank, word or "new")


def _reason(run_id: str, rank: int, key: str) -> None:
    """Ask why it is dismissed; it is only when that is said."""
    why = f"{key}_why"

    def dismiss() -> None:
        if _decide(run_id, rank, DISMISSED, str(st.session_state[why] or "")):
            st.session_state.pop(ASKED, None)

    with (
        st.form(f"{key}_reason", border=False),
        st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
    ):
        st.text_input(
            "Why is it dismissed?",
            key=why,
            max_chars=LONGEST_WHY,
            placeholder="Lists hide it; this says why",
            width=420,
        )
        st.form_submit_button("Dismiss", type="primary", on_click=dismiss)


def _decide(run_id: str, rank: int, word: str, why: str = "") -> bool:
    try:
        actions.decide(run_id, rank, word, why, author())
    except AggressorsError as error:
        st.session_state[TROUBLE] = str(error)
        return False
    return True


# --- Telling ---


def told(run_id: str, known: Triaged) -> str:
    """Say who decided what, when, on which run and why, safe to put into Markdown; '' if new."""
    said = known.decision
    if said is None:
        return ""
    text = decided(said.word, said.author, said.run_name, when(said.created_at))
    if said.model_run != cached.run_file(run_id).info.model_run and known.overlap is not None:
        text += f" ({share(known.overlap, 0)} the same samples)"
    if known.word == BACK:
        text = f"back: {text}, and this later model has it again"
    return plain(f"{text}: {said.why}" if said.why else text)


def announced(run_id: str) -> None:
    """Say on one line which aggressors are back, with the way to each; else nothing."""
    back = [one for one in cached.triage(run_id).found if one.word == BACK]
    if not back:
        return
    verb = "A fixed aggressor is" if len(back) == 1 else f"{len(back)} fixed aggressors are"
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(f":red[:material/replay: **{verb} back:**]", width="content")
        for one in back[:NAMED]:
            rank = one.aggressor.rank
            st.button(
                plain(f"{rank} · {one.aggressor.name}"),
                key=f"triage_back_{rank}",
                type="tertiary",
                icon=":material/arrow_forward:",
                help=told(run_id, one),
                on_click=_open,
                args=(rank,),
            )
        if len(back) > NAMED:
            st.caption(f"and {len(back) - NAMED} more", width="content")


def _open(rank: int) -> None:
    state.change(aggressor=rank)
    state.go("aggressor")


def unreadable(run_id: str) -> None:
    """Name the decisions that cannot be read."""
    for one in cached.triage(run_id).unreadable:
        st.caption(plain(one.reason))


# --- Hiding ---


def in_list(run_id: str, found: Sequence[Aggressor]) -> Sequence[Aggressor]:
    """Leave out what was dismissed, unless the address asks for it."""
    if state.read().get(SHOWN, "") == "shown":
        return found
    hidden = {one.aggressor.rank for one in cached.triage(run_id).found if one.is_hidden}
    return [one for one in found if one.rank not in hidden]


def hidden_count(run_id: str) -> None:
    """Count the dismissed, with the way to show or hide them; nothing where there is none."""
    n = sum(one.is_hidden for one in cached.triage(run_id).found)
    if not n:
        return
    shown = state.read().get(SHOWN, "") == "shown"
    st.button(
        f"{n} dismissed · {'hide' if shown else 'show'}",
        key="triage_hidden",
        type="tertiary",
        help="Dismissed aggressors are left out of this list. The figures of the run count them.",
        on_click=state.change,
        kwargs={SHOWN: "" if shown else "shown"},
    )
