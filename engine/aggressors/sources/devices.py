"""Where a model computes, and whether its memory was too small."""

from __future__ import annotations

import torch
from torch import nn


def device_of(model: nn.Module) -> torch.device:
    """Tell where the model's parameters are."""
    tensor = next(model.parameters(), None)
    return torch.device("cpu") if tensor is None else tensor.device


def out_of_memory(error: BaseException) -> bool:
    """Tell whether a smaller batch may help."""
    said = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        "out of memory" in said or "not enough memory" in said or "can't allocate memory" in said
    )
