"""The four figures of a run under the filter, with their change to the run before."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from aggressors.errors import AggressorsError
from aggressors.queries.overview import Totals
from aggressors_app import cached
from aggressors_app.format import count, number, share, signed

HISTORY = 12  # runs in the small charts


def run_metrics(run_id: str, filter: str) -> None:
    """Show samples, mean loss, error and loss explained."""
    now = cached.totals(run_id, filter)
    older = _older(run_id, filter)
    past = [one for _, one in older]
    before = past[-1] if past else None
    samples, loss, error, explained = st.columns(4, gap="small")
    with samples:
        split = ", ".join(f"{count(one.n)} {one.population}" for one in now.populations)
        st.metric(
            "Samples",
            count(now.n),
            delta=split if len(now.populations) > 1 else f"{count(now.n_labeled)} labeled",
            delta_color="off",
            delta_arrow="off",
            chart_data=[one.n for one in now.populations] if len(now.populations) > 1 else None,
            chart_type="bar",
            border=True,
            height="stretch",
        )
    with loss:
        _figure("Mean loss", now, before, past, lambda totals: totals.mean_loss, number, signed)
    with error:
        _figure("Error", now, before, past, lambda totals: totals.error_rate, share, _points)
    with explained:
        _explained(run_id, [run for run, _ in older])


def _explained(run_id: str, older: list[str]) -> None:
    facts = cached.discovery(run_id)
    shares = [cached.explained(run).share for run in (*older, run_id)]
    st.metric(
        "Loss explained",
        share(shares[-1]),
        delta=f"{facts.confirmed} confirmed"
        + (f", {facts.tentative} tentative" if facts.tentative else ""),
        delta_color="off",
        delta_arrow="off",
        chart_data=shares if len(shares) > 2 else None,
        border=True,
        height="stretch",
        help="Share of all loss that would vanish if every confirmed aggressor became like the "
        "rest. Not narrowed by the filter.",
    )


def _figure(
    name: str,
    now: Totals,
    before: Totals | None,
    past: list[Totals],
    read: Callable[[Totals], float | None],
    show: Callable[[float | None], str],
    change: Callable[[float | None], str],
) -> None:
    value = read(now)
    earlier = read(before) if before else None
    known = value is not None and earlier is not None
    history = [entry for entry in (*map(read, past), value) if entry is not None]
    st.metric(
        name,
        show(value),
        delta=change(value - earlier) if value is not None and earlier is not None else None,
        delta_color="inverse" if known else "off",
        delta_description="since the run before" if known else None,
        chart_data=history if len(history) > 2 else None,
        chart_type="line",
        border=True,
        height="stretch",
    )


def _points(value: float | None) -> str:
    return "" if value is None else f"{100 * value:+.1f} points".replace("-", "−")


def _older(run_id: str, filter: str) -> list[tuple[str, Totals]]:
    """Totals of the runs before this one, oldest first, as far as the filter can be read there."""
    ids = [run.run_id for run in cached.catalogue().runs]
    older = ids[ids.index(run_id) + 1 :][: HISTORY - 1] if run_id in ids else []
    found = []
    for other in reversed(older):
        try:
            found.append((other, cached.totals(other, filter)))
        except AggressorsError:  # another model's data may lack a field of the filter
            continue
    return found
