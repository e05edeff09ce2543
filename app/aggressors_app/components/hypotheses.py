"""Hypotheses that were kept: claims about the cause, to be opened, tested for, or forgotten."""

from __future__ import annotations

import streamlit as st

from aggressors.errors import AggressorsError, FilterError
from aggressors.queries.grammar import both, format_filter, parse
from aggressors.store.hypotheses import Hypothesis
from aggressors_app import actions, cached, chips, placing, state
from aggressors_app.components.hypothesis_card import COLORS, HELP
from aggressors_app.components.listing import Badge, Button, Buttons, Column, Row, Text, listing
from aggressors_app.components.save_test import saved_as
from aggressors_app.format import plain, typeset, when

HEIGHT = 240
SAVE = "Save what it speaks of as a test for later models"


def hypotheses(run_id: str) -> None:
    """List what was kept: of this model first, then of others; nothing if none was."""
    found, wrong = cached.hypotheses()
    for one in wrong:
        st.caption(plain(one.reason))
    if not found:
        return
    known = {one.slug: one for one in found}
    catalogue = cached.catalogue()
    names = {run.run_id: run.name for run in catalogue.runs}
    here = catalogue.origin(run_id)
    others = {one.slug for one in found if catalogue.origin(one.run_id) != here}
    ordered = sorted(found, key=lambda one: one.slug in others)

    def act(name: str, slug: str) -> None:
        if name == "remove":
            _remove(slug)
        elif name == "save":
            _save(run_id, slug)
        elif slug in known:
            claim(known[slug])
            state.go("explore")

    st.markdown("**Hypotheses kept**")
    listing(
        "hypotheses",
        (
            Column("Claim", width="26%"),
            Column("On this run", width="14%", help=HELP),
            Column("What the data say", width="38%"),
            Column("About"),
            Column(""),
        ),
        [_row(run_id, one, names, muted=one.slug in others) for one in ordered],
        label="Hypotheses kept",
        on_act=act,
        height=HEIGHT,
    )


def claim(one: Hypothesis) -> None:
    """Put a claim into the filter, in place of all but the populations; for callbacks."""
    view = state.read()
    populations = chips.only_populations(parse(view.filter))
    try:
        claimed = parse(placing.on_run(one.filter, one.run_id, view.run))
    except FilterError as error:
        st.toast(plain(str(error)), icon=":material/error:")
        return
    state.change(filter=format_filter(both(populations, claimed)), hold=",".join(one.confounders))


def _row(run_id: str, one: Hypothesis, names: dict[str, str], *, muted: bool) -> Row:
    refused = _refused(run_id, one)
    said = cached.on_run(run_id, one)
    explore = refused or "Open Explore with this claim"
    return Row(
        one.slug,
        (
            Text(typeset(one.title), sub=_claimed(one), strong=True),
            Badge(said.support, COLORS.get(said.support, "gray")),
            Text("", sub=typeset(said.sentence)),
            Text(_about(one, names), sub=f"kept {when(one.created_at)}"),
            Buttons(
                (
                    Button("explore", "explore", explore, disabled=bool(refused)),
                    Button("save", "save", refused or SAVE, disabled=bool(refused)),
                    Button("remove", "remove", "Forget this hypothesis"),
                )
            ),
        ),
        muted=muted,
    )


def _refused(run_id: str, one: Hypothesis) -> str:
    """Say why a run cannot answer a claim; '' where it can."""
    try:
        return cached.refused(run_id, placing.on_run(one.filter, one.run_id, run_id))
    except FilterError as error:
        return str(error)


def _claimed(one: Hypothesis) -> str:
    """Filter, what is held still, and who holds it, as far as there is more than the title."""
    filter = typeset(one.filter)
    parts = (
        filter if filter != typeset(one.title) else "",
        f"{', '.join(one.confounders)} held still" if one.confounders else "",
        one.author,
    )
    return " · ".join(part for part in parts if part)


def _about(one: Hypothesis, names: dict[str, str]) -> str:
    run = names.get(one.run_id, "a run that is gone")
    return f"{run}, all samples" if one.aggressor is None else f"{run}, aggressor {one.aggressor}"


def _save(run_id: str, slug: str) -> None:
    try:
        test = actions.save_test(run_id, hypothesis=slug)
        st.toast(plain(saved_as(test)), icon=":material/check:", duration="long")
    except AggressorsError as error:
        st.toast(plain(str(error)), icon=":material/error:", duration="long")


def _remove(slug: str) -> None:
    try:
        actions.remove_hypothesis(slug)
    except AggressorsError as error:
        st.toast(plain(str(error)), icon=":material/error:")
