"""Asks what the first page will ask, while the browser still loads its scripts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from aggressors.errors import AggressorsError
from aggressors_app import cached

PREPARED = 12  # runs whose totals the first page compares


def prepare() -> None:
    """Open the run that is shown first and ask what its first page asks; errors wait for a page."""
    with suppress(AggressorsError, OSError):
        known = cached.catalogue()
        first = known.find(cached.preferred_run()) or next(iter(known.versions), None)
        if first is None:
            return
        runs = known.versions[:PREPARED]
        with ThreadPoolExecutor(2) as pool:  # most of it is spent outside Python
            list(pool.map(cached.run_file, (run.run_id for run in runs)))
        filter = f"population = {cached.run_file(first.run_id).info.settings.analysed}"
        for run in runs:
            cached.totals(run.run_id, filter)
            cached.explained(run.run_id)
        cached.field_list(first.run_id)
        cached.prominent(first.run_id)
        cached.count(first.run_id, filter)
        cached.histograms(first.run_id, filter)
