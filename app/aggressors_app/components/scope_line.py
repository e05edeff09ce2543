"""What the filter says about the aggressor in focus: how much it covers, and how bad it is."""

from __future__ import annotations

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.queries.grammar import format_filter, parse
from aggressors.queries.samples import inside
from aggressors.words import counted
from aggressors_app import cached, chips
from aggressors_app.components.handmade import keep
from aggressors_app.format import number, of, plain, share


def scope_line(run_id: str, filter: str, one: Aggressor | None) -> None:
    """Say what is in scope, and what it holds of the aggressor in focus."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="scope"):
        st.markdown(_scope(run_id, filter), width="content")
        st.space("stretch")
        if one is not None:
            st.markdown(
                f":gray[holds] **{_held(run_id, filter, one)}** "
                f":gray[of aggressor {one.rank},] {plain(one.name)}",
                width="content",
            )
        keep(run_id, filter)


def _scope(run_id: str, filter: str) -> str:
    """Compare what is in scope with the same populations without any other filter."""
    now = cached.totals(run_id, filter)
    chosen = chips.only_populations(parse(filter))
    whole = cached.totals(run_id, format_filter(chosen))
    text = f"**{counted(now.n, 'sample')}** in the filter"
    narrowed = whole.n > now.n
    where = " and ".join(chips.values(chosen, chips.POPULATION)) or "all samples"
    if now.mean_loss is not None:
        text += f" · mean loss **{number(now.mean_loss)}**"
        text += f" against {number(whole.mean_loss)} in {where}" if narrowed else ""
    if now.error_rate is not None:
        text += f" · error **{share(now.error_rate)}**"
        text += f" against {share(whole.error_rate)}" if narrowed else ""
    return text


def _held(run_id: str, filter: str, one: Aggressor) -> str:
    """Members in scope; of how many only where the scope lies in the analysed population."""
    held = cached.count(run_id, format_filter(inside(one.rank, parse(filter))))
    analysed = cached.run_file(run_id).info.settings.analysed
    if chips.values(parse(filter), chips.POPULATION) == (analysed,):
        return of(held, one.n, "members")
    return counted(held, "member")
