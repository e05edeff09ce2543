"""Hand-made groups: keep the filter as one, and list what was kept; never counted as findings."""

from __future__ import annotations

import streamlit as st

from aggressors.errors import AggressorsError, FilterError
from aggressors.queries.grammar import both, format_filter, parse
from aggressors.queries.handmade import Measure, selection
from aggressors.store.handmade import LONGEST_AUTHOR, LONGEST_NAME, HandMade
from aggressors.words import counted
from aggressors_app import actions, cached, chips, state
from aggressors_app.components.listing import (
    Badge,
    Button,
    Buttons,
    Column,
    Meter,
    Row,
    Text,
    listing,
)
from aggressors_app.components.save_test import NOTICE, notice, saved_as
from aggressors_app.format import count, interval, number, of, plain, share, signed, typeset, when

HEIGHT = 260
NAME, AUTHOR, TROUBLE = "keep_name", "keep_author", "handmade_trouble"
MARK = "hand-made"
HELP = (
    "Groups that people chose and kept. They have the figures of an aggressor, but nobody knows "
    "how many selections were looked at before: none is a confirmed finding, and none is counted."
)


# --- Keeping the filter ---


def keep(run_id: str, filter: str) -> None:
    """Offer to keep the filter as a hand-made group, with the figures it would have."""
    with st.popover(
        "Keep as group",
        icon=":material/bookmark_add:",
        type="tertiary",
        key="keep",
        help="Keep the filter as a hand-made group",
        disabled=cached.workspace() is None,
        on_change="rerun",
    ) as box:
        if box.open:
            _form(run_id, filter)


def _form(run_id: str, filter: str) -> None:
    try:
        chosen = selection(parse(filter))
    except FilterError as error:
        st.caption(plain(str(error)))
        return
    text = format_filter(chosen)
    st.markdown(f"**{plain(typeset(text))}**", width=340)
    st.caption(plain(told(run_id, cached.measure(run_id, text))), width=340)
    held = next((one for one in cached.handmade()[0] if one.filter == text), None)
    if held is not None:
        st.caption(f"Kept already, as {plain(held.name)}.")
        return
    st.text_input("Name", key=NAME, max_chars=LONGEST_NAME, placeholder=text, width=340)
    st.text_input(
        "Your name", key=AUTHOR, max_chars=LONGEST_AUTHOR, placeholder="not needed", width=340
    )
    st.button(
        "Keep as hand-made group",
        type="primary",
        icon=":material/bookmark_add:",
        key="keep_now",
        on_click=_keep,
        args=(run_id, filter),
    )
    _trouble()


def _keep(run_id: str, filter: str) -> None:
    name, author = (str(st.session_state.get(key) or "") for key in (NAME, AUTHOR))
    try:
        made = actions.keep_handmade(run_id, name, filter, author)
    except AggressorsError as error:
        st.session_state[TROUBLE] = str(error)
    else:
        st.session_state[NAME] = ""
        st.toast(f"Kept as {plain(made.name)}.", icon=":material/bookmark_added:")


def _trouble() -> None:
    if problem := st.session_state.pop(TROUBLE, ""):
        st.error(plain(problem))


def told(run_id: str, found: Measure) -> str:
    """Say how a selection does on the half that judges."""
    analysed = cached.run_file(run_id).info.settings.analysed
    what = cached.signal(run_id)
    text = f"{counted(found.n, f'{analysed} sample')}"
    if found.n_known:
        text += f", {of(found.n_core, found.n_known, f'with high {what}')}"
    if found.gap is None:
        return f"{text}. The half that judges holds too few of them to compare."
    bounds = interval(found.low, found.high)
    sure = "" if found.surely_worse else ", which may be chance"
    return (
        f"{text}. Mean {what} {signed(found.gap)} ({bounds}) against the rest{sure}, on "
        f"{count(found.n_confirm)} of them in the half that judges."
    )


# --- What was kept ---


def handmade(run_id: str, *, travels: bool = True) -> None:
    """List the hand-made groups that this run can answer; nothing if there is none.

    Parameters
    ----------
    travels : whether a group that becomes the filter leads to Explore.
    """
    found, wrong = cached.handmade()
    for broken in wrong:
        st.caption(plain(broken.reason))
    known = [
        (one, figures)
        for one in found
        if (figures := cached.kept_measure(run_id, one.filter, one.run_id)) is not None
    ]
    if not found:
        return
    st.markdown(f"**Hand-made** :gray[{_scope(run_id)}]", help=HELP)
    notice()
    _trouble()
    if len(known) < len(found):
        st.caption(f"{count(len(found) - len(known))} more cannot be told in this run.")
    if known:
        _list(run_id, known, travels=travels)


def _scope(run_id: str) -> str:
    """Say on which samples groups are measured, whatever the filter."""
    run = cached.run_file(run_id)
    analysed = run.info.settings.analysed
    return f"of all {count(run.populations.get(analysed, 0))} {analysed} samples"


def _list(run_id: str, known: list[tuple[HandMade, Measure]], *, travels: bool) -> None:
    by_slug = {one.slug: one for one, _ in known}
    severest = max((figures.high or 0.0 for _, figures in known), default=0.0) or 1.0
    least = min(0.0, *(figures.low or 0.0 for _, figures in known))
    widest = max(0.01, *(figures.impact or 0.0 for _, figures in known))
    what = cached.signal(run_id)

    def act(name: str, slug: str) -> None:
        if (one := by_slug.get(slug)) is None:
            return
        if name == "explore":
            _explore(one, travels=travels)
        elif name == "save":
            _save(run_id, one)
        elif name == "remove":
            _remove(one)

    listing(
        "handmade",
        (
            Column("Group", width="28%", help=HELP),
            Column("", width="90px"),
            Column("Severity", help=f"As of an aggressor: the lower bound of the gap in {what}"),
            Column("Impact", help=f"Share of all {what} that would vanish with it"),
            Column("Samples", right=True),
            Column("Kept", width="104px"),
            Column("", width="92px"),
        ),
        [_row(one, figures, what, (least, severest, widest)) for one, figures in known],
        label="Hand-made groups",
        on_act=act,
        height=HEIGHT,
    )


def _row(one: HandMade, figures: Measure, what: str, ends: tuple[float, float, float]) -> Row:
    least, severest, widest = ends
    gap: Meter | Text = Text("", sub="too few samples that judge")
    if figures.gap is not None and figures.severity is not None:
        gap = Meter(
            figures.gap, number(figures.severity), low=figures.low, high=figures.high, min=least,
            max=severest, sub=f"gap to the rest {number(figures.gap)}", color="gray",
        )  # fmt: skip
    high = of(figures.n_core, figures.n_known, f"with high {what}") if figures.n_known else ""
    return Row(
        one.slug,
        (
            Text(typeset(one.name), sub=typeset(one.filter), strong=True),
            Badge(MARK),
            gap,
            None
            if figures.impact is None
            else Meter(max(figures.impact, 0.0), share(figures.impact), max=widest, color="gray"),
            Text(count(figures.n), sub=high),
            Text(one.author, sub=when(one.created_at)),
            Buttons(
                (
                    Button("explore", "explore", "Make it the filter, on Explore"),
                    Button("save", "save", "Save it as a test for later models"),
                    Button("remove", "remove", "Forget this group"),
                )
            ),
        ),
    )


def _explore(one: HandMade, *, travels: bool) -> None:
    populations = chips.only_populations(parse(state.read().filter))
    state.change(filter=format_filter(both(populations, parse(one.filter))))
    if travels:
        state.go("explore")


def _save(run_id: str, one: HandMade) -> None:
    try:
        test = actions.save_test(run_id, rank=None, where=one.filter, slug="", title=one.name)
    except AggressorsError as error:
        st.session_state[NOTICE] = (False, str(error))
    else:
        st.session_state[NOTICE] = (True, saved_as(test))


def _remove(one: HandMade) -> None:
    try:
        actions.remove_handmade(one.slug)
    except AggressorsError as error:
        st.session_state[TROUBLE] = str(error)
