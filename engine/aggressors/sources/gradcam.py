"""Class activation maps through the grad-cam package, kept from what it does to a model.

A feature map's channels, weighted by how a class depends on them, summed, and cut off below zero:

- grad-cam: by the mean gradient (Selvaraju et al. 2017);
- grad-cam++: by a mean of positive gradients that favours small parts (Chattopadhay et al. 2018);
- hirescam: each cell by its own gradient (Draelos and Carin 2020);
- eigencam: the first principal component, whatever the class (Muhammad and Yeasin 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import EigenCAM, GradCAM, GradCAMPlusPlus, HiResCAM
from torch import Tensor, nn

from aggressors.sources.calls import as_copy, as_leaf, evaluating, every_module_called, untouched
from aggressors.sources.devices import device_of, out_of_memory
from aggressors.sources.views import View
from aggressors.stages.infer import logits

Floats = NDArray[np.float32]
Targets = Sequence[Sequence[int]]


def class_maps(
    model: nn.Module,
    layer: str,
    view: View,
    inputs: Tensor,
    targets: Targets | None,
    method: str = "grad-cam",
) -> Floats:
    """Explain outputs of each sample at the resolution of a layer.

    The model is left as it was: modes, gradients, `requires_grad` and hooks.

    Parameters
    ----------
    model : on the device on which it runs.
    layer : name of the module whose output is explained.
    view : how that output lies over the image.
    inputs : (n, c, h, w); runs in as many passes as memory needs.
    targets : indices of m outputs to explain, per sample; None for the one output of a regression.
    method : one of `contracts.HEATMAP_METHODS`.

    Returns
    -------
    (n, m, rows, columns) float32 of 0 or more, in units of output, not scaled; for eigencam, which
    knows no class, m times the same, in units of activation.
    """
    try:
        with evaluating(model), untouched(model), every_module_called(), torch.enable_grad():
            return _maps(model, model.get_submodule(layer), view, inputs, targets, method)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error) or len(inputs) == 1:
            raise
    half = len(inputs) // 2
    parts = [
        class_maps(model, layer, view, inputs[part], targets and targets[part], method)
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


class _SignedEigenCAM(EigenCAM):  # type: ignore[misc]
    """EigenCAM that is high where activations stand out, and takes a thin decomposition.

    The package leaves the sign of its map to chance, and makes every singular vector for the first.
    The sign is as in Chung and Ying 2025, eq. 13, which the package has as a function of its own.
    """

    def get_cam_image(self, *given: Any) -> Floats:
        activations = given[3]
        n, channels, rows, columns = activations.shape
        cells = activations.reshape(n, channels, rows * columns).transpose(0, 2, 1)
        cells = cells - cells.mean(axis=1, keepdims=True)
        left, values, _ = np.linalg.svd(cells, full_matrices=False)
        first = left[:, :, 0] * values[:, :1]  # (n, cells)
        flipped = np.abs(first.min(axis=1)) > np.abs(first.max(axis=1))
        first[flipped] *= -1
        return np.asarray(first.reshape(n, rows, columns), dtype=np.float32)


_METHODS = {
    "grad-cam": GradCAM,
    "grad-cam++": GradCAMPlusPlus,
    "hirescam": HiResCAM,
    "eigencam": _SignedEigenCAM,
}


def _maps(
    model: nn.Module,
    layer: nn.Module,
    view: View,
    inputs: Tensor,
    targets: Targets | None,
    method: str,
) -> Floats:
    """Run the model once, and go back from each of the m outputs of a sample to the layer."""
    with ExitStack() as hooks:  # not `with cam`: that swallows IndexError
        hooks.callback(layer.register_forward_hook(as_leaf).remove)
        cam = _METHODS[method](_Logits(model), [layer], view.as_map)
        kept = cam.activations_and_grads
        hooks.callback(kept.release)
        hooks.callback(layer.register_forward_hook(as_copy).remove)
        outputs = kept(inputs.to(device_of(model))).float()
        outputs = outputs.reshape(len(inputs), -1)
        columns = [[0] * len(inputs)] if targets is None else list(zip(*targets, strict=True))
        activations = _sound(kept.activations[0].numpy())
        return np.stack([_map(cam, outputs, codes, activations) for codes in columns], axis=1)


def _sound(activations: Floats) -> Floats:
    """Empty what the layer makes of a sample where some of it is no number: of it nothing is said.

    A principal component of one such sample would end the whole batch.
    """
    broken = np.asarray(~np.isfinite(activations).all(axis=(1, 2, 3)))
    return np.where(broken[:, None, None, None], 0, activations) if broken.any() else activations


def _map(cam: Any, outputs: Tensor, codes: Sequence[int], activations: Floats) -> Floats:
    """(n, rows, columns) of one output a sample; the package's own call would also enlarge it."""
    kept, gradients = cam.activations_and_grads, None
    if cam.uses_gradients:
        kept.gradients = []
        outputs[range(len(outputs)), list(codes)].sum().backward(retain_graph=True)  # type: ignore[no-untyped-call]
        gradients = kept.gradients[0].numpy()
    # Grad-CAM++ divides by what may cancel out, with activations below zero.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = cam.get_cam_image(outputs, None, codes, activations, gradients, False)
    found = np.nan_to_num(np.maximum(found, 0), nan=0.0, posinf=0.0)
    return np.asarray(found, dtype=np.float32)
