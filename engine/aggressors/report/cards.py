"""What a report says of each aggressor, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggressors.contracts import MISLED, Aggressor, Provenance
from aggressors.queries.attention import looks
from aggressors.queries.concept import Rule, concept, stats
from aggressors.queries.findings import Finding, findings
from aggressors.queries.handover import (
    Advice,
    Augmentation,
    Confused,
    augmentation,
    ranked,
    recording,
    review,
)
from aggressors.queries.solve import suspect_counts, yields
from aggressors.queries.telling import Telling, telling
from aggressors.queries.unusual import Yardsticks
from aggressors.report.pictures import Gallery, Picture, mean_map
from aggressors.report.samples import Shown, shown
from aggressors.store.read import RunFile
from aggressors.words import MAP_NAMES

FINDINGS = 6  # of a card
BATCH = 200  # candidates, as many as one sits down to label


@dataclass(frozen=True, slots=True)
class Place:
    """Members beside the rest in one population, or in the half of it that judges (`judges`)."""

    population: str
    judges: bool
    n: int
    inside: float
    rest: float
    gap: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class MeanMap:
    """Where the model looks on average, over `n` samples."""

    title: str
    n: int
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Yield:
    """Expected share of such samples among the first `count` candidates."""

    count: int
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Shares of members and of the rest over the same bins of the signal, from `low` to `high`.

    The last bin also holds the few values above it.
    """

    inside: NDArray[np.float64]
    rest: NDArray[np.float64]
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ToDo:
    """What the actions have to work with.

    `record` says what to record; `candidates` unlabeled samples are ranked, of which `expected`
    tells how many are such samples; `augment` says what to vary in training; `relabel` and
    `remove` suspects are listed; `confused` are the mistakes inside, `sure` how sure the model is.
    """

    record: str
    candidates: int
    expected: Yield | None
    augment: str
    relabel: int
    remove: int
    confused: tuple[Confused, ...]
    sure: str


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """All that a run says of one aggressor; `weaker` findings and `tested` fields are not shown."""

    aggressor: Aggressor
    rule: Rule
    found: Provenance
    places: tuple[Place, ...]
    spread: Spread | None
    findings: tuple[Finding, ...]
    weaker: int
    tested: int
    telling: Telling
    advice: tuple[Advice, ...]
    todo: ToDo
    looks: str  # what differs in where the model looks; '' where nothing clearly does
    maps: tuple[MeanMap, ...]
    samples: tuple[Shown, ...]

    @property
    def judged(self) -> Place | None:
        """The half that judges; None where the run does not say."""
        return next((one for one in self.places if one.judges), None)


def card(
    run: RunFile,
    one: Aggressor,
    said: str,
    histograms: list[dict[str, Any]],
    by: Yardsticks,
    gallery: Gallery | None,
) -> Card:
    """Gather what a run says of an aggressor.

    Parameters
    ----------
    said : what differs in where the model looks.
    histograms : rows of `queries.overview.loss_histograms`.
    by : yardsticks of the run, for samples that are rows of a table.
    gallery : holds the pictures; None leaves out all that only a page shows.
    """
    group, words = concept(run, one.concept_id), telling(run, one.concept_id)
    known = findings(run, one.concept_id)
    return Card(
        aggressor=one,
        rule=group.rule,
        found=group.found,
        places=_places(run, one.concept_id),
        spread=spread(histograms, one.concept_id),
        findings=known.found[:FINDINGS],
        weaker=len(known.found[FINDINGS:]),
        tested=known.tested,
        telling=words,
        advice=ranked(run, one.concept_id),
        todo=_todo(run, one.concept_id),
        looks=said,
        maps=_maps(run, one.concept_id, gallery) if gallery else (),
        samples=shown(run, one.concept_id, words, by, gallery) if gallery else (),
    )


def _places(run: RunFile, concept_id: int) -> tuple[Place, ...]:
    """Gaps by population, that of the half that judges in the place of the analysed one."""
    analysed = run.info.settings.analysed
    return tuple(
        Place(
            row["population"], row["population"] == analysed, row["n"], row["mean_loss"],
            row["rest_loss"], row["gap"], row["gap_low"], row["gap_high"],
        )
        for row in stats(run, concept_id).to_pylist()
        if row["fold"] == ("confirm" if row["population"] == analysed else "both")
        and None not in (row["n"], row["mean_loss"], row["rest_loss"], row["gap"])
    )  # fmt: skip


def spread(histograms: list[dict[str, Any]], concept_id: int) -> Spread | None:
    """Tell members from the rest over the same bins; None where one side has none.

    Parameters
    ----------
    histograms : rows of `queries.overview.loss_histograms`.
    """
    own = [row for row in histograms if row["concept_id"] == concept_id]
    everyone = [row for row in histograms if row["concept_id"] == -1]
    inside = np.array([row["n"] for row in own], dtype=np.float64)
    rest = np.array([row["n"] for row in everyone], dtype=np.float64)
    if not len(inside) or len(inside) != len(rest):
        return None
    rest = rest - inside
    if inside.sum() <= 0 or rest.sum() <= 0 or rest.min() < 0:
        return None
    return Spread(inside / inside.sum(), rest / rest.sum(), own[0]["low"], own[-1]["high"])


def _todo(run: RunFile, concept_id: int) -> ToDo:
    rows = yields(run, concept_id).to_pylist()
    middle = min(rows, key=lambda row: abs(row["count"] - BATCH), default=None)
    seen = review(run, concept_id, most=3)
    listed = suspect_counts(run, concept_id)
    fetched = recording(run, concept_id)
    return ToDo(
        fetched.sentence,
        fetched.candidates,
        middle and Yield(middle["count"], middle["expected"], middle["low"], middle["high"]),
        _vary(augmentation(run, concept_id)),
        listed.get("relabel", 0),
        listed.get("remove", 0),
        seen.confused,
        seen.sentence,
    )


def _vary(found: Augmentation) -> str:
    """Say what to vary in training, by what transformations do to clean samples."""
    best = next((one for one in found.tried if one.verified), None)
    return found.said if best is None else f"The transformation to add: {best.name}."


def _maps(run: RunFile, concept_id: int, gallery: Gallery) -> tuple[MeanMap, ...]:
    """Mean maps on one scale; last that of the true class, where failing members are mistaken."""
    found = looks(run, concept_id)
    maps = [(MAP_NAMES[one.of], one.n, one.cells) for one in found.maps]
    maps += [("failing, true class", one.n, one.true) for one in found.misled if one.of == MISLED]
    top = max((float(cells.max()) for *_, cells in maps), default=1.0)
    return tuple(MeanMap(title, n, gallery.keep(mean_map(cells / top))) for title, n, cells in maps)
