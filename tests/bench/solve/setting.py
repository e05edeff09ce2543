"""A planted setting: four populations of Fashion-MNIST with one slice, made anew from its seed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bench.discovery.columns import decoys
from bench.discovery.pictures import originals, statistics
from bench.discovery.plantings import World
from bench.discovery.setting import FIRST_SEED
from bench.solve.slices import MEMBER, SLICES, Slice

SIZES = {"train": 7_000, "validation": 4_000, "unlabeled": 20_000, "held_out": 10_000}
KEPT = 45_000  # originals that a split may use, of 70,000
RECIPE = 1  # to be raised when what is planted or trained changes
SHARE = 0.02  # of the slice among the unlabeled
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Population:
    """n samples: `pictures` (n, 1, 28, 28) uint8, `original` rows of Fashion-MNIST.

    `label` is what was handed in, `true` what is right, both places in the setting's `names`.
    """

    pictures: NDArray[np.uint8]
    original: IntArray
    fine: IntArray
    true: IntArray
    label: IntArray
    member: BoolArray
    columns: dict[str, NDArray]

    def __len__(self) -> int:
        return len(self.true)

    @property
    def inputs(self) -> NDArray[np.float32]:
        """Return pictures in [0, 1], as the network takes them."""
        return self.pictures.astype(np.float32) / 255


@dataclass(frozen=True, eq=False)
class Setting:
    """`recorded` says whether metadata holds the measures of the pictures and the marker."""

    slice: Slice
    split: str
    seed: int
    share: float
    recorded: bool
    names: tuple[str, ...]  # of the labels, sorted
    populations: dict[str, Population]

    @property
    def name(self) -> str:
        return f"{self.slice.name}-{self.seed}-{self.share:g}"

    @property
    def recipe(self) -> str:
        """Hash what the model depends on: the share among the unlabeled is not part of it."""
        described = repr((RECIPE, SIZES, self.split, self.seed, self.slice))
        return sha256(described.encode()).hexdigest()[:12]

    @property
    def folder(self) -> Path:
        return cache_folder() / self.split / f"{self.name}-{self.recipe}"


def cache_folder() -> Path:
    """`$AGGRESSORS_BENCH_CACHE`, or build/bench-solve below the root of the repository."""
    default = Path(__file__).resolve().parents[3] / "build" / "bench-solve"
    return Path(os.environ.get("AGGRESSORS_BENCH_CACHE", default))


def cells(split: str, seeds: int, slices: tuple[Slice, ...] | None = None) -> Iterator[tuple]:
    """All arguments of `make`, (split, seed, slice), seeds outermost."""
    for seed in range(FIRST_SEED[split], FIRST_SEED[split] + seeds):
        for each in SLICES[split] if slices is None else slices:
            yield split, seed, each


def make(split: str, seed: int, planted: Slice | str, share: float = SHARE) -> Setting:
    """Make one setting; equal arguments give equal settings.

    The samples of train, validation and held out do not depend on `share`.
    """
    if isinstance(planted, str):
        planted = next(each for each in SLICES[split] if each.name == planted)
    key = [seed, crc32(planted.name.encode())]
    names = tuple(sorted(planted.labels))
    task = np.array([_place(names, planted, fine) for fine in range(10)])
    worlds, rows = {}, np.random.default_rng(key).permutation(rows_of(split))
    fine = originals()[1].astype(np.int64)
    chosen: dict[str, IntArray] = {}
    # the order decides who gets what: unlabeled last, so that its share changes nothing else
    for place, population in enumerate(("train", "validation", "held_out", "unlabeled")):
        part = planted.planting.shares.get(population, share)
        drawn = planted.planting.draw(fine[rows], SIZES[population], part)
        rng = np.random.default_rng([*key, place])
        chosen[population], rows = rng.permutation(rows[drawn]), np.delete(rows, drawn)
        world = _world(chosen[population], task, len(names))
        worlds[population] = planted.planting.plant(world, population, part, rng)
    slices = [each.name for each in SLICES[split]]
    place = slices.index(planted.name) if planted.name in slices else crc32(planted.name.encode())
    recorded = (place + seed) % 2 == 0
    columns = _columns(worlds, names, recorded, np.random.default_rng([*key, 99]))
    populations = {
        name: Population(
            np.rint(world.pictures * 255).astype(np.uint8), chosen[name], world.fine, world.true,
            world.label, world.members[MEMBER], columns[name],
        )
        for name, world in worlds.items()
    }  # fmt: skip
    return Setting(planted, split, seed, share, recorded, names, populations)


def _place(names: tuple[str, ...], planted: Slice, fine: int) -> int:
    return next(place for place, name in enumerate(names) if fine in planted.labels[name])


def rows_of(split: str) -> IntArray:
    """Originals that the split may use."""
    order = np.random.default_rng(0).permutation(len(originals()[1]))
    return order[:KEPT] if split == "reporting" else order[-KEPT:]


def _world(rows: IntArray, task: IntArray, n_labels: int) -> World:
    pixels, fine = originals()
    kinds = fine[rows].astype(np.int64)
    pictures = (pixels[rows] / 255).astype(np.float32)[:, None]
    return World(pictures, kinds, task[kinds], task[kinds], n_labels)


def _columns(
    worlds: dict[str, World], names: tuple[str, ...], recorded: bool, rng: np.random.Generator
) -> dict[str, dict[str, NDArray]]:
    """Metadata of each population; what says nothing comes from one draw for all."""
    label = np.array(names)[np.concatenate([world.true for world in worlds.values()])]
    drawn, start = decoys(label, rng), 0
    columns = {}
    for name, world in worlds.items():
        own = {key: column[start : start + len(world)] for key, column in drawn.items()}
        start += len(world)
        if recorded:
            own |= {key: value.round(4) for key, value in statistics(world.pictures).items()}
            own |= world.columns
        columns[name] = own
    return columns
