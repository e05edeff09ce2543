"""The slices that are planted, one a setting, and how: developing and reporting share none.

A further kind is a class with `kind`, `shares`, `draw` and `plant` (see `Planting`), and its slices
stand in `SLICES` or are handed to `make` as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.discovery.images import COARSE
from bench.discovery.pictures import CLOTHES, MARKERS
from bench.discovery.plantings import World
from bench.solve.pictures import BEFALLS

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
RARE = {"train": 0.002, "validation": 0.05, "held_out": 0.05}  # shares of the slice
MEMBER = "slice"  # its name in `World.members`
EACH_CLASS = {name: (place,) for place, name in enumerate(CLOTHES)}


class Planting(Protocol):
    """What befalls the samples of one population; `shares` of the slice in each of them."""

    @property
    def kind(self) -> str: ...

    @property
    def shares(self) -> Mapping[str, float]: ...

    def draw(self, fine: IntArray, n: int, share: float) -> IntArray:
        """Places of n samples, taken in order from those whose classes of clothes are `fine`."""

    def plant(self, world: World, population: str, share: float, rng: np.random.Generator) -> World:
        """Change the samples, and name the members `MEMBER`."""


@dataclass(frozen=True)
class Slice:
    """A planted slice: what is done, and under which labels (name -> classes of clothes)."""

    name: str
    planting: Planting
    labels: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: EACH_CLASS)

    @property
    def kind(self) -> str:
        return self.planting.kind


@dataclass(frozen=True)
class Rare:
    """Pictures (of `classes` of clothes, all if empty) transformed, and hardly ever in training."""

    transform: str
    strength: float = 0.5
    classes: tuple[int, ...] = ()
    shares: Mapping[str, float] = field(default_factory=lambda: RARE)
    kind: str = "rare"

    def draw(self, fine: IntArray, n: int, share: float) -> IntArray:
        return np.arange(n)

    def plant(self, world: World, population: str, share: float, rng: np.random.Generator) -> World:
        within = np.isin(world.fine, self.classes) if self.classes else np.ones(len(world), bool)
        member = exactly(within, round(share * len(world)), rng)
        pictures = world.pictures.copy()
        changed = BEFALLS[self.transform](pictures[member], self.strength, rng)
        pictures[member] = changed.clip(0, 1)
        return replace(world, pictures=pictures).with_member(MEMBER, member)


@dataclass(frozen=True)
class Subclass:
    """One class of clothes that is nearly absent from training, below a coarser label."""

    fine: int
    shares: Mapping[str, float] = field(default_factory=lambda: RARE)
    kind: str = "subclass"

    def draw(self, fine: IntArray, n: int, share: float) -> IntArray:
        own, others = np.flatnonzero(fine == self.fine), np.flatnonzero(fine != self.fine)
        wanted = round(share * n)
        return np.concatenate([own[:wanted], others[: n - wanted]])

    def plant(self, world: World, population: str, share: float, rng: np.random.Generator) -> World:
        return world.with_member(MEMBER, world.fine == self.fine)


@dataclass(frozen=True)
class Marker:
    """A mark that in training goes with one label.

    The slice is `others`, who carry it elsewhere, or those `without` it in the label.
    """

    marker: str
    label: int
    side: str  # others | without
    strength: float = 0.5
    usual: float = 0.97  # share of the label that carries it, where the slice is the others
    stray: float = 0.002  # share of all that carry it elsewhere, where the slice is without
    shares: Mapping[str, float] = field(default_factory=lambda: RARE)
    column: str = "sticker"

    @property
    def kind(self) -> str:
        return f"shortcut-{self.side}"

    def draw(self, fine: IntArray, n: int, share: float) -> IntArray:
        return np.arange(n)

    def plant(self, world: World, population: str, share: float, rng: np.random.Generator) -> World:
        inside, n = world.true == self.label, len(world)
        if self.side == "others":
            member = exactly(~inside, round(share * n), rng)
            marked = member | exactly(inside, round(self.usual * inside.sum()), rng)
        else:
            member = exactly(inside, round(share * n), rng)
            marked = (inside & ~member) | exactly(~inside, round(self.stray * n), rng)
        pictures = world.pictures.copy()
        pictures[marked] = MARKERS[self.marker](pictures[marked], self.strength, rng).clip(0, 1)
        told = np.where(marked, "yes", "no").astype(object)
        columns = world.columns | {self.column: told}
        return replace(world, pictures=pictures, columns=columns).with_member(MEMBER, member)


def exactly(within: BoolArray, count: int, rng: np.random.Generator) -> BoolArray:
    """Draw `count` of those within."""
    chosen = np.zeros(len(within), dtype=bool)
    chosen[rng.choice(np.flatnonzero(within), count, replace=False)] = True
    return chosen


SHOES, UPPER = (5, 7, 9), (0, 2, 4, 6)
SEASONS, STORE, LIGHT = COARSE[3], COARSE[4], COARSE[2]
SLICES: dict[str, tuple[Slice, ...]] = {
    "developing": (
        Slice("turned", Rare("turned")),
        Slice("cut", Rare("cut")),
        Slice("far", Rare("far")),
        Slice("swapped-tops", Rare("swapped", classes=UPPER)),
        Slice("sandals", Subclass(5), SEASONS),
        Slice("dresses", Subclass(3), STORE),
        Slice("patch-others", Marker("patch", 8, "others")),
        Slice("frame-without", Marker("frame", 4, "without")),
    ),
    "reporting": (
        Slice("flipped", Rare("flipped")),
        Slice("dark", Rare("dark")),
        Slice("faded", Rare("faded")),
        Slice("inverted", Rare("inverted")),
        Slice("near", Rare("near")),
        Slice("leaning", Rare("leaning")),
        Slice("rolled-shoes", Rare("rolled", classes=SHOES)),
        Slice("blurred", Rare("blurred", strength=0.9)),
        Slice("sneakers", Subclass(7), SEASONS),
        Slice("boots", Subclass(9), STORE),
        Slice("trousers", Subclass(1), LIGHT),
        Slice("stripe-others", Marker("stripe", 7, "others")),
        Slice("backdrop-others", Marker("backdrop", 3, "others")),
        Slice("dots-without", Marker("tint", 2, "without")),
    ),
}
