"""Planted settings on Fashion-MNIST: a small network, two or three plantings, and its twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from bench.discovery.columns import decoys, hint
from bench.discovery.counting import measure, probe_features
from bench.discovery.networks import answers, convolutional, train
from bench.discovery.pictures import CLOTHES, MARKERS, TRANSFORMS, originals, statistics
from bench.discovery.plantings import Marker, Noise, Planting, Rare, Regime, Subclass, World, flat
from bench.discovery.setting import FIRST_SEED, Draft

N_TRAIN, N_VALIDATION = 11_000, 4_000
EMBEDDING_WIDTHS = (64, 96, 128)
COMBINATIONS = (
    ("rare", "correlation", "noisy"),
    ("subclass", "correlation", "noisy"),
    ("rare", "subclass"),
    ("correlation", "noisy", "rare"),
    ("subclass", "rare", "noisy"),
    ("correlation", "subclass"),
    ("rare", "correlation"),
)  # an odd number of them: each comes with and without columns for the cause
COARSE = (
    {"tops": (0, 2, 4, 6), "legs and dresses": (1, 3), "shoes": (5, 7, 9), "bags": (8,)},
    {"light tops": (0, 6), "warm tops": (2, 4), "long": (1, 3), "shoes": (5, 7, 9), "bags": (8,)},
    {"shoes": (5, 7, 9), "light": (0, 3, 6), "warm": (2, 4), "other": (1, 8)},
    {"summer": (0, 3, 5), "winter": (2, 4, 9), "sport": (1, 7), "office": (6, 8)},
    {"rack": (0, 3, 4), "shelf": (1, 2, 6), "box": (5, 7), "counter": (8, 9)},
)
COARSE_SHARES = (0.1, 0.1, 0.2, 0.3, 0.3)  # classes that look alike are not missed in training


@dataclass(frozen=True)
class Task:
    """The labels that the model learns: `of_fine` (10,) places each class of clothes in `names`."""

    names: tuple[str, ...]
    of_fine: NDArray[np.int64]


def make(split: str, seed: int) -> Draft:
    """Make one setting; equal seeds give equal settings."""
    rng = np.random.default_rng([seed, 11])
    place = seed - FIRST_SEED[split]
    kinds, has_cause_column = COMBINATIONS[place % len(COMBINATIONS)], place % 2 == 1
    task = _task("subclass" in kinds, rng)
    channels = int(rng.choice([1, 3]))
    worlds = _worlds(split, channels, task, rng)
    plantings = [
        PLANNERS[kind](task, worlds["train"], has_cause_column, place, rng) for kind in kinds
    ]
    for planting in sorted(plantings, key=lambda each: isinstance(each, Marker)):
        worlds = {name: planting.plant(world, name, rng) for name, world in worlds.items()}
    return _draft(f"images-{seed:04d}", seed, has_cause_column, task, worlds, plantings, rng)


def _task(is_coarse: bool, rng: np.random.Generator) -> Task:
    groups = {name: (fine,) for fine, name in enumerate(CLOTHES)}
    if is_coarse:
        groups = COARSE[rng.choice(len(COARSE), p=COARSE_SHARES)]
    names = tuple(sorted(groups))
    return Task(names, np.array([
        next(place for place, name in enumerate(names) if fine in groups[name])
        for fine in range(len(CLOTHES))
    ]))  # fmt: skip


def _worlds(split: str, channels: int, task: Task, rng: np.random.Generator) -> dict[Regime, World]:
    """Disjoint originals for training and validation; the two splits share none."""
    pixels, fine = originals()
    halves = np.random.default_rng(0).permutation(len(pixels)).reshape(2, -1)
    chosen = rng.permutation(halves[int(split == "reporting")])
    train_rows = chosen[: round(N_TRAIN * 1.1)]
    validation_rows = chosen[-N_VALIDATION:]
    worlds = {}
    rows_of: dict[Regime, NDArray] = {
        "train": train_rows, "twin": train_rows[:N_TRAIN], "validation": validation_rows
    }  # fmt: skip
    for regime, rows in rows_of.items():
        pictures = (pixels[rows] / 255).astype(np.float32)[:, None].repeat(channels, axis=1)
        if channels == 3:
            pictures *= rng.uniform(0.65, 1, (len(rows), 3, 1, 1))
        label = task.of_fine[fine[rows]]
        worlds[regime] = World(pictures, fine[rows].astype(np.int64), label, label, len(task.names))
    return worlds


def _rare(
    task: Task, world: World, has_cause_column: bool, place: int, rng: np.random.Generator
) -> Planting:
    classes: tuple[int, ...] = ()
    if rng.random() < 0.4:
        classes = tuple(int(each) for each in rng.choice(10, rng.integers(1, 3), replace=False))
    common = rng.uniform(0.04, 0.06 if len(classes) == 1 else 0.1)
    rare = rng.uniform(0.001, 0.004) if classes else rng.uniform(0.003, 0.01)
    return Rare(str(rng.choice(list(TRANSFORMS))), rng.random(), classes, common, rare)


def _subclass(
    task: Task, world: World, has_cause_column: bool, place: int, rng: np.random.Generator
) -> Planting:
    sizes = np.bincount(task.of_fine)[task.of_fine]
    return Subclass(int(rng.choice(np.flatnonzero(sizes > 1))), rng.uniform(0, 0.03))


def _marker(
    task: Task, world: World, has_cause_column: bool, place: int, rng: np.random.Generator
) -> Planting:
    labels = [int(each) for each in rng.permutation(len(task.names))]
    victims = tuple(labels[1:4]) if len(labels) == 10 and rng.random() < 0.3 else ()
    sides = (("others",), ("without",), ("others", "without"))[rng.choice(3, p=[0.5, 0.25, 0.25])]
    return Marker(
        marker=str(rng.choice(list(MARKERS))), strength=rng.random(), label=labels[0],
        victims=victims, sides=sides, usual=rng.uniform(0.9, 0.97), stray=0.01,
        broken_usual=rng.uniform(0.4, 0.6) if "without" in sides else 0.92,
        broken_stray=_broken_stray(victims, sides, rng),
    )  # fmt: skip


def _broken_stray(
    victims: tuple[int, ...], sides: tuple[str, ...], rng: np.random.Generator
) -> float:
    """Share of the others with the marker in validation: as in training if they are no slice."""
    drawn = rng.uniform(0.2, 0.35) if victims else rng.uniform(0.06, 0.14)
    return drawn if "others" in sides else 0.01


def _noise(
    task: Task, world: World, has_cause_column: bool, place: int, rng: np.random.Generator
) -> Planting:
    parts = ["region", "bright", "transformed"] + ["annotator"] * has_cause_column
    part = str(rng.choice(parts))
    fine = [int(each) for each in rng.permutation(10)]
    flipped = rng.uniform(0.35, 0.6)
    towards = int(rng.integers(len(task.names))) if rng.random() < 0.6 else -1
    if part == "annotator":
        return Noise(part, tuple(fine[:2]), flipped, towards)
    if part == "transformed":
        return Noise(
            part, tuple(fine[: rng.integers(1, 4)]), flipped, towards,
            transform=str(rng.choice(list(TRANSFORMS))), strength=rng.random(),
            share=rng.uniform(0.25, 0.45),
        )  # fmt: skip
    pictures = world.pictures[world.fine == fine[0]]
    if part == "bright":
        level = float(np.quantile(pictures.mean(axis=(1, 2, 3)), rng.uniform(0.5, 0.7)))
        return Noise(part, (fine[0],), flipped, towards, brighter_than=level)
    region = KMeans(int(rng.integers(2, 5)), n_init=2, random_state=place).fit(flat(pictures))
    order = rng.permutation(region.n_clusters)
    region.cluster_centers_ = region.cluster_centers_[order]
    return Noise(part, (fine[0],), flipped, towards, region=region)


PLANNERS = {"rare": _rare, "subclass": _subclass, "correlation": _marker, "noisy": _noise}


def _draft(
    name: str, seed: int, has_cause_column: bool, task: Task, worlds: dict[Regime, World],
    plantings: list[Planting], rng: np.random.Generator,
) -> Draft:  # fmt: skip
    width = int(rng.choice(EMBEDDING_WIDTHS))
    validation, epochs = worlds["validation"], int(rng.integers(4, 7))
    answered = {}
    for regime in ("train", "twin"):
        learned = worlds[regime]
        network = convolutional(validation.pictures.shape[1], width, len(task.names), seed)
        train(network, learned.pictures, learned.label, epochs, seed)
        answered[regime] = answers(network, validation.pictures)
    label = np.array(task.names)[validation.label]
    metadata = decoys(label, rng) | validation.columns
    if has_cause_column:
        metadata |= statistics(validation.pictures)
        if rng.random() < 0.5:
            metadata["lens"] = hint(next(iter(validation.members.values())), rng)
    given = answered["train"]
    correct = given.probabilities.argmax(axis=1) == validation.label
    twin_correct = answered["twin"].probabilities.argmax(axis=1) == validation.true
    features = probe_features(given.embedding, metadata, label)
    kinds = {slice_: kind for each in plantings for slice_, kind in each.kinds.items()}
    return Draft(
        name=name, source="images", seed=seed, has_cause_column=has_cause_column, label=label,
        classes=task.names, probabilities=given.probabilities, embedding=given.embedding,
        metadata=metadata, text=None, members=validation.members, kinds=kinds,
        twin_correct=twin_correct,
        measured={slice_: measure(member, correct, twin_correct, features)
                  for slice_, member in validation.members.items()},
        how={slice_: str(each) for each in plantings for slice_ in each.kinds},
    )  # fmt: skip
