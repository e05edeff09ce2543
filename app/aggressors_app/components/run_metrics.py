"""The four figures of a run under the filter, with their change to the run before."""

from __future__ import annotations

from collections.abc import Callable

from aggressors.contracts import RunSummary
from aggressors.errors import AggressorsError
from aggressors.queries.overview import Totals
from aggressors_app import cached
from aggressors_app.components.figures import Figure, figures
from aggressors_app.format import count, number, share, signed, titled

HISTORY = 12  # runs in the small charts


def run_metrics(run_id: str, filter: str) -> None:
    """Show samples, mean loss, error, and how much of the signal is explained."""
    now = cached.totals(run_id, filter)
    older = _older(run_id, filter)
    past = [one for _, one in older]
    since = f"since {older[-1][0].name}" if older else ""
    loss = _compared("Mean loss", now, past, lambda totals: totals.mean_loss, number, signed, since)
    error = _compared("Error", now, past, lambda totals: totals.error_rate, share, _points, since)
    figures(
        "run_metrics",
        [
            Figure("Samples", count(now.n), note=_split(now)),
            loss,
            *([error] if cached.run_file(run_id).classes else []),
            _explained(run_id, [run.run_id for run, _ in older]),
        ],
    )


def _split(now: Totals) -> str:
    if len(now.populations) > 1:
        return ", ".join(f"{count(one.n)} {one.population}" for one in now.populations)
    return f"{count(now.n_labeled)} labeled"


def _compared(
    name: str,
    now: Totals,
    past: list[Totals],
    read: Callable[[Totals], float | None],
    show: Callable[[float | None], str],
    change: Callable[[float], str],
    since: str,
) -> Figure:
    value = read(now)
    earlier = read(past[-1]) if past else None
    history = tuple(entry for entry in (*map(read, past), value) if entry is not None)
    if value is None or earlier is None:
        return Figure(name, show(value), history=history)
    if show(value) == show(earlier):
        return Figure(name, show(value), "no change", note=since, history=history)
    worse = value > earlier
    delta = f"{'▲' if worse else '▼'} {change(value - earlier)}"
    return Figure(name, show(value), delta, "red" if worse else "green", since, history)


def _points(value: float) -> str:
    return f"{100 * value:+.1f} points".replace("-", "−")


def _explained(run_id: str, older: list[str]) -> Figure:
    facts = cached.discovery(run_id)
    what = cached.signal(run_id)
    alike = [run for run in older if cached.signal(run) == what]
    shares = tuple(cached.explained(run).share for run in (*alike, run_id))
    found = f"{facts.confirmed} confirmed"
    if facts.tentative:
        found += f", {facts.tentative} tentative"
    return Figure(
        f"{titled(what)} explained",
        share(shares[-1]),
        found,
        history=shares,
        help=f"Share of all {what} that would vanish if every confirmed aggressor became like the "
        "rest. The filter does not narrow it.",
    )


def _older(run_id: str, filter: str) -> list[tuple[RunSummary, Totals]]:
    """Totals of the runs like this one before it, oldest first, where the filter can be read."""
    older = cached.older(run_id)[: HISTORY - 1]
    found = []
    for other in reversed(older):
        try:
            found.append((other, cached.totals(other.run_id, filter)))
        except AggressorsError:  # another model's data may lack a field of the filter
            continue
    return found
