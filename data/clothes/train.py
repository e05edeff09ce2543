"""Trains one version of the classifier and measures it.

    python train.py --version v1    from scratch, on the training pictures
    python train.py --version v2    v1 trained further, with the labels of labels/v2.parquet
    python train.py --version v3    a larger network, trained longer, without those labels

Writes models/<version>.safetensors and the version's part of models/metrics.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from classes import CLASSES
from model import WIDTHS, IntakeNet, to_input
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

HERE = Path(__file__).resolve().parent
MODELS = HERE / "models"
BATCH = 64


@dataclass(frozen=True)
class Recipe:
    """How a version is trained."""

    epochs: int
    learning_rate: float
    seed: int
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    start: str | None = None  # version whose weights it continues from
    new_label_weight: float = 0.0  # 0: trained without the newly labeled samples


RECIPES = {
    "v1": Recipe(epochs=10, learning_rate=5e-3, seed=1),
    "v2": Recipe(epochs=12, learning_rate=4e-3, seed=2, start="v1", new_label_weight=8.0),
    "v3": Recipe(epochs=16, learning_rate=5e-3, seed=3, weight_decay=5e-2),
}


@dataclass(frozen=True)
class Pictures:
    """What the network is shown."""

    sample_ids: list[str]
    pixels: Tensor  # (n, 3, 64, 64) float32
    labels: Tensor  # (n,) class indices
    weights: Tensor  # (n,)


def read(population: str) -> Pictures:
    """Read one labeled population."""
    table = pq.read_table(HERE / f"{population}.parquet", columns=["sample_id", "image", "label"])
    sample_ids, images, labels = (column.to_pylist() for column in table.columns)
    return _pictures(sample_ids, images, labels, weight=1.0)


def read_new_labels(weight: float) -> Pictures:
    """Read what the labeling team sent back for samples of the unlabeled population."""
    fresh = pq.read_table(HERE / "labels" / "v2.parquet")
    unlabeled = pq.read_table(HERE / "unlabeled.parquet", columns=["sample_id", "image"])
    image_of = dict(zip(*(column.to_pylist() for column in unlabeled.columns), strict=True))
    sample_ids = fresh["sample_id"].to_pylist()
    images = [image_of[sample_id] for sample_id in sample_ids]
    return _pictures(sample_ids, images, fresh["label"].to_pylist(), weight)


def _pictures(
    sample_ids: list[str], images: list[bytes], labels: list[str], weight: float
) -> Pictures:
    pixels = torch.stack([to_input(image) for image in images])
    return Pictures(
        sample_ids,
        pixels.contiguous(memory_format=torch.channels_last),
        torch.tensor([CLASSES.index(label) for label in labels]),
        torch.full((len(labels),), weight),
    )


def _joined(first: Pictures, second: Pictures) -> Pictures:
    return Pictures(
        first.sample_ids + second.sample_ids,
        torch.cat([first.pixels, second.pixels]),
        torch.cat([first.labels, second.labels]),
        torch.cat([first.weights, second.weights]),
    )


def train(version: str) -> IntakeNet:
    """Train one version by its recipe."""
    recipe = RECIPES[version]
    torch.manual_seed(recipe.seed)
    net = IntakeNet(WIDTHS[version])
    if recipe.start:
        net.load_state_dict(load_file(MODELS / f"{recipe.start}.safetensors"))
    pictures = read("train")
    if recipe.new_label_weight:
        pictures = _joined(pictures, read_new_labels(recipe.new_label_weight))
    fit(net.to(memory_format=torch.channels_last), pictures, recipe)
    return net.eval()


def fit(net: IntakeNet, pictures: Pictures, recipe: Recipe) -> None:
    """Minimise the weighted cross-entropy of `pictures`."""
    rate, decay = recipe.learning_rate, recipe.weight_decay
    optimizer = torch.optim.AdamW(net.parameters(), rate, weight_decay=decay)
    n_steps = recipe.epochs * -(-len(pictures.labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, n_steps, pct_start=0.2)
    chance = torch.Generator().manual_seed(recipe.seed)
    net.train()
    for batch in _batches(len(pictures.labels), recipe.epochs, chance):
        logits = net(_augmented(pictures.pixels[batch], chance))
        losses = functional.cross_entropy(
            logits, pictures.labels[batch], reduction="none", label_smoothing=recipe.label_smoothing
        )
        weights = pictures.weights[batch]
        optimizer.zero_grad()
        ((losses * weights).sum() / weights.sum()).backward()
        optimizer.step()
        schedule.step()


def _batches(n_samples: int, epochs: int, chance: torch.Generator) -> Iterator[Tensor]:
    for _ in range(epochs):
        yield from torch.randperm(n_samples, generator=chance).split(BATCH)


def _augmented(pixels: Tensor, chance: torch.Generator) -> Tensor:
    """Mirror and shift. Brightness stays: that the model knows little dusk is the demo's story."""
    mirrored = torch.rand(len(pixels), generator=chance) < 0.5
    pixels = torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)
    padded = functional.pad(pixels, (3, 3, 3, 3), mode="replicate")
    top, left = torch.randint(0, 7, (2,), generator=chance).tolist()
    cut = padded[:, :, top : top + 64, left : left + 64]
    return cut.contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def measure(net: IntakeNet, population: str) -> dict[str, dict[str, float]]:
    """Measure accuracy and mean loss of all samples and of the planted groups."""
    pictures = read(population)
    logits = torch.cat([net(part) for part in pictures.pixels.split(256)])
    loss = functional.cross_entropy(logits, pictures.labels, reduction="none").numpy()
    right = (logits.argmax(1) == pictures.labels).numpy()
    return {
        group: {
            "n": int(inside.sum()),
            "accuracy": round(float(right[inside].mean()), 4),
            "mean_loss": round(float(loss[inside].mean()), 4),
        }
        for group, inside in _groups(pictures).items()
    }


def _groups(pictures: Pictures) -> dict[str, NDArray[np.bool_]]:
    truth = {row["sample_id"]: row for row in pq.read_table(HERE / "truth.parquet").to_pylist()}
    planted = {
        name: np.array([truth[key][name] for key in pictures.sample_ids])
        for name in ("dusk", "red_carpet", "label_flipped")
    }
    bag = pictures.labels.numpy() == CLASSES.index("bag")
    return {
        "all": np.ones(len(bag), dtype=bool),
        "dusk": planted["dusk"],
        "not_dusk": ~planted["dusk"],
        "red_carpet_without_bags": planted["red_carpet"] & ~bag,
        "bags_elsewhere": bag & ~planted["red_carpet"] & ~planted["dusk"],
        "label_flipped": planted["label_flipped"],
    }


def main() -> None:
    """Train, measure and save one version."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", choices=sorted(RECIPES), required=True)
    version = parser.parse_args().version
    torch.set_num_threads(1)  # one thread adds up in one order, so that a seed gives one model
    torch.use_deterministic_algorithms(True)
    net = train(version)
    MODELS.mkdir(exist_ok=True)
    weights = {name: value.contiguous() for name, value in net.state_dict().items()}
    save_file(weights, MODELS / f"{version}.safetensors")
    path = MODELS / "metrics.json"
    metrics = json.loads(path.read_text()) if path.exists() else {}
    metrics[version] = {name: measure(net, name) for name in ("validation", "test")}
    path.write_text(json.dumps(metrics, indent=2, sort_keys=True) + "\n")
    print(json.dumps(metrics[version], indent=2))


if __name__ == "__main__":
    main()
