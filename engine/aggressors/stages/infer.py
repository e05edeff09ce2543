"""One forward pass a batch: prediction, loss, metrics, embedding and further spaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from aggressors.contracts import CONFIDENCE_GAP
from aggressors.errors import IntegrationError
from aggressors.sources.devices import device_of, out_of_memory
from aggressors.sources.encoders import Spaces, checked, encoded, watching
from aggressors.sources.layers import Layers
from aggressors.stats.evidence import confidence_gap

PerSample = Callable[[Tensor, Tensor], Tensor]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the model says of n samples.

    `prediction` is (n,) int64 class codes, or float64 numbers for regression; `confidence` (n,) and
    `probabilities` (n, k) float32, None for regression; `embedding` and each of `spaces` (n, d)
    float32; `loss` and each of `metrics` (n,) float64, or None without targets; a classification
    has the metric `confidence_gap` beside the user's.
    """

    outputs: Tensor
    prediction: NDArray[np.generic]
    confidence: NDArray[np.float32] | None
    probabilities: NDArray[np.float32] | None
    embedding: NDArray[np.float32]
    spaces: Mapping[str, NDArray[np.float32]]
    loss: Floats | None
    metrics: Mapping[str, Floats]


@dataclass(slots=True)
class Network:
    """A model and how to read it; `most` falls when memory runs out.

    Parameters
    ----------
    model : in evaluation mode during `infer`.
    task : classification or regression.
    classes : names in the order of the outputs; empty for regression.
    layers : where the embedding is.
    loss : (outputs (n, k), targets (n,)) -> (n,); None for cross-entropy or squared error.
    metrics : more of the kind of `loss`.
    spaces : name of a module, or an encoder of inputs, by name of a further space.
    most : most samples in one forward pass.
    """

    model: nn.Module
    task: str
    classes: tuple[str, ...]
    layers: Layers
    loss: PerSample | None = None
    metrics: Mapping[str, PerSample] = field(default_factory=dict)
    spaces: Spaces = field(default_factory=dict)
    most: int = 1 << 30

    @property
    def device(self) -> torch.device:
        """Where the model's parameters are."""
        return device_of(self.model)


def infer(network: Network, inputs: Tensor, targets: Tensor | None) -> Outcome:
    """Run one batch.

    Parameters
    ----------
    network : the model.
    inputs : (n, ...) what the model takes.
    targets : (n,) int64 class codes, or float32 numbers for regression; None where unlabeled.

    Raises
    ------
    IntegrationError : outputs, loss, embedding or a further space have the wrong shape.
    """
    with torch.inference_mode():
        outputs, embedding, spaces = _forward(network, inputs)
        outputs = _shaped(network, outputs, len(inputs))
        measured: dict[str, Floats] = {}
        if targets is not None:
            targets = targets.to(outputs.device)
            functions = {"loss": network.loss or default_loss(network.task), **network.metrics}
            for name, function in functions.items():
                measured[name] = per_sample(name, function, outputs, targets)
        loss = measured.pop("loss", None)
        if network.task == "regression":
            predicted = outputs.double().cpu().numpy()
            return Outcome(outputs, predicted, None, None, embedding, spaces, loss, measured)
        softmax = functional.softmax(outputs, dim=1)
        confidence, code = softmax.max(dim=1)
        probabilities = softmax.cpu().numpy()
        if targets is not None:
            measured[CONFIDENCE_GAP] = confidence_gap(probabilities, targets.cpu().numpy())
        return Outcome(
            outputs,
            code.cpu().numpy(),
            confidence.cpu().numpy(),
            probabilities,
            embedding,
            spaces,
            loss,
            measured,
        )


def default_loss(task: str) -> PerSample:
    """Cross-entropy in nats, or squared error, of each sample."""
    return _squared_error if task == "regression" else _cross_entropy


def _cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs, targets, reduction="none")


def _squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets) ** 2


def per_sample(name: str, function: PerSample, outputs: Tensor, targets: Tensor) -> Floats:
    """Call a loss or metric and check that it gives one number a sample.

    Raises
    ------
    IntegrationError : it does not.
    """
    values = function(outputs, targets)
    shape = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
    if shape == (len(outputs), 1):
        values = values[:, 0]
    elif shape != (len(outputs),):
        part = "The loss" if name == "loss" else f"Metric {name!r}"
        raise IntegrationError(
            f"{part} must return one number a sample, shape ({len(outputs)},); got {shape}. "
            "Ask it not to average (reduction='none')."
        )
    return values.double().cpu().numpy()


# --- The pass ---


def _forward(
    network: Network, inputs: Tensor
) -> tuple[Any, NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Give outputs, embedding and further spaces, in as many passes as memory needs."""
    parts: list[tuple[Any, Tensor, dict[str, Tensor]]] = []
    start = 0
    while start < len(inputs):
        piece = inputs[start : start + network.most]
        try:
            parts.append(_pass(network, piece))
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or len(piece) == 1:
                raise
            network.most = (len(piece) + 1) // 2
            torch.cuda.empty_cache()  # does nothing where there is no such device
            continue
        start += len(piece)
    outputs, embeddings, further = zip(*parts, strict=True)
    spaces = {name: _array([each[name] for each in further]) for name in sorted(network.spaces)}
    return _joined(outputs), _array(embeddings), spaces


def _array(parts: Sequence[Tensor]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = _joined(parts).float().cpu().numpy()
    return found


def _joined(parts: Sequence[Any]) -> Any:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _pass(network: Network, inputs: Tensor) -> tuple[Any, Tensor, dict[str, Tensor]]:
    caught: list[Tensor] = []
    further: dict[str, Tensor] = {}
    layers, n = network.layers, len(inputs)

    def keep(_: nn.Module, __: Any, output: Tensor) -> None:
        caught.append(_pooled(output, n, layers))

    def keep_input(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        caught.append(_pooled(args[0], n, layers))

    layer = network.model.get_submodule(layers.embedding)
    if layers.pooled:
        handle = layer.register_forward_hook(keep)
    else:
        handle = layer.register_forward_pre_hook(keep_input)
    inputs = inputs.to(network.device)
    try:
        with watching(network.model, network.spaces, further):
            outputs = network.model(inputs)
    finally:
        handle.remove()
    further |= encoded(network.spaces, inputs)
    checked(network.spaces, further, n)
    return logits(outputs), caught[-1], further


def logits(outputs: Any) -> Any:
    """Take the tensor out of a named result, as some libraries return it."""
    return getattr(outputs, "logits", outputs)


def _pooled(values: Tensor, n: int, layers: Layers) -> Tensor:
    """(n, d) from (n, d), tokens (n, t, d) or a map (n, d, ...), averaged over its positions."""
    if len(values) != n:
        raise IntegrationError(
            f"The embedding at {layers.embedding!r} has {len(values)} rows for {n} samples. "
            "Set embedding_layer to a module that sees one row a sample."
        )
    if values.ndim == 3 and not layers.pooled:
        return values.mean(dim=1)
    if values.ndim > 2:
        return values.flatten(2).mean(dim=2)
    return values.reshape(n, -1).clone()  # a later in-place layer must not change it


def _shaped(network: Network, outputs: Any, n: int) -> Tensor:
    """Check the outputs; (n, k) float32 for k classes, (n,) for regression."""
    k = len(network.classes)
    wanted = f"({n},) or ({n}, 1)" if network.task == "regression" else f"({n}, {k})"
    if not isinstance(outputs, Tensor):
        raise IntegrationError(
            f"The model must return a tensor {wanted}; got {type(outputs).__name__}. "
            "Wrap the model so that it returns its outputs alone."
        )
    shape = tuple(outputs.shape)
    if network.task == "regression":
        if shape not in ((n,), (n, 1)):
            raise IntegrationError(
                f"The model must return one number a sample, shape {wanted}; got {shape}. "
                "Wrap the model, or set task='classification'."
            )
        return outputs.reshape(n).float()
    if shape != (n, k):
        raise IntegrationError(
            f"The model must return one output a class, shape {wanted} for {k} classes; got "
            f"{shape}. Correct `classes`, or wrap the model."
        )
    return outputs.float()
