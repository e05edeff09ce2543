"""Which modules a model calls, in which order, and what they return."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Call:
    """One finished call of a module in a forward pass."""

    name: str
    module: nn.Module
    shape: tuple[int, ...]  # of the output; () where it is no tensor


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Switch the model to evaluation mode, and each module back to what it was."""
    before = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training


@contextmanager
def every_module_called() -> Iterator[None]:
    """Keep transformer layers from a fused path that would skip the modules inside them."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Freeze the parameters meanwhile, and put their gradients back as they were."""
    before = [(value, value.requires_grad, value.grad) for value in model.parameters()]
    for value, _, _ in before:
        value.requires_grad_(False)
    try:
        yield
    finally:
        for value, required, gradient in before:
            value.requires_grad_(required)
            value.grad = gradient


def watch(model: nn.Module, inputs: Tensor) -> list[Call]:
    """List the calls of the model's modules in the order in which they end."""
    calls: list[Call] = []

    def note(name: str) -> Any:
        def hook(module: nn.Module, _: Any, output: Any) -> None:
            shape = tuple(output.shape) if isinstance(output, Tensor) else ()
            calls.append(Call(name, module, shape))

        return hook

    handles = [
        module.register_forward_hook(note(name)) for name, module in model.named_modules() if name
    ]
    try:
        with torch.inference_mode():
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def called_once(calls: Sequence[Call], name: str) -> bool:
    """Tell whether a module is called exactly once in a forward pass."""
    return sum(call.name == name for call in calls) == 1


def as_leaf(_: nn.Module, __: Any, output: Tensor) -> Tensor:
    """End the backward pass at this output, as a hook: nothing before it is differentiated."""
    return output.detach().requires_grad_()


def as_copy(_: nn.Module, __: Any, output: Tensor) -> Tensor:
    """Hand on a copy, as a hook, so that an in-place activation cannot change what was kept."""
    with torch.enable_grad():  # the model may run this part without
        return output.clone()
