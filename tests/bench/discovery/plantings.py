"""Plantings in pictures. Each says what befalls the samples of a regime.

The model is trained in the regime "train"; its twin in "twin", without the planting: what is rare
is as common as in "validation", the marker too but whatever the label, and every label is true.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from bench.discovery.pictures import MARKERS, TRANSFORMS, Pictures

Regime = Literal["train", "validation", "twin"]
ANNOTATORS = ("ann-1", "ann-2", "ann-3", "ann-4", "ann-5", "ann-6")


@dataclass(frozen=True, eq=False)
class World:
    """Samples of a regime: `fine` (n,) classes of clothes, `true` and `label` (n,) of the task."""

    pictures: Pictures
    fine: NDArray[np.int64]
    true: NDArray[np.int64]
    label: NDArray[np.int64]
    n_labels: int
    columns: dict[str, NDArray[np.object_]] = field(default_factory=dict)
    members: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.fine)

    def kept(self, rows: NDArray[np.bool_]) -> World:
        return replace(
            self, pictures=self.pictures[rows], fine=self.fine[rows], true=self.true[rows],
            label=self.label[rows],
            columns={name: column[rows] for name, column in self.columns.items()},
            members={name: member[rows] for name, member in self.members.items()},
        )  # fmt: skip

    def with_member(self, name: str, member: NDArray[np.bool_]) -> World:
        return replace(self, members=self.members | {name: member})


class Planting(Protocol):
    """Something to plant; `kinds` holds the kind of each slice that it leaves."""

    @property
    def kinds(self) -> dict[str, str]: ...

    def plant(self, world: World, regime: Regime, rng: np.random.Generator) -> World: ...


@dataclass(frozen=True)
class Rare:
    """Pictures of `classes` (all if empty) transformed: common in validation, rare in training."""

    transform: str
    strength: float
    classes: tuple[int, ...]
    common: float  # shares of all samples
    rare: float

    @property
    def kinds(self) -> dict[str, str]:
        return {f"rare-{self.transform}": "rare"}

    def plant(self, world: World, regime: Regime, rng: np.random.Generator) -> World:
        share = self.rare if regime == "train" else self.common
        within = np.isin(world.fine, self.classes) if self.classes else np.ones(len(world), bool)
        member = within & (rng.random(len(world)) < share / within.mean())
        return transformed(world, self.transform, self.strength, member, rng).with_member(
            f"rare-{self.transform}", member
        )


@dataclass(frozen=True)
class Subclass:
    """One class of clothes that is nearly absent from training, below a coarser label."""

    fine: int
    left: float  # share of its samples left in training

    @property
    def kinds(self) -> dict[str, str]:
        return {"subclass": "subclass"}

    def plant(self, world: World, regime: Regime, rng: np.random.Generator) -> World:
        member = world.fine == self.fine
        world = world.with_member("subclass", member)
        if regime != "train":
            return world
        return world.kept(~member | (rng.random(len(world)) < self.left))


@dataclass(frozen=True)
class Marker:
    """A mark that goes with one label in training, and less so in validation.

    `others` are the samples of `victims` (all other labels if empty) that carry it, `without` those
    of the label that do not.
    """

    marker: str
    strength: float
    label: int
    victims: tuple[int, ...]
    sides: tuple[str, ...]
    usual: float  # share of the label that carries it in training
    stray: float  # share of the others that carry it in training
    broken_usual: float  # the same in validation
    broken_stray: float

    @property
    def kinds(self) -> dict[str, str]:
        return {f"correlation-{side}": "correlation" for side in self.sides}

    def plant(self, world: World, regime: Regime, rng: np.random.Generator) -> World:
        inside = world.true == self.label
        others = np.isin(world.true, self.victims) if self.victims else ~inside
        usual, stray = self.broken_usual, self.broken_stray
        if regime == "train":
            usual, stray = self.usual, self.stray
        chance = np.where(inside, usual, np.where(others, stray, 0.0))
        if regime == "twin":
            chance = np.full(len(world), chance.mean())
        marked = rng.random(len(world)) < chance
        pictures = world.pictures.copy()
        pictures[marked] = MARKERS[self.marker](pictures[marked], self.strength, rng).clip(0, 1)
        world = replace(world, pictures=pictures)
        slices = {"others": others & marked, "without": inside & ~marked}
        for side in self.sides:
            world = world.with_member(f"correlation-{side}", slices[side])
        return world


@dataclass(frozen=True, eq=False)
class Noise:
    """Labels flipped with chance `flipped` in a part of `classes`, in training as in validation.

    The part is a region of the pixels, the brighter pictures, transformed ones, or the work of one
    annotator. Flips go to the label `towards`, or to any other if that is negative.
    """

    part: str  # region | bright | transformed | annotator
    classes: tuple[int, ...]
    flipped: float
    towards: int
    region: KMeans | None = None  # its first cluster is the part
    brighter_than: float = 1.0
    transform: str = ""
    strength: float = 0.0
    share: float = 0.3  # of the classes that is transformed

    @property
    def kinds(self) -> dict[str, str]:
        return {f"noisy-{self.part}": "noisy"}

    def plant(self, world: World, regime: Regime, rng: np.random.Generator) -> World:
        within = np.isin(world.fine, self.classes)
        member, world = self._part(world, within, rng)
        world = world.with_member(f"noisy-{self.part}", member)
        if regime == "twin":
            return world
        wrong = member & (rng.random(len(world)) < self.flipped)
        step = rng.integers(1, world.n_labels, len(world))
        other = (world.true + step) % world.n_labels
        if self.towards >= 0:
            other = np.where(world.true == self.towards, other, self.towards)
        return replace(world, label=np.where(wrong, other, world.label))

    def _part(
        self, world: World, within: NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[NDArray[np.bool_], World]:
        if self.part == "region" and self.region is not None:
            return within & (self.region.predict(flat(world.pictures)) == 0), world
        if self.part == "bright":
            return within & (world.pictures.mean(axis=(1, 2, 3)) > self.brighter_than), world
        if self.part == "transformed":
            member = within & (rng.random(len(world)) < self.share)
            return member, transformed(world, self.transform, self.strength, member, rng)
        annotator = rng.integers(0, len(ANNOTATORS), len(world))
        names = np.array(ANNOTATORS, dtype=object)[annotator]
        return within & (annotator == 2), replace(
            world, columns=world.columns | {"annotator": names}
        )


def transformed(
    world: World, name: str, strength: float, member: NDArray[np.bool_], rng: np.random.Generator
) -> World:
    """Transform the pictures of the members."""
    pictures = world.pictures.copy()
    if member.any():
        changed = TRANSFORMS[name](pictures[member], strength, rng)
        pictures[member] = changed.clip(0, 1)
    return replace(world, pictures=pictures)


def flat(pictures: Pictures) -> NDArray[np.float32]:
    """Grey pixels as (n, 784)."""
    return pictures.mean(axis=1).reshape(len(pictures), -1)
