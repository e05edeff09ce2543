"""The models that are put to the test: a small convolutional and a small dense network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

BATCH = 128


@dataclass(frozen=True, eq=False)
class Answers:
    """A model on n samples: `probabilities` (n, c), and its last hidden layer (n, d)."""

    probabilities: NDArray[np.float32]
    embedding: NDArray[np.float32]


class Network(nn.Module):
    """A body that makes the embedding, and one linear layer on it."""

    def __init__(self, body: nn.Module, width: int, n_classes: int):
        super().__init__()
        self.body, self.head = body, nn.Linear(width, n_classes)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs))


def convolutional(channels: int, width: int, n_classes: int, seed: int) -> Network:
    """Three convolutions for pictures of 28 x 28, and an embedding of `width`."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for before, after in ((channels, 16), (16, 32), (32, 48)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(48 * 9, width), nn.ReLU())
    return Network(body, width, n_classes)


def dense(n_inputs: int, widths: tuple[int, ...], n_classes: int, seed: int) -> Network:
    """Hidden layers of `widths`; the last is the embedding."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for before, after in zip((n_inputs, *widths), widths, strict=False):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return Network(nn.Sequential(*layers), widths[-1], n_classes)


def train(
    network: Network,
    inputs: NDArray[np.float32],
    label: NDArray[np.integer],
    epochs: int,
    seed: int,
    rate: float = 2e-3,
    decay: float = 0.0,
) -> None:
    """Fit by Adam, with a learning rate that falls to nothing."""
    torch.set_num_threads(1)
    rng = np.random.default_rng([seed, 3])
    steps = epochs * (len(inputs) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps)
    x, y = torch.from_numpy(inputs), torch.from_numpy(label.astype(np.int64))
    for _ in range(epochs):
        order = torch.from_numpy(rng.permutation(len(inputs)))
        for rows in order[: len(inputs) // BATCH * BATCH].split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(network(x[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()


@torch.no_grad()
def answers(network: Network, inputs: NDArray[np.float32]) -> Answers:
    """Probabilities and embedding of each sample."""
    embedding = torch.cat([network.body(part) for part in torch.from_numpy(inputs).split(1000)])
    probabilities = torch.softmax(network.head(embedding), dim=1)
    return Answers(probabilities.numpy(), embedding.numpy())
