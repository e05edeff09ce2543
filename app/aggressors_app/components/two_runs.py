"""Two runs side by side: what changed where, and the samples behind it."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from aggressors.contracts import RunSummary
from aggressors.gate import History
from aggressors.words import spoken
from aggressors_app import cached, state
from aggressors_app.cached import comparing
from aggressors_app.components.confused import confused
from aggressors_app.components.got_worse import hides, unsought
from aggressors_app.components.in_sight import chosen_here, in_sight
from aggressors_app.components.sample_card import sample_card
from aggressors_app.components.states import nothing
from aggressors_app.components.turned import turned_samples
from aggressors_app.components.where_changed import called, places, where_changed
from aggressors_app.format import count, plain, when

AGAINST = "against"
PANEL = "turned_panel"  # key of the chosen sample, beside the grid
PLACE = "on"  # parameter of the place that is looked at; '' for the filter


def two_runs(history: History, run_id: str, filter: str) -> None:
    """Show the run on screen beside another one, by default the accepted one."""
    others = _others(run_id)
    if not others:
        nothing(
            "One run stands alone",
            "Here the run of a new model stands beside the one before it. Make a second run with "
            "`aggressors run` or `aggressors ingest`.",
            icon=":material/compare_arrows:",
        )
        return
    first = accepted(history, run_id)
    known = tuple(others)
    first = first if first in known else _before(run_id, known)
    other_id = state.read().get(AGAINST, first, known)
    why = comparing.not_comparable(run_id, other_id)
    _heading(run_id, others, other_id, comparable=not why)
    if why:
        # The engine speaks of the option that names the other run.
        advice = plain(why.replace(" with --baseline", " above"))
        nothing("These two runs do not compare", advice, icon=":material/link_off:")
        return
    hides(run_id, other_id)
    unsought(run_id, other_id)
    place, said = _place(run_id, other_id, filter)
    if said:
        st.caption(said)
    shown = place or f"filter:{filter}"
    rows = places(history, run_id, other_id, filter)
    title = called(rows, place)
    sample = state.read().get("sample", "")
    leads = chosen_here(PANEL, sample)
    left, right = st.columns([11, 12], gap="medium")
    with left:
        if sample:  # in the place of the list, so that the grid stays where it is
            with st.container(key=PANEL):
                sample_card(run_id, sample, "turned_sample", beside=True)
                in_sight(PANEL, sample, leads=leads)
        else:
            where_changed(run_id, other_id, rows, place)
            confused(run_id, other_id, shown, title)
    with right:
        turned_samples(run_id, other_id, shown, title)


def accepted(history: History, run_id: str) -> str:
    """Return the run that most saved tests measure a run against; '' where none does."""
    found = Counter(
        verdict.baseline
        for tracked in history.tests
        if (verdict := tracked.verdicts.get(run_id)) and verdict.baseline not in ("", run_id)
    )
    return found.most_common(1)[0][0] if found else ""


def _others(run_id: str) -> dict[str, RunSummary]:
    """List the runs of other models, newest first, those of another task or loss last."""
    catalogue = cached.catalogue()
    own = catalogue.version(run_id)
    alike = {run.run_id for run in cached.like(run_id)}
    runs = [run for run in catalogue.versions if run.run_id != own]
    runs.sort(key=lambda run: run.run_id not in alike)
    return {run.run_id: run for run in runs}


def _before(run_id: str, known: tuple[str, ...]) -> str:
    """Return the run before; for the first of all the one that follows."""
    before = cached.before(run_id)
    if before is not None:
        return before.run_id
    alike = [run.run_id for run in cached.like(run_id) if run.run_id in known]
    return alike[-1] if alike else known[0]


def _heading(
    run_id: str, others: dict[str, RunSummary], other_id: str, *, comparable: bool
) -> None:
    info = cached.run_file(run_id).info
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="two_runs_bar"
    ):
        st.subheader(f"{plain(info.name)} against", width="content", anchor=False)
        key = "two_runs_against"
        st.session_state[key] = other_id
        st.selectbox(
            "The other run",
            list(others),
            key=key,
            format_func=lambda one: f"{others[one].name} · {when(others[one].created_at)}",
            label_visibility="collapsed",
            width=220,
            on_change=lambda: _against(st.session_state[key]),
        )
        if comparable:
            st.markdown(f":gray[{_scope(run_id, other_id)}]", width="content")


def _against(other_id: str) -> None:
    """Compare with another run; only a test is a place in every pair of runs."""
    place = state.read().get(PLACE, "")
    kept = place if place.startswith("test:") else None
    changed = {AGAINST: other_id, PLACE: kept, "turn": None, "page": None, "sample": None}
    state.change(**changed)  # type: ignore[arg-type]


def _scope(run_id: str, other_id: str) -> str:
    """Say on what they are compared, and what is left out."""
    info = cached.run_file(run_id).info
    analysed = info.settings.analysed
    whole = comparing.change(run_id, other_id, f"filter:population = {analysed}")
    apart = comparing.apart(run_id, other_id)
    name = plain(cached.run_file(other_id).info.name)
    left_out = [
        (apart.only_run - apart.in_training, f"not in {name}"),
        (apart.in_training, f"in the training of {name}"),
        (apart.only_other, f"in {name} alone"),
        (apart.relabeled, "with another label"),
        (apart.unknown, f"without {plain(spoken(info.settings.signal))} in one of them"),
    ]
    said = ", ".join(f"{count(n)} {why}" for n, why in left_out if n)
    same = f"on the same {count(whole.n if whole else 0)} {analysed} samples"
    return f"{same}; left out: {said}" if said else same


def _place(run_id: str, other_id: str, filter: str) -> tuple[str, str]:
    """Return the place that the address names, '' for the filter, and what is to be said of it."""
    place = state.read().get(PLACE, "")
    if not place or place.startswith("filter"):
        return "", ""
    if comparing.change(run_id, other_id, place) is None:
        return (
            "",
            "What this link points at is not there for these two runs; all samples are shown.",
        )
    return place, ""
