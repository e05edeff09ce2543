"""What a report says of each aggressor, as plain data."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aggressors.contracts import MISLED, Aggressor
from aggressors.queries.attention import looks
from aggressors.queries.cards import media_type
from aggressors.queries.concept import concept, representatives
from aggressors.queries.findings import findings
from aggressors.queries.solve import action, suspects, yields
from aggressors.queries.telling import Telling, excerpt, telling
from aggressors.queries.unusual import Odd, Yardsticks, unusual, yardsticks
from aggressors.store.read import RunFile
from aggressors.summary import Summary
from aggressors.words import MAP_NAMES, how_found

SHOWN = {"worst": 10, "central": 5, "diverse": 5, "counter": 5}  # samples of each kind a card
VALUES = 5  # of a sample that has neither picture nor text
FINDINGS = 5  # of a card
LARGEST = 60_000  # bytes of a thumbnail
PICTURES = 8_000_000  # bytes of all pictures of a page; what comes after does without
TEXT = 240  # characters of a text sample


@dataclass(frozen=True, slots=True)
class Finding:
    """One field that differs inside: its effect in [-1, 1] with interval, and a sentence."""

    field: str
    effect: float
    low: float
    high: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One sample: a JPEG or PNG, or a part of its text, or its most unusual values.

    `reason` says what it shows: worst, central, diverse or counter; `alike` counts near-duplicates
    that were left out.
    """

    sample_id: str
    reason: str
    alike: int
    picture: bytes | None
    text: str
    label: str
    prediction: str
    loss: float | None
    values: tuple[Odd, ...] = ()


@dataclass(frozen=True, slots=True)
class MeanMap:
    """Where the model looks on average, as a PNG."""

    title: str
    n: int
    picture: bytes


@dataclass(frozen=True, slots=True)
class Yield:
    """Expected share of such samples among the first `count` candidates."""

    count: int
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Card:
    """All that a report says of one aggressor."""

    aggressor: Aggressor
    precision: float | None
    recall: float | None
    how_found: str
    findings: tuple[Finding, ...]
    telling: Telling
    reasons: tuple[str, ...]
    suspects: int  # samples listed, which are the most doubtful ones
    expected: Yield | None
    looks: str  # what differs in where the model looks; '' where nothing clearly does
    maps: tuple[MeanMap, ...]
    samples: tuple[Shown, ...]


def gather(run: RunFile, summary: Summary, *, samples: bool = True) -> tuple[Card, ...]:
    """One card an aggressor, in the order of rank; with `samples` that show it.

    Cards after the first `PICTURES` bytes have none, so that a page stays below 15 MB.
    """
    cards, left = [], PICTURES
    by = yardsticks(run) if samples else {}
    for one in summary.aggressors:
        cards.append(
            _card(run, one, by, summary.looks.get(one.rank, ""), samples=samples and left > 0)
        )
        shown = [sample.picture or b"" for sample in cards[-1].samples]
        left -= sum(map(len, [*shown, *(one.picture for one in cards[-1].maps)]))
    return tuple(cards)


def _card(run: RunFile, one: Aggressor, by: Yardsticks, said: str, *, samples: bool) -> Card:
    group = concept(run, one.concept_id)
    found = findings(run, one.concept_id).found[:FINDINGS]
    found_yields = yields(run, one.concept_id).to_pylist()
    words = telling(run, one.concept_id)
    return Card(
        aggressor=one,
        precision=group.rule.precision,
        recall=group.rule.recall,
        how_found=how_found(group.found, one.q_value),
        findings=tuple(
            Finding(each.title, each.effect, each.low, each.high, each.sentence) for each in found
        ),
        telling=words,
        reasons=tuple(
            reason.sentence or reason.evidence for reason in action(run, one.concept_id).reasons
        ),
        suspects=suspects(run, one.concept_id, limit=1_000).num_rows,
        expected=_middle(found_yields) if found_yields else None,
        looks=said,
        maps=_maps(run, one.concept_id) if samples else (),
        samples=_samples(run, one.concept_id, words, by) if samples else (),
    )


def _middle(rows: list[dict[str, Any]]) -> Yield:
    """Choose the yield nearest to a batch of 200, as many as one sits down to label."""
    row = min(rows, key=lambda row: abs(row["count"] - 200))
    return Yield(row["count"], row["expected"], row["low"], row["high"])


def _samples(run: RunFile, concept_id: int, words: Telling, by: Yardsticks) -> tuple[Shown, ...]:
    shown = []
    for reason, count in SHOWN.items():
        rows = representatives(run, concept_id, reason).slice(0, count).to_pylist()
        bare = [row["row_id"] for row in rows if not row["text"] and not _picture(row["thumbnail"])]
        values = dict(zip(bare, unusual(run, bare, by), strict=True))
        shown += [_shown(row, words, values.get(row["row_id"], ())) for row in rows]
    return tuple(shown)


def _shown(row: dict[str, Any], words: Telling, values: tuple[Odd, ...]) -> Shown:
    return Shown(
        sample_id=row["sample_id"],
        reason=row["reason"],
        alike=row["alike"] or 0,
        picture=_picture(row["thumbnail"]),
        text=excerpt(row["text"] or "", words.weights, TEXT),
        label="" if row["label"] is None else str(row["label"]),
        prediction="" if row["prediction"] is None else str(row["prediction"]),
        loss=row["loss"],
        values=values[:VALUES],
    )


def _picture(thumbnail: bytes | None) -> bytes | None:
    """Keep a thumbnail that is a picture of a sensible size."""
    if not thumbnail or len(thumbnail) > LARGEST or not media_type(thumbnail):
        return None
    return thumbnail


def _maps(run: RunFile, concept_id: int) -> tuple[MeanMap, ...]:
    """Mean maps on one scale; last that of the true class, where failing members are mistaken."""
    found = looks(run, concept_id)
    maps = [(MAP_NAMES[one.of], one.n, one.cells) for one in found.maps]
    maps += [("failing, true class", one.n, one.true) for one in found.misled if one.of == MISLED]
    top = max((float(cells.max()) for *_, cells in maps), default=1.0)
    return tuple(MeanMap(title, n, _coloured(cells / top)) for title, n, cells in maps)


def _coloured(share: NDArray[np.float64]) -> bytes:
    """Draw (rows, columns) shares of the highest cell as a PNG from near black to yellow."""
    stops = np.array([[16, 12, 36], [110, 30, 110], [214, 66, 72], [252, 166, 54], [250, 240, 160]])
    at = np.clip(share, 0, 1) * (len(stops) - 1)
    colours = np.stack(
        [np.interp(at, range(len(stops)), stops[:, channel]) for channel in range(3)], axis=-1
    )
    picture = Image.fromarray(colours.astype(np.uint8)).resize((112, 112), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
