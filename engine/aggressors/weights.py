"""Load model weights without executing code from the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, TypeVar

from aggressors.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

    Module = TypeVar("Module", bound=nn.Module)

_LISTED = 5  # differences named in a message


def load_weights(module: Module, path: str | Path) -> Module:
    """Fill a module's parameters and buffers from a file, and return the module.

    Parameters
    ----------
    module : the model, built with the sizes that the file was saved with.
    path : `*.safetensors`, or what `torch.save(model.state_dict(), path)` wrote. A pickle that
        holds anything but tensors is refused, not executed.

    Raises
    ------
    InputError : the file is missing or unreadable, or its names or shapes are not the module's.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"There is no weights file {path}. Check the path, relative to {Path.cwd()}."
        )
    saved = _read(path)
    wanted = module.state_dict()
    differing = [
        f"{name} is {tuple(saved[name].shape)} in the file and {tuple(wanted[name].shape)} in the "
        "model"
        for name in wanted
        if name in saved and saved[name].shape != wanted[name].shape
    ]
    differing += [f"{name} is missing in the file" for name in wanted if name not in saved]
    differing += [f"{name} is not in the model" for name in saved if name not in wanted]
    if differing:
        more = len(differing) - _LISTED
        listed = "; ".join(differing[:_LISTED]) + (f"; and {more} more" if more > 0 else "")
        raise InputError(
            f"The weights in {path.name} do not fit {type(module).__name__}: {listed}. "
            "Build the model with the sizes that it was saved with."
        )
    module.load_state_dict(saved)
    return module


def _read(path: Path) -> Mapping[str, Tensor]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = str(error).split(". ")[0].splitlines()[0]
        raise InputError(
            f"{path} cannot be read as weights ({type(error).__name__}: {reason}). "
            "Save model.state_dict() with safetensors.torch.save_file or torch.save."
        ) from error
    if isinstance(saved, Mapping) and all(
        isinstance(entry, torch.Tensor) for entry in saved.values()
    ):
        return saved
    raise InputError(
        f"{path} holds a {type(saved).__name__} that is no state_dict. Save model.state_dict()."
    )
