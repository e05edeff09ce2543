"""The model of a setting, small and trained too short, and its answers; both kept on disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.discovery.networks import Answers, Network, answers, convolutional, train
from bench.solve.setting import Population, Setting, cache_folder

WIDTH, EPOCHS = 64, 5
PART = 200  # pictures answered at a time: the quickest on one core


def fitted(setting: Setting) -> Network:
    """Return the network as trained on `train`; it does not depend on the unlabeled share."""
    import torch

    network = convolutional(1, WIDTH, len(setting.names), setting.seed)
    named = f"{setting.slice.name}-{setting.recipe}.npz"
    file = cache_folder() / setting.split / "models" / named
    if file.exists():
        with np.load(file) as kept:
            network.load_state_dict({name: torch.from_numpy(kept[name]) for name in kept.files})
        return network
    learned = setting.populations["train"]
    train(network, learned.inputs, learned.label, EPOCHS, setting.seed)
    save(file, {name: value.numpy() for name, value in network.state_dict().items()})
    return network


def answers_of(setting: Setting, name: str) -> Answers:
    """Answers on a population, from disk where they are known."""
    file = setting.folder / f"{name}.npz"
    if not file.exists():
        given = answered(fitted(setting), setting.populations[name])
        save(file, {"probabilities": given.probabilities, "embedding": given.embedding})
    with np.load(file) as kept:
        return Answers(kept["probabilities"], kept["embedding"])


def answered(network: Network, population: Population) -> Answers:
    """Probabilities (n, c) and embedding (n, d) of a population."""
    parts = [
        answers(network, population.pictures[start : start + PART].astype(np.float32) / 255)
        for start in range(0, len(population), PART)
    ]
    return Answers(
        np.concatenate([each.probabilities for each in parts]),
        np.concatenate([each.embedding for each in parts]),
    )


def save(file: Path, arrays: dict[str, NDArray]) -> None:
    """Write beside, then rename."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}.npz")
    np.savez(partial, **arrays)
    partial.rename(file)
