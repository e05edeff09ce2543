"""The tab Compare: one question about the samples in the filter at a time."""

from __future__ import annotations

from collections.abc import Callable

from aggressors.contracts import Aggressor
from aggressors_app import cached
from aggressors_app.components.breakdowns import against_loss
from aggressors_app.components.choice import choice
from aggressors_app.components.contrast import datasets, inside_outside
from aggressors_app.components.outcomes import calibrated, confusions, loss_spread
from aggressors_app.components.states import nothing


def compare(run_id: str, filter: str, one: Aggressor | None) -> None:
    """Offer the questions that this run can answer, and answer the chosen one."""
    offered = sections(run_id, filter, one)
    shown = choice(
        "What to compare", "show", {name: words for name, (words, _) in offered.items()},
        key="explore_show",
    )  # fmt: skip
    if not cached.count(run_id, filter):
        nothing("No sample in the filter", "Take back a part of it to compare what is left.")
        return
    offered[shown][1]()


def sections(
    run_id: str, filter: str, one: Aggressor | None
) -> dict[str, tuple[str, Callable[[], None]]]:
    """List what can be compared in a run, by name: the words, and what draws it."""
    found: dict[str, tuple[str, Callable[[], None]]] = {
        "loss": (f"Against {cached.signal(run_id)}", lambda: against_loss(run_id, filter)),
    }
    if one is not None:
        found["inside"] = ("Inside / outside", lambda: inside_outside(run_id, filter, one))
    found["datasets"] = ("Datasets", lambda: datasets(run_id, filter))
    if cached.run_file(run_id).classes:
        found["confusion"] = ("Confusion", lambda: confusions(run_id, filter))
        if "confidence" in cached.field_list(run_id):
            found["calibration"] = ("Calibration", lambda: calibrated(run_id, filter))
    found["spread"] = ("Loss histogram", lambda: loss_spread(run_id, filter))
    return found
