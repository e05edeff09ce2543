"""What one aggressor is, in words and badges: the same on every page."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.words import ACTION_NAMES, STATES, without_value
from aggressors_app import cached
from aggressors_app.components.listing import Color
from aggressors_app.format import count, interval, number, plain, share, signed

ACTION_COLORS: dict[str, Color] = {
    "collect": "blue",
    "augment": "violet",
    "relabel": "orange",
    "remove": "gray",
    "review_model": "green",
}
# Words that every page says; the others stand where they are decided.
TRIAGE_COLORS: dict[str, Color] = {"back": "red", "dismissed": "gray"}


def fails(run_id: str) -> str:
    """Say what "fail" means in this run."""
    quantile = share(cached.run_file(run_id).info.settings.core_quantile, 0)
    return (
        f"A member fails where its {cached.signal(run_id)} exceeds that of {quantile} of the rest."
    )


def sentence(run_id: str, one: Aggressor) -> str:
    """Say how much worse the members are, on which samples that was measured, and how many fail."""
    judged = confirm_half(run_id, one)
    analysed = cached.run_file(run_id).info.settings.analysed
    what = plain(cached.signal(run_id))
    gaps = without_value(one, what)
    text = f"**{count(one.n_core)} of {count(one.n_known)}** {analysed} members fail"
    text += f"; {gaps}. " if gaps else ". "
    if judged is not None:
        judges = cached.found(run_id, one.concept_id).n_confirm or judged["n"]
        text += (
            f"Mean {what} is **{number(judged['mean_loss'])}** inside and "
            f"{number(judged['rest_loss'])} in the rest: **{signed(one.gap)}** "
            f"({interval(one.gap_low, one.gap_high)}), measured on {count(judges)} members "
            "that the search had not seen. "
        )
    return text + f"Without it, **{share(one.impact)}** of all {what} would vanish."


def confirm_half(run_id: str, one: Aggressor) -> dict[str, float] | None:
    """Means and count of the half that judges; None where the run has none."""
    analysed = cached.run_file(run_id).info.settings.analysed
    for row in cached.stats(run_id, one.concept_id).to_pylist():
        if row["population"] == analysed and row["fold"] == "confirm":
            return {name: row[name] for name in ("n", "mean_loss", "rest_loss")}
    return None


def badges(run_id: str, one: Aggressor) -> None:
    """Show status, size and action as badges, and a decision that nobody should miss."""
    confirmed = one.status == "confirmed"
    st.badge(
        plain(one.status),
        icon=":material/verified:" if confirmed else ":material/help:",
        color="red" if confirmed else "gray",
        help="Holds on samples that the search had not seen"
        if confirmed
        else "Not confirmed on unseen samples: an idea, not a finding",
    )
    st.badge(f"{count(one.n)} samples", color="gray")
    st.badge(ACTION_NAMES[one.action], icon=":material/build:", color=ACTION_COLORS[one.action])
    known = cached.triage(run_id).of(one.rank)
    if known is not None and known.word in TRIAGE_COLORS:
        st.badge(STATES[known.word], color=TRIAGE_COLORS[known.word])


def title(one: Aggressor) -> str:
    """Rank and name, safe to put into Markdown."""
    return f"{one.rank} · {plain(one.name)}"
