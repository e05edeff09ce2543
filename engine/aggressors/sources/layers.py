"""Which layer of a model gives the embedding, and which one heatmaps explain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from aggressors.errors import IntegrationError

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True, slots=True)
class Layers:
    """Names of modules inside the model.

    Parameters
    ----------
    embedding : its input is the embedding; where `pooled`, its output averaged over the positions.
    pooled : the model has no linear layer, so `embedding` is its last convolution.
    heatmap : its output is explained; None where the model has no map of the image.
    """

    embedding: str
    pooled: bool
    heatmap: str | None


@dataclass(frozen=True, slots=True)
class _Call:
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


def find_layers(
    model: nn.Module, inputs: Tensor, embedding: str | None = None, heatmap: str | None = None
) -> Layers:
    """Pick the layers by watching one forward pass; given names are only checked.

    The embedding is the input of the last linear layer that is called, else the pooled output of
    the last convolution. The heatmap layer is the last feature map that has the resolution of the
    last two-dimensional convolution, so that the normalisation and activation after it count; for
    a vision transformer it is the first normalisation of its last block, because behind that block
    only the class token matters and the patches have no gradient.

    Parameters
    ----------
    model : in evaluation mode.
    inputs : (n, ...) a small batch on the model's device.

    Raises
    ------
    IntegrationError : a name is unknown or never called; or no layer gives an embedding.
    """
    calls = _watch(model, inputs)
    if embedding is not None:
        _must_be_called(embedding, "embedding_layer", model, calls)
        chosen, pooled = embedding, False
    else:
        chosen, pooled = _last_linear(calls)
    if heatmap is not None:
        with every_module_called():
            seen = _watch(model, inputs)
        _must_be_called(heatmap, "heatmap_layer", model, seen)
        if not _once(seen, heatmap):
            raise IntegrationError(
                f"heatmap_layer={heatmap!r} is called more than once in a forward pass. Name a "
                "module that is called once, such as one that contains it."
            )
    elif inputs.ndim == 4:
        with every_module_called():
            heatmap = _map_layer(_watch(model, inputs), len(inputs))
    return Layers(chosen, pooled, heatmap)


def check_spaces(model: nn.Module, inputs: Tensor, layers: Mapping[str, str]) -> None:
    """Require that one forward pass calls the module of each further space.

    Raises
    ------
    IntegrationError : a module is unknown or never called.
    """
    calls = _watch(model, inputs) if layers else []
    for name, layer in sorted(layers.items()):
        _must_be_called(layer, f"spaces[{name!r}]", model, calls)


def _watch(model: nn.Module, inputs: Tensor) -> list[_Call]:
    """List the calls of the model's modules in the order in which they end."""
    calls: list[_Call] = []

    def note(name: str) -> Any:
        def hook(module: nn.Module, _: Any, output: Any) -> None:
            shape = tuple(output.shape) if isinstance(output, Tensor) else ()
            calls.append(_Call(name, module, shape))

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


def _must_be_called(name: str, part: str, model: nn.Module, calls: Sequence[_Call]) -> None:
    names = [known for known, _ in model.named_modules() if known]
    if name not in names:
        near = get_close_matches(name, names, n=1, cutoff=0.3)
        hint = f"the nearest is {near[0]!r}" if near else f"it has {names[:10]}"
        raise IntegrationError(f"{part}={name!r} is no module of the model; {hint}.")
    if name not in {call.name for call in calls}:
        raise IntegrationError(
            f"{part}={name!r} is a module of the model, but its forward pass never calls it. "
            f"Name one that it calls, such as {calls[-1].name!r}."
        )


def _last_linear(calls: Sequence[_Call]) -> tuple[str, bool]:
    for call in reversed(calls):
        if isinstance(call.module, nn.Linear):
            return call.name, False
    for call in reversed(calls):
        if isinstance(call.module, _CONVOLUTIONS):
            return call.name, True
    raise IntegrationError(
        "The model calls no Linear and no convolution, so its embedding cannot be told. "
        "Set embedding_layer to the name of the module whose input is the embedding."
    )


def _map_layer(calls: Sequence[_Call], n: int) -> str | None:
    """Whichever comes later: the map of the last convolution, or that of the last block."""
    maps = [place for place in (_last_map(calls), _last_block(calls, n)) if place is not None]
    return calls[max(maps)].name if maps else None


def _last_map(calls: Sequence[_Call]) -> int | None:
    """Where the last feature map of the last convolution's resolution is called."""
    for place in range(len(calls) - 1, -1, -1):
        size = calls[place].shape[2:]
        if not isinstance(calls[place].module, nn.Conv2d) or len(size) != 2 or min(size) < 2:
            continue
        for later in range(len(calls) - 1, place - 1, -1):
            shape = calls[later].shape
            if len(shape) == 4 and shape[2:] == size and _once(calls, calls[later].name):
                return later
    return None


def _last_block(calls: Sequence[_Call], n: int) -> int | None:
    """Where the first normalisation of patches in the last transformer block is called."""
    blocks = [call.name for call in calls if _has_attention(call.module)]
    if not blocks:
        return None
    for place, call in enumerate(calls):
        inside = call.name.startswith(f"{blocks[-1]}.") and isinstance(call.module, nn.LayerNorm)
        if inside and len(call.shape) == 3 and call.shape[0] == n and grid_of(call.shape[1]):
            return place
    return None


def _once(calls: Sequence[_Call], name: str) -> bool:
    return sum(call.name == name for call in calls) == 1


def _has_attention(module: nn.Module) -> bool:
    return any("attention" in type(child).__name__.lower() for child in module.children())


def grid_of(tokens: int) -> tuple[int, int] | None:
    """Tell (side, leading tokens) of a square grid of patches behind at most 5 other tokens."""
    for leading in range(6):
        side = isqrt(max(tokens - leading, 0))
        if side >= 2 and side * side == tokens - leading:
            return side, leading
    return None
