"""Samples that show an aggressor: those that fail, and similar ones that the model handles well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aggressors.queries.concept import representatives
from aggressors.queries.telling import Telling, excerpt
from aggressors.queries.unusual import Odd, Yardsticks, unusual
from aggressors.report.figures import quantity
from aggressors.report.pictures import Gallery, Picture, overlay
from aggressors.store.read import RunFile

FIRST, BESIDE = "worst", "counter"
SHOWN = {FIRST: 8, BESIDE: 8, "central": 6, "diverse": 6}  # samples of each kind a card
WITH_MAPS = 6  # of the first two kinds, where each stands beside its heatmap
WRITTEN = 4  # of each kind, where samples are texts or rows of a table
TEXT = 200  # characters of a text
VALUES = 4  # of a sample that has neither picture nor text


@dataclass(frozen=True, slots=True)
class Shown:
    """One sample: a picture, or a part of its text, or its most unusual values.

    `reason` says what it shows: worst, central, diverse or counter; `alike` counts near-duplicates
    that were left out; `heat` colours where the model looks; `correct` is None where nothing is
    right or wrong.
    """

    sample_id: str
    reason: str
    alike: int
    picture: Picture | None
    heat: Picture | None
    text: str
    label: str
    prediction: str
    correct: bool | None
    loss: float | None
    values: tuple[Odd, ...] = ()


def shown(
    run: RunFile, concept_id: int, words: Telling, by: Yardsticks, gallery: Gallery
) -> tuple[Shown, ...]:
    """Choose the samples of a card, those of `SHOWN` first that come first there."""
    found = representatives(run, concept_id).to_pylist()
    heats, seen = (any(row[name] for row in found) for name in ("heatmap", "thumbnail"))
    chosen = []
    for reason, count in SHOWN.items():
        fewer = heats and reason in (FIRST, BESIDE)
        rows = [row for row in found if row["reason"] == reason]
        chosen += rows[: WITH_MAPS if fewer else count if seen else WRITTEN]
    pictures = [gallery.add(row["thumbnail"]) for row in chosen]
    bare = [
        row["row_id"]
        for row, picture in zip(chosen, pictures, strict=True)
        if picture is None and not row["text"]
    ]
    by_loss = run.info.settings.signal == "loss"  # else it would stand beside another figure
    values = dict(zip(bare, unusual(run, bare, by), strict=True))
    return tuple(
        _shown(row, picture, words, values.get(row["row_id"], ()), gallery, by_loss=by_loss)
        for row, picture in zip(chosen, pictures, strict=True)
    )


def _shown(
    row: dict[str, Any],
    picture: Picture | None,
    words: Telling,
    values: tuple[Odd, ...],
    gallery: Gallery,
    *,
    by_loss: bool,
) -> Shown:
    heat = None
    if picture is not None and row["reason"] in (FIRST, BESIDE):
        drawn = overlay(row["heatmap"], row["heatmap_height"], row["heatmap_width"])
        heat = gallery.keep(drawn)
    return Shown(
        sample_id=row["sample_id"],
        reason=row["reason"],
        alike=row["alike"] or 0,
        picture=picture,
        heat=heat,
        text="" if picture else excerpt(row["text"] or "", words.weights, TEXT),
        label=_answer(row["label"]),
        prediction=_answer(row["prediction"]),
        correct=row["correct"],
        loss=row["loss"] if by_loss else None,
        values=values[:VALUES],
    )


def _answer(value: object) -> str:
    if value is None:
        return ""
    return quantity(value) if isinstance(value, float) else str(value)
