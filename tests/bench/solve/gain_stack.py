"""Many copies of the bench's network trained at once, each on its own samples; torch and numpy.

A stack of one on the CPU is `bench.discovery.networks.train`: same start, order, steps and rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from bench.discovery.networks import BATCH, convolutional

WIDTH, EPOCHS, RATE = 64, 5, 2e-3
CLASSES = 10
NEVER = -1e9  # logit of a class that a setting does not have


@dataclass(frozen=True, eq=False)
class Task:
    """One model to train and to judge.

    Attributes
    ----------
    pictures : (n,) rows of the table of pictures to train on; `label` (n,), `weight` (n,).
    judged : (m,) rows to judge, `right` (m,) their labels.
    """

    seed: int
    n_labels: int
    pictures: NDArray[np.int64]
    label: NDArray[np.int64]
    weight: NDArray[np.float32]
    judged: NDArray[np.int64]
    right: NDArray[np.int64]

    @property
    def steps(self) -> int:
        """Batches an epoch: stacked models have equally many."""
        return len(self.pictures) // BATCH


def trained(tasks: list[Task], table: Tensor) -> dict[str, Tensor]:
    """Parameters (models, …) after training; `table` (N, 784) uint8 on the device to use.

    The loss of a batch is the weighted mean of the cross-entropy of its samples.
    """
    device, steps = table.device, tasks[0].steps
    if any(task.steps != steps for task in tasks):
        raise ValueError("stacked models need equally many steps an epoch")
    parameters, allowed = _start(tasks, device)
    optimizer = torch.optim.AdamW(parameters.values(), lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=RATE, total_steps=EPOCHS * steps
    )
    orders = [np.random.default_rng([task.seed, 3]) for task in tasks]
    for _ in range(EPOCHS):
        drawn = [
            rng.permutation(len(task.pictures)) for rng, task in zip(orders, tasks, strict=True)
        ]
        taken = [each[: steps * BATCH] for each in drawn]
        rows, label, weight = (
            torch.from_numpy(np.stack([
                getattr(task, name)[order] for task, order in zip(tasks, taken, strict=True)
            ])).to(device) for name in ("pictures", "label", "weight")
        )  # fmt: skip
        for batch in range(steps):
            own = slice(batch * BATCH, (batch + 1) * BATCH)
            optimizer.zero_grad(set_to_none=True)
            logits = _forward(parameters, _pictures(table, rows[:, own])) + allowed
            losses = functional.cross_entropy(
                logits.flatten(0, 1), label[:, own].flatten(), reduction="none"
            )
            weights = weight[:, own]  # (models, batch)
            each = (losses.view_as(weights) * weights).sum(dim=1) / weights.sum(dim=1)
            each.sum().backward()
            optimizer.step()
            schedule.step()
    return {name: value.detach() for name, value in parameters.items()}


@torch.no_grad()
def correct(parameters: dict[str, Tensor], tasks: list[Task], table: Tensor) -> NDArray[np.bool_]:
    """(models, m) bool, which of the judged each model gets right."""
    device = table.device
    _, allowed = _start(tasks, device)
    rows, right = (
        torch.from_numpy(np.stack([getattr(task, name) for task in tasks])).to(device)
        for name in ("judged", "right")
    )
    part = max(1, 32_000 // len(tasks)) if rows.is_cuda else 200
    parts = []
    for start in range(0, rows.shape[1], part):
        own = slice(start, start + part)
        logits = _forward(parameters, _pictures(table, rows[:, own])) + allowed
        parts.append(logits.argmax(dim=2) == right[:, own])
    return torch.cat(parts, dim=1).cpu().numpy()


def _start(tasks: list[Task], device: torch.device) -> tuple[dict[str, Tensor], Tensor]:
    """Initial parameters (models, …), padded to all classes, and what is added to the logits."""
    states = []
    for task in tasks:
        state = dict(convolutional(1, WIDTH, task.n_labels, task.seed).state_dict())
        missing = CLASSES - task.n_labels
        state["head.weight"] = functional.pad(state["head.weight"], (0, 0, 0, missing))
        state["head.bias"] = functional.pad(state["head.bias"], (0, missing))
        states.append(state)
    parameters = {
        name: torch.stack([state[name] for state in states]).to(device).requires_grad_()
        for name in states[0]
    }
    allowed = torch.zeros(len(tasks), 1, CLASSES)
    for place, task in enumerate(tasks):
        allowed[place, :, task.n_labels :] = NEVER
    return parameters, allowed.to(device)


def _pictures(table: Tensor, rows: Tensor) -> Tensor:
    """(models, 1, batch, 28, 28) in [0, 1]: channels before the batch, see `as_products`."""
    return (table[rows].float() / 255).unflatten(2, (28, 28))[:, None]


def _forward(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
    """Logits (models, batch, classes)."""
    for place in (0, 3, 6):
        x = _convolved(x, parameters[f"body.{place}.weight"], parameters[f"body.{place}.bias"])
        models = x.shape[0]
        x = functional.max_pool2d(functional.relu(x).flatten(0, 1), 2).unflatten(0, (models, -1))
    x = x.transpose(1, 2).flatten(2)  # (models, batch, channels x 9)
    x = _linear(x, parameters["body.10.weight"], parameters["body.10.bias"])
    return _linear(functional.relu(x), parameters["head.weight"], parameters["head.bias"])


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.baddbmm(bias[:, None], x, weight.transpose(1, 2))


def _convolved(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """3 x 3 convolution, padded; x (models, c, batch, h, w), weight (models, o, c, 3, 3)."""
    return as_products(x, weight, bias) if x.is_cuda else one_by_one(x, weight, bias)


def one_by_one(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve each model's batch in turn: the quickest on a processor."""
    return torch.stack([
        functional.conv2d(own.transpose(0, 1), kernel, shift, padding=1).transpose(0, 1)
        for own, kernel, shift in zip(x, weight, bias, strict=True)
    ])  # fmt: skip


def as_products(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve all at once, as one product of matrices a model: the quickest on a GPU."""
    height, width = x.shape[3:]
    padded = functional.pad(x, (1, 1, 1, 1))
    shifted = [
        padded[..., down : down + height, right : right + width]
        for down in range(3)
        for right in range(3)
    ]
    columns = torch.stack(shifted, dim=2).flatten(3).flatten(1, 2)  # (models, c 9, batch h w)
    product = torch.baddbmm(bias[:, :, None], weight.flatten(2), columns)
    return product.unflatten(2, x.shape[2:])
