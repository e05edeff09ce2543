"""Which layer of a model gives the embedding, and which one heatmaps explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from torch import Tensor, nn

from aggressors.errors import IntegrationError
from aggressors.sources.calls import (
    Call,
    as_copy,
    as_leaf,
    called_once,
    evaluating,
    every_module_called,
    untouched,
    watch,
)
from aggressors.sources.views import Found, Sight, View, find_map, maps_to_name

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True, slots=True)
class Layers:
    """Names of modules inside the model.

    Parameters
    ----------
    embedding : its input is the embedding; where `pooled`, its output averaged over the positions.
    pooled : the model has no linear layer, so `embedding` is its last convolution.
    heatmap : its output is explained, as `view` sees it; without one, `reason` says why.
    """

    embedding: str
    pooled: bool
    heatmap: str | None
    view: View | None = None
    reason: str = ""


def find_layers(
    model: nn.Module,
    inputs: Tensor,
    embedding: str | None = None,
    heatmap: str | None = None,
    *,
    gradients: bool = True,
) -> Layers:
    """Pick the layers by watching one forward pass; given names are only checked.

    The embedding is the input of the last linear layer that is called, else the pooled output of
    the last convolution. How the heatmap layer is found says `views.find_map`.

    Parameters
    ----------
    model : in evaluation mode.
    inputs : (n, ...) a small batch on the model's device.
    gradients : whether heatmaps need the outputs' gradient at their layer.

    Raises
    ------
    IntegrationError : a name is unknown, never called or has no map; or no layer gives an
        embedding.
    """
    calls = watch(model, inputs)
    if embedding is not None:
        _must_be_called(embedding, "embedding_layer", model, calls)
        chosen, pooled = embedding, False
    else:
        chosen, pooled = _last_linear(calls)
    found = _heatmap_layer(model, inputs, heatmap, gradients)
    return Layers(chosen, pooled, found.layer, found.view, found.reason)


def _heatmap_layer(model: nn.Module, inputs: Tensor, named: str | None, gradients: bool) -> Found:
    """Check the named layer, or choose one; see `find_layers`."""
    if inputs.ndim != 4:
        if named is None:
            shape = tuple(inputs.shape[1:])
            return Found(reason=f"The inputs, of shape {shape} each, are no images.")
        raise IntegrationError(
            f"heatmap_layer={named!r} needs inputs (channels, height, width); those of this model "
            f"have the shape {tuple(inputs.shape[1:])}. Leave it out."
        )
    with every_module_called():
        calls = watch(model, inputs)
    sight = Sight(calls, len(inputs), (inputs.shape[2], inputs.shape[3]))
    best = find_map(sight)
    found = best if named is None else _named_map(model, sight, best, named)
    if found.layer is None or not gradients:
        return found
    problem = _gradient_problem(model, found.layer, inputs)
    if problem and named is not None:
        raise IntegrationError(f"heatmap_layer={named!r}: {problem}")
    return Found(reason=problem) if problem else found


def _named_map(model: nn.Module, sight: Sight, best: Found, named: str) -> Found:
    offered = maps_to_name(sight, best)
    _must_be_called(named, "heatmap_layer", model, sight.calls, offered)
    if not called_once(sight.calls, named):
        raise IntegrationError(
            f"heatmap_layer={named!r} is called more than once in a forward pass. Name a module "
            f"that is called once, such as one that contains it. {offered}"
        )
    (call,) = (call for call in sight.calls if call.name == named)
    view = sight.view(call)
    if view is None:
        what = f"has the shape {call.shape}" if call.shape else "is no tensor"
        raise IntegrationError(
            f"heatmap_layer={named!r} has no map of the image: its output {what}. {offered}"
        )
    return Found(named, view)


def _gradient_problem(model: nn.Module, layer: str, inputs: Tensor) -> str:
    """Say in a sentence why no gradient of the outputs reaches a layer; '' where one does."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, args: object, output: Tensor) -> Tensor:
        kept.append(as_leaf(module, args, output))
        return as_copy(module, args, kept[-1])

    handle = model.get_submodule(layer).register_forward_hook(keep)
    why = "they do not depend on it"
    try:
        with evaluating(model), untouched(model), every_module_called(), torch.enable_grad():
            outputs = model(inputs)
            outputs = getattr(outputs, "logits", outputs)
            if not isinstance(outputs, Tensor):
                return ""  # said with the outputs, which are wrong for more than heatmaps
            (gradient,) = torch.autograd.grad(outputs.float().sum(), kept, allow_unused=True)
            if gradient is not None:
                return ""
    except RuntimeError as error:
        why = str(error).splitlines()[0].rstrip(".")
    finally:
        handle.remove()
    return (
        f"No gradient of the outputs reaches layer {layer!r} ({why}). Name another heatmap_layer, "
        'or set heatmap_method = "eigencam", which needs none.'
    )


def check_spaces(model: nn.Module, inputs: Tensor, layers: Mapping[str, str]) -> None:
    """Require that one forward pass calls the module of each further space.

    Raises
    ------
    IntegrationError : a module is unknown or never called.
    """
    calls = watch(model, inputs) if layers else []
    for name, layer in sorted(layers.items()):
        _must_be_called(layer, f"spaces[{name!r}]", model, calls)


def _must_be_called(
    name: str, part: str, model: nn.Module, calls: Sequence[Call], offered: str = ""
) -> None:
    """Require that a pass calls the module of this name; `offered` says which would do."""
    names = [known for known, _ in model.named_modules() if known]
    if name not in names:
        near = get_close_matches(name, names, n=1, cutoff=0.3)
        hint = f"the nearest is {near[0]!r}" if near else f"it has {names[:10]}"
        raise IntegrationError(
            f"{part}={name!r} is no module of the model; {hint}. {offered}".rstrip()
        )
    if name not in {call.name for call in calls}:
        advice = offered or f"Name one that it calls, such as {calls[-1].name!r}."
        raise IntegrationError(
            f"{part}={name!r} is a module of the model, but its forward pass never calls it. "
            f"{advice}"
        )


def _last_linear(calls: Sequence[Call]) -> tuple[str, bool]:
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
