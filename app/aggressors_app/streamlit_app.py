"""Navigation, run picker, filter bar; nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from aggressors.errors import AggressorsError, FilterError
from aggressors.queries.grammar import format_filter, parse
from aggressors_app import cached, leaving, placing, state
from aggressors_app.catalogue import Catalogue
from aggressors_app.components.filter_bar import filter_bar, initial
from aggressors_app.components.header import header
from aggressors_app.components.states import failed, filter_failed, log_in, no_runs, unknown_run

HERE = Path(__file__).parent
STEPS = {
    "insights": ("Insights", ":material/insights:"),
    "aggressor": ("Aggressor", ":material/frame_inspect:"),
    "explore": ("Explore", ":material/scatter_plot:"),
    "solve": ("Solve", ":material/build:"),
    "track": ("Track", ":material/checklist:"),
    "runs": ("Runs", ":material/history:"),
}

st.set_page_config(
    page_title="Aggressors", page_icon=str(HERE / "assets" / "favicon.png"), layout="wide"
)
pages = [
    st.Page(
        f"app_pages/{stem}.py", title=title, icon=icon, url_path=stem, default=stem == "insights"
    )
    for stem, (title, icon) in STEPS.items()
]


def main() -> None:
    """Settle which run and filter are shown, then hand over to the page."""
    leaving.arrive()
    page = st.navigation(pages, position="hidden")
    if os.environ.get("AGGRESSORS_REQUIRE_LOGIN") and not getattr(st.user, "is_logged_in", False):
        log_in()
        return
    state.sync()
    if wanted := state.take_journey():
        st.switch_page(f"app_pages/{wanted}.py", query_params=state.link())
    try:
        catalogue = cached.catalogue()
        known = _settle(catalogue)
        header(pages, catalogue)
        if not catalogue.runs:
            _empty(catalogue)
        elif not known:
            newest = catalogue.versions[0].run_id
            way_out = state.View(newest, format_filter(initial(newest)))
            unknown_run(state.read().run, way_out.params())
        else:
            _shown(page)
    except AggressorsError as error:
        failed(str(error))


def _settle(catalogue: Catalogue) -> bool:
    """Settle on the run that the view names, else the preferred one; False where it is unknown."""
    asked = state.read().run
    wanted = catalogue.find(asked or cached.preferred_run())
    if wanted is None and not asked and catalogue.runs:
        wanted = catalogue.versions[0]
    if wanted is not None:
        state.settle_run(wanted.run_id)
    return wanted is not None


def _shown(page: st.Page) -> None:
    view = state.read()
    first = format_filter(initial(view.run))
    if not view.filter:
        state.write(state.View(view.run, first, view.aggressor, view.local))
    try:
        state.settle_filter(placing.saved_filter)
        filter_bar(view.run, parse(state.read().filter))
        placing.switched()
    except FilterError as error:
        filter_failed(str(error), first)
        return
    page.run()


def _empty(catalogue: Catalogue) -> None:
    for broken in catalogue.broken:
        failed(broken.reason)
    no_runs()


main()
