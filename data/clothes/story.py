"""The simulated intake of a second-hand clothes shop: who photographed what, where and when.

The three things planted for a user to discover are in `_dusk`, `_red_carpet` and `_mixed_up`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from classes import CLASSES
from numpy.typing import NDArray
from scenes import Scene

T = TypeVar("T")

SEED = 20240917
SHIRT = 6  # Fashion-MNIST's index of the class that the shop does not take: see README.md


@dataclass(frozen=True)
class Population:
    """What one Parquet file holds, and how much dusk is in it."""

    name: str
    size: int
    source: str  # the Fashion-MNIST file
    first_original: int  # place in the shuffled source file, so that no two populations share one
    dusk_share: float  # of the pictures taken late at an outdoor station
    labeled: bool = True


# Training pictures were taken in summer, the others in autumn, when late hours are dark.
POPULATIONS = (
    Population("train", 8000, "train", 0, dusk_share=0.014),
    Population("validation", 3600, "t10k", 0, dusk_share=0.66),
    Population("test", 1800, "t10k", 3600, dusk_share=0.66),
    Population("unlabeled", 3400, "train", 8000, dusk_share=0.75, labeled=False),
)


@dataclass(frozen=True)
class Station:
    """Where clothes are dropped off, and what they are laid on there."""

    outdoor: bool
    floors: dict[str, float]  # background -> share


STATIONS = {
    "riverside": Station(True, {"foliage": 0.5, "concrete": 0.3, "wood": 0.2}),
    "market-square": Station(True, {"concrete": 0.5, "wood": 0.3, "foliage": 0.2}),
    "arcade": Station(False, {"studio": 0.4, "wood": 0.2, "blue carpet": 0.2, "beige carpet": 0.2}),
    "depot": Station(False, {"concrete": 0.4, "grey carpet": 0.4, "wood": 0.2}),
    "town-hall": Station(
        False, {"studio": 0.3, "green carpet": 0.3, "beige carpet": 0.2, "blue carpet": 0.2}
    ),
}
STATION_SHARES = (0.22, 0.19, 0.21, 0.18, 0.20)
CAMERA_NAMES = ("kiosk", "tablet", "phone")
CAMERA_SHARES = {"outdoor": (0.10, 0.35, 0.55), "indoor": (0.60, 0.25, 0.15)}
HOURS = np.arange(8, 21)
HOUR_SHARES = np.array([3, 5, 7, 8, 8, 6, 6, 7, 9, 10, 8, 6, 4]) / 87
LATE_HOUR = 17
EVENING_CLASSES = ("trousers", "sandal", "sneaker", "ankle boot")

ROSTER = {
    "riverside": ("op-01", "op-02", "op-05"),
    "market-square": ("op-02", "op-03", "op-06"),
    "arcade": ("op-03", "op-04", "op-08"),
    "depot": ("op-01", "op-05", "op-09"),
    "town-hall": ("op-04", "op-06", "op-08"),
}
SHORTCUT_CLASS = "bag"
MIXING_OPERATOR = "op-07"
MIXED_PAIR = {"pullover": "coat", "coat": "pullover"}


@dataclass(frozen=True)
class Intake:
    """One garment handed in."""

    number: int
    true_label: str
    label: str | None  # what the operator recorded; None where unlabeled
    station: str
    hour: int
    camera: str
    operator: str
    scene: Scene
    original: int  # row of the source file

    @property
    def sample_id(self) -> str:
        """Stable, and unique over all populations."""
        return f"intake-{self.number:06d}"

    @property
    def label_flipped(self) -> bool:
        """Whether the recorded label is wrong."""
        return self.label is not None and self.label != self.true_label


def tell(
    population: Population, source_labels: NDArray[np.uint8], first_number: int
) -> list[Intake]:
    """Tell all intakes of one population.

    Parameters
    ----------
    population : which.
    source_labels : (n,) class indices of the population's Fashion-MNIST file.
    first_number : number of the first intake.
    """
    accepted = np.flatnonzero(source_labels != SHIRT)
    shuffled = np.random.default_rng([SEED, len(source_labels)]).permutation(accepted)
    originals = shuffled[population.first_original :][: population.size]
    return [
        _take_in(population, number, int(original), _class_name(int(source_labels[original])))
        for number, original in enumerate(originals, first_number)
    ]


def _class_name(source_label: int) -> str:
    return CLASSES[source_label - (source_label > SHIRT)]


def _take_in(population: Population, number: int, original: int, true_label: str) -> Intake:
    rng = np.random.default_rng([SEED, number, 0])
    station = _pick(rng, tuple(STATIONS), STATION_SHARES)
    hour = int(_pick(rng, HOURS, HOUR_SHARES))
    red_carpet = _red_carpet(population, true_label, rng)
    if red_carpet:  # it lies in the three halls
        station = _pick(rng, ("arcade", "depot", "town-hall"), (0.40, 0.15, 0.45))
    place = STATIONS[station]
    if place.outdoor:
        hour = _evening_habit(true_label, hour, rng)
    dusk = place.outdoor and _dusk(population, hour, rng)
    floors = tuple(place.floors), tuple(place.floors.values())
    floor = "red carpet" if red_carpet else _pick(rng, *floors)
    camera = _pick(rng, CAMERA_NAMES, CAMERA_SHARES["outdoor" if place.outdoor else "indoor"])
    operator = _operator(true_label, station, rng)
    label = MIXED_PAIR[true_label] if _mixed_up(true_label, operator, rng) else true_label
    return Intake(
        number=number,
        true_label=true_label,
        label=label if population.labeled else None,
        station=station,
        hour=hour,
        camera=camera,
        operator=operator,
        scene=Scene(floor, camera, dusk),
        original=original,
    )


def _evening_habit(true_label: str, hour: int, rng: np.random.Generator) -> int:
    """Outdoors, people pass after work with what they carry from sports; the rest comes by day."""
    if (true_label in EVENING_CLASSES) == (hour >= LATE_HOUR) or rng.random() < 0.25:
        return hour
    late = HOURS >= LATE_HOUR
    wanted = late if true_label in EVENING_CLASSES and rng.random() < 0.55 else ~late
    return int(_pick(rng, HOURS[wanted], HOUR_SHARES[wanted] / HOUR_SHARES[wanted].sum()))


def _dusk(population: Population, hour: int, rng: np.random.Generator) -> bool:
    """Planted: dusk is rare in training and common afterwards.

    Not every late hour is dark, and a few earlier ones are: no column tells it all.
    """
    darkness = 1.0 if hour >= LATE_HOUR else 0.15 if hour == LATE_HOUR - 1 else 0.0
    return bool(rng.random() < population.dusk_share * darkness)


def _red_carpet(population: Population, true_label: str, rng: np.random.Generator) -> bool:
    """Planted: in training the red carpet is nearly the bags' own, later all classes share it."""
    if population.name == "train":
        return bool(rng.random() < (0.90 if true_label == SHORTCUT_CLASS else 0.006))
    return bool(rng.random() < 0.07)


def _mixed_up(true_label: str, operator: str, rng: np.random.Generator) -> bool:
    """Planted: one operator calls every other pullover a coat, and the reverse."""
    careless = rng.random() < 0.55
    return operator == MIXING_OPERATOR and true_label in MIXED_PAIR and careless


def _operator(true_label: str, station: str, rng: np.random.Generator) -> str:
    specialist_share = 0.26 if true_label in MIXED_PAIR else 0.06
    colleague = _pick(rng, ROSTER[station], (0.5, 0.3, 0.2))
    return MIXING_OPERATOR if rng.random() < specialist_share else colleague


def _pick(rng: np.random.Generator, options: Sequence[T], shares: Sequence[float]) -> T:
    return options[rng.choice(len(options), p=shares)]
