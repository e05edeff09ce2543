"""Planted cases for the bench of the diagnosis: made once, with all that the stage reads.

A case is a folder `CACHE/<split>/<seed>/` with the work tables of the engine up to its discovery,
the truth, and the pictures and weights from which its source is built again.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from aggressors.collate import collate
from aggressors.contracts import Settings
from aggressors.integration import Integration, Sample
from aggressors.sources.checking import open_torch
from aggressors.stages.discover import run as discover
from aggressors.stages.protocol import Context
from bench.discovery.networks import Network, convolutional, train
from bench.discovery.pictures import CLOTHES, originals
from bench.discovery.plantings import Marker, Noise, World
from bench.solve.causes import planned

N = {"train": 7_000, "validation": 4_000}
# What "settling" holds was once reported, then looked at, and is what rules are settled on since.
FIRST_SEED = {"developing": 1, "settling": 1001, "reporting": 3001}
KINDS = (
    ("rare", "noisy"),
    ("correlation", "spoiled"),
    ("alike", "hard"),
    ("rare-region", "spoiled"),
    ("correlation", "hard"),
    ("noisy", "hard"),
    ("rare", "spoiled"),
    ("correlation", "alike"),
    ("noisy", "spoiled"),
    ("rare", "hard"),
)
WIDTH = 64


@dataclass(frozen=True, eq=False)
class Case:
    """Tables up to the discovery, and the truth.

    `members` (n,) bool and `kinds` by name of the planted slice; `wrong` (n,) bool, whose label is
    wrong; `true` (n,) class names; `marked` whether the cause is in a column of its own.
    """

    seed: int
    split: str
    recorded: bool
    tables: dict[str, pa.Table]
    members: dict[str, NDArray[np.bool_]]
    kinds: dict[str, str]
    wrong: NDArray[np.bool_]
    true: NDArray[np.str_]
    worlds: dict[str, World]
    weights: dict[str, torch.Tensor]

    def source(self):
        """The model with its datasets, as the engine reads them."""
        return open_torch(_integration(self.worlds, self.weights, self.seed), Settings())


@dataclass(frozen=True, eq=False)
class Pictured:
    """A world as a dataset."""

    world: World
    name: str

    def __len__(self) -> int:
        return len(self.world)

    def __getitem__(self, at: int) -> Sample:
        picture = self.world.pictures[at]
        seen = picture.transpose(1, 2, 0)
        return Sample(
            f"{self.name}-{at:05d}",
            torch.from_numpy(picture.astype(np.float32) / 255),
            CLOTHES[self.world.label[at]],
            seen if seen.shape[2] == 3 else seen.repeat(3, axis=2),
            {name: str(column[at]) for name, column in self.world.columns.items()},
        )


def cache_folder() -> Path:
    default = Path(__file__).resolve().parents[3] / "build" / "bench-solve-action"
    return Path(os.environ.get("AGGRESSORS_ACTION_CACHE", default))


def case(split: str, seed: int) -> Case:
    """Read a case, or make it."""
    path = cache_folder() / split / f"{seed}.pickle"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = make(split, seed)
        partial = path.with_suffix(".partial")
        partial.write_bytes(pickle.dumps(made, protocol=5))
        partial.rename(path)
    return pickle.loads(path.read_bytes())


def make(split: str, seed: int) -> Case:
    """Plant, train, and run the engine's own stages up to the discovery."""
    rng = np.random.default_rng([seed, 17])
    place = seed - FIRST_SEED[split]
    recorded = (place // len(KINDS)) % 2 == 0
    worlds = _worlds(split, rng)
    plantings = [
        planned(kind, split, worlds["train"], recorded, place, rng)
        for kind in KINDS[place % len(KINDS)]
    ]
    for planting in sorted(plantings, key=lambda one: isinstance(one, Marker)):
        worlds = {name: planting.plant(one, name, rng) for name, one in worlds.items()}
        if recorded and isinstance(planting, Marker):
            worlds = {name: _tagged(one, planting, rng) for name, one in worlds.items()}
    worlds = {name: one.kept(np.arange(len(one)) < N[name]) for name, one in worlds.items()}
    worlds = {name: _rounded(one) for name, one in worlds.items()}
    network, learned = _network(worlds, seed), worlds["train"]
    train(network, learned.pictures.astype(np.float32) / 255, learned.label, 5, seed)
    kinds = {name: kind for one in plantings for name, kind in one.kinds.items()}
    noise = [one for one in plantings if isinstance(one, Noise)]
    tables = _tables(worlds, network.state_dict(), seed)
    every = [worlds["train"], worlds["validation"]]
    return Case(
        seed, split, recorded or bool(noise), tables,
        {name: np.concatenate([one.members[name] for one in every]) for name in kinds},
        kinds,
        np.concatenate([one.label != one.true for one in every]),
        np.array(CLOTHES)[np.concatenate([one.true for one in every])],
        worlds, network.state_dict(),
    )  # fmt: skip


def _rounded(world: World) -> World:
    """The same with pictures of uint8, as files have them."""
    return replace(world, pictures=(world.pictures * 255).round().clip(0, 255).astype(np.uint8))


def _worlds(split: str, rng: np.random.Generator) -> dict[str, World]:
    """Disjoint originals for training and validation; developing shares none with the others."""
    pixels, fine = originals()
    halves = np.random.default_rng(0).permutation(len(pixels)).reshape(2, -1)
    chosen = rng.permutation(halves[int(split != "developing")])
    channels = int(rng.choice([1, 3]))
    rows = {"train": chosen[: round(N["train"] * 1.1)], "validation": chosen[-N["validation"] :]}
    worlds = {}
    for name, at in rows.items():
        pictures = (pixels[at] / 255).astype(np.float32)[:, None].repeat(channels, axis=1)
        if channels == 3:
            pictures *= rng.uniform(0.65, 1, (len(at), 3, 1, 1)).astype(np.float32)
        label = fine[at].astype(np.int64)
        worlds[name] = World(pictures.astype(np.float32), label, label, label, len(CLOTHES))
    return worlds


def _tagged(world: World, planting: Marker, rng: np.random.Generator) -> World:
    """A column that tells who carries the mark, right in 97 of 100."""
    label = world.true == planting.label
    marked = label.copy()
    if "without" in planting.sides:
        marked &= ~world.members["correlation-without"]
    if "others" in planting.sides:
        marked |= world.members["correlation-others"]
    told = marked ^ (rng.random(len(world)) < 0.03)
    column = np.where(told, "yes", "no").astype(object)
    return replace(world, columns=world.columns | {"tag": column})


def _network(worlds: dict[str, World], seed: int) -> Network:
    return convolutional(worlds["train"].pictures.shape[1], WIDTH, len(CLOTHES), seed)


def _integration(worlds: dict[str, World], weights: dict, seed: int) -> Integration:
    network = _network(worlds, seed)
    network.load_state_dict(weights)
    network.eval()
    datasets = {name: Pictured(world, name) for name, world in worlds.items()}
    return Integration(model=network, datasets=datasets, classes=CLOTHES, model_name=f"net-{seed}")


def _tables(worlds: dict[str, World], weights: dict, seed: int) -> dict[str, pa.Table]:
    settings = Settings(seed=seed)
    source = open_torch(_integration(worlds, weights, seed), settings)
    shards = [
        (name, source.shard(name, 0, size, settings, lambda count: None).tables)
        for name, size in source.populations.items()
    ]
    tables = collate(shards, settings, source.task)
    found = discover(tables, Context(settings, source.classes, source.task))
    kept = {**tables, **found}
    kept.pop("media", None)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("split", choices=FIRST_SEED)
    parser.add_argument("count", type=int)
    asked = parser.parse_args()
    for place in range(asked.count):
        started = perf_counter()
        one = case(asked.split, FIRST_SEED[asked.split] + place)
        told = {name: int(member.sum()) for name, member in one.members.items()}
        spent = perf_counter() - started
        print(f"{one.seed} {spent:.0f} s {json.dumps(told)}", flush=True)


if __name__ == "__main__":
    from bench.solve import cases  # under its own name, by which a case is read again

    cases.main()
