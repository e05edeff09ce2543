"""Plantings whose right action is known, beside those of the bench of discovery.

The action that is right follows from what was planted: what is rare in training is to be
collected, a mark that goes with a label to be varied, wrong labels to be corrected, spoiled inputs
to be taken out; what is common, clean and still hard asks for another model.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from os import environ
from pathlib import Path

import numpy as np
from scipy import ndimage
from sklearn.cluster import KMeans

from bench.discovery.images import PLANNERS, Task
from bench.discovery.pictures import CLOTHES, SIDE, Pictures
from bench.discovery.plantings import Planting, Regime, World, flat

RIGHT = {
    "rare": "collect",
    "rare-region": "collect",
    "correlation": "augment",
    "noisy": "relabel",
    "alike": "relabel",
    "spoiled": "remove",
    "hard": "review_model",
}
SPOILING = {  # kinds of `imagecorruptions`; none was in the trial on which rules were tuned
    "developing": ("impulse_noise", "motion_blur", "snow", "contrast"),
    "settling": ("gaussian_noise", "defocus_blur", "frost", "elastic_transform", "brightness"),
    "reporting": ("shot_noise", "pixelate", "zoom_blur", "fog", "spatter"),
}
HARD = {
    "developing": ("turned", "overlaid"),
    "settling": ("turned", "overlaid", "halved", "natural"),
    "reporting": ("turned", "overlaid", "halved", "natural"),
}
LOOK_ALIKE = ((0, 6), (2, 4), (4, 6), (5, 7), (7, 9), (3, 6))
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Spoiled:
    """Pictures of some classes made unreadable, in training as in validation."""

    kinds_of: tuple[str, ...]
    classes: tuple[int, ...]
    share: float

    @property
    def kinds(self) -> dict[str, str]:
        return {"spoiled": "spoiled"}

    def plant(self, world: World, regime: Regime, rng: np.random.Generator) -> World:
        within = np.isin(world.fine, self.classes)
        member = within & (rng.random(len(world)) < self.share / within.mean())
        pictures = world.pictures.copy()
        pictures[member] = spoiled(pictures[member], self.kinds_of, int(rng.integers(1 << 30)))
        return replace(world, pictures=pictures).with_member("spoiled", member)


@dataclass(frozen=True)
class Hard:
    """Clean pictures that are hard to tell, as common in training as in validation."""

    way: str
    classes: tuple[int, ...]
    share: float

    @property
    def kinds(self) -> dict[str, str]:
        return {f"hard-{self.way}": "hard"}

    def plant(self, world: World, regime: Regime, rng: np.random.Generator) -> World:
        if self.way == "natural":
            return world.with_member("hard-natural", world.true == self.classes[0])
        within = np.isin(world.fine, self.classes)
        member = within & (rng.random(len(world)) < self.share / within.mean())
        pictures = world.pictures.copy()
        pictures[member] = WAYS[self.way](pictures[member], world.pictures, rng)
        return replace(world, pictures=pictures).with_member(f"hard-{self.way}", member)


@dataclass(frozen=True, eq=False)
class RareRegion:
    """A region of the pixels of one class that is nearly absent from training."""

    fine: int
    region: KMeans  # its first cluster
    left: float

    @property
    def kinds(self) -> dict[str, str]:
        return {"rare-region": "rare-region"}

    def plant(self, world: World, regime: Regime, rng: np.random.Generator) -> World:
        member = (world.fine == self.fine) & (self.region.predict(flat(world.pictures)) == 0)
        world = world.with_member("rare-region", member)
        if regime != "train":
            return world
        return world.kept(~member | (rng.random(len(world)) < self.left))


@dataclass(frozen=True)
class Alike:
    """Labels of two classes that look alike exchanged in part of one's pictures."""

    fine: int
    other: int
    flipped: float
    brighter_than: float

    @property
    def kinds(self) -> dict[str, str]:
        return {"alike": "alike"}

    def plant(self, world: World, regime: Regime, rng: np.random.Generator) -> World:
        bright = world.pictures.mean(axis=(1, 2, 3)) > self.brighter_than
        member = np.isin(world.fine, (self.fine, self.other)) & bright
        wrong = member & (rng.random(len(world)) < self.flipped)
        swapped = np.where(world.true == self.fine, self.other, self.fine)
        world = world.with_member("alike", member)
        return replace(world, label=np.where(wrong, swapped, world.label))


def spoiled(pictures: Pictures, kinds: tuple[str, ...], seed: int) -> Pictures:
    """Spoil pictures in the environment that `$CORRUPTIONS_PYTHON` names."""
    if not len(pictures):
        return pictures
    python = environ.get("CORRUPTIONS_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.npy", Path(folder) / "out.npy"
        np.save(source, (flat(pictures).reshape(-1, SIDE, SIDE) * 255).round().astype(np.uint8))
        command = [python, str(HERE / "corrupting.py"), str(source), ",".join(kinds), str(seed)]
        subprocess.run([*command, str(out)], check=True, capture_output=True)
        grey = np.load(out).astype(np.float32)[:, None] / 255
    return grey.repeat(pictures.shape[1], axis=1)


def turned(pictures: Pictures, every: Pictures, rng: np.random.Generator) -> Pictures:
    """Any angle and size."""
    out = []
    for one in pictures:
        angle, scale = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 2.2)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.full(2, (SIDE - 1) / 2)
        shift = middle - turn @ (middle + rng.uniform(-4, 4, 2))
        out.append([ndimage.affine_transform(plane, turn, shift, order=1) for plane in one])
    return np.array(out, dtype=np.float32).reshape(pictures.shape)


def overlaid(pictures: Pictures, every: Pictures, rng: np.random.Generator) -> Pictures:
    """Another picture shines through."""
    other = every[rng.integers(0, len(every), len(pictures))]
    part = rng.uniform(0.4, 0.55, (len(pictures), 1, 1, 1)).astype(np.float32)
    return (1 - part) * pictures + part * other


def halved(pictures: Pictures, every: Pictures, rng: np.random.Generator) -> Pictures:
    """The lower part is of another picture."""
    out = pictures.copy()
    other = every[rng.integers(0, len(every), len(pictures))]
    for one, below, cut in zip(out, other, rng.integers(10, 17, len(out)), strict=True):
        one[:, cut:] = below[:, cut:]
    return out


WAYS = {"turned": turned, "overlaid": overlaid, "halved": halved}


def planned(
    kind: str, split: str, world: World, recorded: bool, place: int, rng: np.random.Generator
) -> Planting:
    """Draw one planting of a kind."""
    if kind in ("rare", "correlation", "noisy"):
        task = Task(CLOTHES, np.arange(len(CLOTHES)))
        return PLANNERS[kind](task, world, recorded, place, rng)
    fine = [int(one) for one in rng.permutation(10)]
    if kind == "spoiled":
        two = tuple(str(one) for one in rng.choice(SPOILING[split], 2, replace=False))
        return Spoiled(two[: rng.integers(1, 3)], tuple(fine[: rng.integers(3, 11)]),
                       rng.uniform(0.05, 0.1))  # fmt: skip
    if kind == "hard":
        way = str(HARD[split][place % len(HARD[split])])
        natural = (6,) if split == "settling" else (int(rng.choice([2, 4, 6])),)
        classes = natural if way == "natural" else tuple(fine[: rng.integers(3, 11)])
        return Hard(way, classes, rng.uniform(0.05, 0.1))
    if kind == "alike":
        one, other = LOOK_ALIKE[place % len(LOOK_ALIKE)]
        grey = world.pictures[np.isin(world.fine, (one, other))].mean(axis=(1, 2, 3))
        return Alike(one, other, rng.uniform(0.3, 0.5), float(np.quantile(grey, 0.6)))
    pictures = world.pictures[world.fine == fine[0]]
    region = KMeans(int(rng.integers(2, 4)), n_init=2, random_state=place).fit(flat(pictures))
    region.cluster_centers_ = region.cluster_centers_[rng.permutation(region.n_clusters)]
    return RareRegion(fine[0], region, rng.uniform(0, 0.04))
