"""Further latent spaces of a model: outputs of its modules, and a user's own encoders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aggressors.errors import AggressorsError, IntegrationError
from aggressors.sources.calls import evaluating
from aggressors.sources.devices import device_of, out_of_memory

Encoder = Callable[[Tensor], Any]
Spaces = Mapping[str, str | Encoder]


@contextmanager
def watching(model: nn.Module, spaces: Spaces, caught: dict[str, Tensor]) -> Iterator[None]:
    """Put what the named modules return into `caught`, by space, one vector a sample."""

    def keep(name: str) -> Any:
        def hook(module: nn.Module, _: Any, output: Any) -> None:
            caught[name] = _vectors(name, module, output)

        return hook

    with ExitStack() as hooks:
        for name, layer in spaces.items():
            if isinstance(layer, str):
                handle = model.get_submodule(layer).register_forward_hook(keep(name))
                hooks.callback(handle.remove)
        yield


def encoded(spaces: Spaces, inputs: Tensor) -> dict[str, Tensor]:
    """Ask the encoders among the spaces; a module in evaluation mode, on its own device.

    Parameters
    ----------
    inputs : (n, ...) on the model's device.

    Raises
    ------
    IntegrationError : an encoder raises, or returns no numbers.
    """
    return {
        name: _encode(name, encoder, inputs)
        for name, encoder in spaces.items()
        if not isinstance(encoder, str)
    }


def checked(spaces: Spaces, vectors: Mapping[str, Tensor], n: int) -> None:
    """Require one vector a sample of each of the `spaces`.

    Raises
    ------
    IntegrationError : a space is missing or has another shape.
    """
    for name, origin in spaces.items():
        if name not in vectors:
            raise IntegrationError(
                f"Module {origin!r} of space {name!r} was not called in this batch. Name one that "
                "every batch goes through."
            )
        found = vectors[name]
        if found.ndim != 2 or len(found) != n or found.shape[1] < 1:
            raise IntegrationError(
                f"Space {name!r} must give one vector a sample, shape ({n}, d); got "
                f"{tuple(found.shape)}. Name another module, or correct the encoder."
            )


def _encode(name: str, encoder: Encoder, inputs: Tensor) -> Tensor:
    try:
        if isinstance(encoder, nn.Module):
            with evaluating(encoder):
                return _vectors(name, encoder, encoder(inputs.to(device_of(encoder))))
        found = encoder(inputs)
        return found if isinstance(found, Tensor) else torch.from_numpy(np.array(found, np.float32))
    except AggressorsError:
        raise
    except Exception as error:
        if out_of_memory(error):
            raise
        raise IntegrationError(
            f"The encoder of space {name!r} raised {type(error).__name__}: {error}. Correct it; it "
            "takes a batch of inputs and returns one vector a sample."
        ) from error


def _vectors(name: str, module: nn.Module, output: Any) -> Tensor:
    """(n, d) from (n, d), tokens (n, t, d) or a map (n, d, ...), averaged over its positions."""
    while isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, Tensor) or output.ndim < 2:
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise IntegrationError(
            f"The module of space {name!r} must return a tensor of one vector a sample, with "
            f"positions if any; got {got}. Name another module."
        )
    if output.ndim == 2:
        return output.clone()  # a later in-place layer must not change it
    if _features_last(module, output):
        return output.flatten(1, -2).mean(dim=1)
    return output.flatten(2).mean(dim=2)


def _features_last(module: nn.Module, output: Tensor) -> bool:
    """Whether a module returns tokens (n, ..., d) rather than a map (n, d, ...).

    The last of its parts whose width is that of either axis tells; without one, three axes are
    tokens.
    """
    for part in reversed(list(module.modules())):
        if isinstance(part, nn.Linear | nn.LayerNorm | nn.MultiheadAttention):
            if _width(part) == output.shape[-1]:
                return True
        elif _width(part) == output.shape[1]:
            return False
    return output.ndim == 3


def _width(part: nn.Module) -> int | None:
    """How many features a layer gives; None where it does not say."""
    shape = getattr(part, "normalized_shape", None)
    if shape:
        return int(shape[-1])
    names = ("out_features", "embed_dim", "out_channels", "num_features", "num_channels")
    widths = (getattr(part, name, None) for name in names)
    return next((width for width in widths if isinstance(width, int)), None)
