"""Grad-CAM through the grad-cam package, kept from what that package does to a model.

Selvaraju et al. 2017: the channels of a feature map, weighted by the mean gradient of a target with
respect to them, summed, and cut off below zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAM
from torch import Tensor, nn

from aggressors.sources.devices import out_of_memory
from aggressors.sources.layers import evaluating, every_module_called, grid_of
from aggressors.stages.infer import logits

Floats = NDArray[np.float32]


def grad_cam(model: nn.Module, layer: str, inputs: Tensor, targets: Sequence[int] | None) -> Floats:
    """Explain one output of each sample at the resolution of a layer.

    The model is left as it was: modes, gradients, `requires_grad` and hooks.

    Parameters
    ----------
    model : on the device on which it runs.
    layer : name of the module whose output is explained.
    inputs : (n, c, h, w); runs in as many passes as memory needs.
    targets : index of the output to explain, per sample; None for the one output of a regression.

    Returns
    -------
    (n, rows, columns) float32 of 0 or more, in units of output, not scaled.
    """
    try:
        with evaluating(model), _untouched(model), every_module_called(), torch.enable_grad():
            return _maps(_Logits(model), model.get_submodule(layer), inputs, targets)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error) or len(inputs) == 1:
            raise
    half = len(inputs) // 2
    parts = [
        grad_cam(model, layer, inputs[part], None if targets is None else targets[part])
        for part in (slice(None, half), slice(half, None))
    ]
    return np.concatenate(parts)


class _Logits(nn.Module):
    """The user's model, with a tensor as its result."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Any:
        return logits(self.model(inputs))


class _Unscaled(GradCAM):  # type: ignore[misc]
    """Keeps the map before the package cuts, scales and enlarges it, which loses its magnitude."""

    unscaled: Floats

    def get_cam_image(self, *args: Any, **kwargs: Any) -> Any:
        self.unscaled = super().get_cam_image(*args, **kwargs)
        return self.unscaled


def _maps(
    model: nn.Module, layer: nn.Module, inputs: Tensor, targets: Sequence[int] | None
) -> Floats:
    # The backward pass ends at this leaf: nothing before it is differentiated.
    leaf = layer.register_forward_hook(lambda _, __, output: output.detach().requires_grad_())
    cam = _Unscaled(model, [layer], _as_map)
    # What follows gets a copy, so that an in-place activation cannot change the stored map.
    copy = layer.register_forward_hook(lambda _, __, output: output.clone())
    try:
        wanted = [_Output(0)] * len(inputs) if targets is None else [_Output(k) for k in targets]
        cam(input_tensor=inputs, targets=wanted)  # not `with cam`: that swallows IndexError
        return np.maximum(cam.unscaled, 0).astype(np.float32)
    finally:
        cam.activations_and_grads.release()
        leaf.remove()
        copy.remove()


class _Output:
    """One output of a sample, as the package asks for it."""

    def __init__(self, index: int) -> None:
        self.index = index

    def __call__(self, output: Tensor) -> Tensor:
        return output.reshape(-1)[self.index]


def _as_map(values: Tensor) -> Tensor:
    """Turn tokens (n, t, c) of a square grid of patches into (n, c, side, side); maps stay."""
    values = values.float()  # numpy, which the package uses, has no bfloat16
    if values.ndim != 3:
        return values
    grid = grid_of(values.shape[1])
    if grid is None:
        raise ValueError(f"{values.shape[1]} tokens are no square grid of patches")
    side, leading = grid
    patches = values[:, leading:].reshape(len(values), side, side, -1)
    return patches.permute(0, 3, 1, 2)


@contextmanager
def _untouched(model: nn.Module) -> Iterator[None]:
    """Freeze the parameters meanwhile; the package clears gradients, which are put back."""
    before = [(value, value.requires_grad, value.grad) for value in model.parameters()]
    for value, _, _ in before:
        value.requires_grad_(False)
    try:
        yield
    finally:
        for value, required, gradient in before:
            value.requires_grad_(required)
            value.grad = gradient
