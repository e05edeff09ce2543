"""How many samples a chart or a list speaks of, in words."""

from __future__ import annotations

from aggressors_app import cached
from aggressors_app.format import count, of


def in_filter(run_id: str, filter: str) -> str:
    """Say how many samples of the run are in the filter: "47 of 412 samples"."""
    return of(cached.count(run_id, filter), sum(cached.run_file(run_id).populations.values()))


def drawn(run_id: str, filter: str, n: int, what: str) -> str:
    """Say how many samples are in the filter, and that `n` of them were drawn for something.

    Parameters
    ----------
    what : what they were drawn for, such as "sought on".
    """
    return f"{in_filter(run_id, filter)} · {what} {count(n)} of them"
