"""Import the search of a published package without what only its pages and pictures need.

The packages are installed without their dependencies; what is stood in for takes no part in the
search. peers/README.md says what and why.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import numpy as np
from numpy.typing import NDArray

PRIVATE = (
    "_check_n_features",
    "_check_initial_parameters",
    "_print_verbose_msg_init_beg",
    "_print_verbose_msg_iter_end",
    "_print_verbose_msg_init_end",
)


def domino(module: str) -> ModuleType:
    """Import a module of `domino._slice`, past the package's own imports of pictures and text.

    Domino 0.1.5 uses private helpers of scikit-learn 0.24 that check input and print progress.
    """
    from sklearn.mixture import _base

    _base._check_X = _checked
    _stand_in("meerkat")
    if "domino" not in sys.modules:
        _bare("domino")
    found = import_module(f"domino._slice.{module}")
    if module == "domino":
        for name in PRIVATE:
            setattr(found.DominoMixture, name, _nothing)
    return found


def sliceguard() -> type:
    """Import `SliceGuard`; its report page and its embedding models are stood in for."""
    for name in ("renumics", "renumics.spotlight", "renumics.spotlight.analysis"):
        _stand_in(name)
    for name in ("renumics.spotlight.analysis.typing", "datasets", "puremagic"):
        _stand_in(name)
    return import_module("sliceguard").SliceGuard


def _stand_in(name: str) -> None:
    sys.modules.setdefault(name, MagicMock(name=name, __spec__=None))


def _nothing(*given: object, **named: object) -> None:
    """Check and print nothing."""


def _bare(name: str) -> None:
    """Register a package without running its `__init__`."""
    origin = importlib.util.find_spec(name)
    if origin is None or origin.origin is None:
        raise ModuleNotFoundError(f"No module named {name!r}")
    package = ModuleType(name)
    package.__path__ = [str(Path(origin.origin).parent)]
    sys.modules[name] = package


def _checked(vectors: NDArray, *sizes: int | None, ensure_min_samples: int = 1) -> NDArray:
    return np.asarray(vectors, dtype=np.float64)
