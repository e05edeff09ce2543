"""What got worse that no saved test covers: rows to look at, each saved as a test with a click."""

from __future__ import annotations

import shlex

import streamlit as st

from aggressors.errors import AggressorsError
from aggressors.queries.worsened import Told, hidden
from aggressors_app import actions, cached
from aggressors_app.cached import comparing
from aggressors_app.components.changes import change_meter, means, notes
from aggressors_app.components.listing import Button, Buttons, Row, Text
from aggressors_app.components.working import refused, watched
from aggressors_app.format import count, plain, share, typeset

SAVE = "save"
STEPS = {
    "pair": "Comparing the samples of both runs",
    "search": "Seeking what got worse; leaving the page ends it",
}


def hides(run_id: str, other_id: str) -> None:
    """Say in words that the mean hides what got worse, where it does."""
    found = comparing.worse(run_id, other_id)
    if found is None:
        return
    analysed = cached.run_file(run_id).info.settings.analysed
    whole = comparing.change(run_id, other_id, f"filter:population = {analysed}")
    said = hidden(whole, found[1], found[0].signal) if whole else ""
    if said:
        st.warning(plain(typeset(said)), icon=":material/visibility_off:")


def worse_rows(run_id: str, other_id: str, top: float) -> list[Row]:
    """List the groups that got worse, covered ones last."""
    found = comparing.worse(run_id, other_id)
    return [] if found is None else [_row(one, top) for one in found[1]]


def _row(one: Told, top: float) -> Row:
    group, covered = one.group, one.covered_by
    return Row(
        f"worse:{group.rank}",
        (
            Text(typeset(group.name), sub=_said(one), strong=covered is None),
            change_meter(group.difference, group.low, group.high, top),
            Buttons((Button(SAVE, "save", "Save as test"),))
            if covered is None
            else Buttons((Button("", "saved", f"Covered by test {covered.slug}", disabled=True),)),
        ),
        group="Worse, and covered by a test" if covered else "Got worse, and no test covers it",
        muted=covered is not None,
    )


def _said(one: Told) -> str:
    group, best = one.group, next(iter(one.tests), None)
    return notes(
        means(group.reference, group.value),
        f"{count(group.n_confirm)} samples",
        "" if group.aggressor is None else f"aggressor {group.aggressor}",
        f"{share(best.share, 0)} in test {best.slug}" if best else "",
    )


def unsought(run_id: str, other_id: str) -> None:
    """Say how to find what got worse where it was never sought, or that nothing did."""
    found = comparing.worse(run_id, other_id)
    if found is None:
        _seek(run_id, other_id)
    elif not found[1]:
        tested = found[0].tested
        what = (
            f"none of {count(tested)} groups tested is surely worse"
            if tested
            else "there are too few samples to tell"
        )
        st.caption(f":material/check: What got worse that no test covers: {what}.")


def _seek(run_id: str, other_id: str) -> None:
    """Offer to find it; where nothing can be kept, say what to type."""
    words, act = st.columns([11, 12], gap="medium", vertical_alignment="center")
    words.markdown(
        ":material/search: **What got worse that no test covers** was not sought yet for these "
        "two. :gray[It takes some seconds, is kept in the workspace, and appears here.]"
    )
    typed = command(run_id, other_id)
    if not actions.may_seek_worse():
        act.code(typed, language=None)
    elif act.button(
        "Find what got worse", icon=":material/search:", key="seek_worse", help=f"As `{typed}` does"
    ):
        with act:
            _sought(run_id, other_id)


def _sought(run_id: str, other_id: str) -> None:
    """Find it, showing how far that is, and show it; or say why not."""
    try:
        watched(actions.seek_worse(run_id, other_id), STEPS, "pair")
    except AggressorsError as error:
        refused(error)
    else:
        st.rerun()


def command(run_id: str, other_id: str) -> str:
    """Return what to type to find what got worse."""
    workspace = cached.workspace()
    place = f" --workspace {shlex.quote(str(workspace.root))}" if workspace else ""
    names = (_called(one) for one in (run_id, other_id))
    return "aggressors compare {} --baseline {}".format(*names) + place


def _called(run_id: str) -> str:
    """Name of a run for the command line, which takes the newest of a name; else its id."""
    name = cached.run_file(run_id).info.name
    known = cached.catalogue().find(name)
    return shlex.quote(name if known and known.run_id == run_id else run_id)
