"""What a user's integration file declares, and how it is loaded and checked."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from aggressors.contracts import Settings
from aggressors.errors import AggressorsError, IntegrationError
from aggressors.template import TEMPLATE

if TYPE_CHECKING:
    import torch

    from aggressors.slicing.protocol import Slicer
    from aggressors.sources.parts import Report

# Idle OpenMP threads that spin make two threads slower than one on a busy machine. This is read
# when torch is loaded, which is here still to come.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = [
    "TEMPLATE",
    "Dataset",
    "Integration",
    "Sample",
    "check_integration",
    "load_integration",
]

MetadataValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One item of a dataset.

    Parameters
    ----------
    sample_id : stable id, unique over all populations, the same in every run.
    input : what the model takes, without the batch dimension.
    label : class name (classification) or number (regression); None where unlabeled.
    image : encoded bytes, a PIL image or a (H, W, 3) uint8 array; what a person sees.
    metadata : measured properties by name; None where missing.
    text : text of the sample, if it is one.
    weight : weight of the sample in means.
    group : samples of one group (patient, scene) stay in one half.
    """

    sample_id: str
    input: torch.Tensor
    label: str | float | None = None
    image: Any = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    text: str | None = None
    weight: float = 1.0
    group: str | None = None


class Dataset(Protocol):
    """A map-style dataset: a length, and samples by position.

    A run is known by its code, its model, and a spread of samples. Where others may change, give
    the dataset an attribute `version` (any text), which is then part of the run's identity.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...


@dataclass(frozen=True, slots=True)
class Integration:
    """A model, its datasets, and how to read them.

    Parameters
    ----------
    model : a torch module, or a function without arguments that returns one.
    datasets : map-style dataset of `Sample` by population; `validation` is required.
    classes : class names in the order of the model's outputs.
    model_name : label of the model on screen.
    task : classification or regression.
    loss : (outputs (n, k), targets (n,)) -> (n,) loss; default cross-entropy or squared error.
    metrics : further metrics by name, with the arguments of `loss`; the setting `signal` may name
        one in the place of the loss.
    metadata : further fields by name, each a function of the Sample.
    embedding_layer : module whose input is the embedding; default the last Linear.
    heatmap_layer : module whose output is explained; default the last feature map, or the patches
        of the last transformer block.
    spaces : further latent spaces in which groups are sought, by name: a module of the model, whose
        output is averaged over its positions, or a function (inputs (n, ...)) -> (n, d), such as
        your own encoder. A torch module counts by its weights, a function by its code.
    display : Sample -> image a person sees; default `Sample.image`.
    slicers : your own ways to propose groups, beside the built-in ones; see `Slicer`.
    code_digest : SHA-256 of the file and of the modules beside it; set by `load_integration`.
    """

    model: torch.nn.Module | Callable[[], torch.nn.Module]
    datasets: Mapping[str, Dataset]
    classes: Sequence[str] = ()
    model_name: str = "model"
    task: str = "classification"
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None
    metrics: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = field(
        default_factory=dict
    )
    metadata: Mapping[str, Callable[[Sample], MetadataValue]] = field(default_factory=dict)
    embedding_layer: str | None = None
    heatmap_layer: str | None = None
    spaces: Mapping[str, str | Callable[[torch.Tensor], Any]] = field(default_factory=dict)
    display: Callable[[Sample], Any] | None = None
    slicers: Sequence[Slicer] = ()
    code_digest: str = ""


def load_integration(path: str | Path) -> Integration:
    """Execute a user's integration file and return its `integration`.

    The file's folder is on `sys.path` meanwhile, so that it can import modules beside it.

    Parameters
    ----------
    path : a Python file that assigns an `Integration` to the name `integration`.

    Raises
    ------
    IntegrationError : there is no such file, it raises, or it has no `integration`.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise IntegrationError(
            f"There is no integration file {path}. `aggressors init {path.name}` writes one."
        )
    beside = _modules_beside(path)
    for name in beside:  # another folder's module of this name, or an older state of this one
        sys.modules.pop(name, None)
    module = _execute(path)
    found = getattr(module, "integration", None)
    if not isinstance(found, Integration):
        got = "nothing" if found is None else type(found).__name__
        raise IntegrationError(
            f"{path} must assign an Integration to the name 'integration'; got {got}. "
            "End the file with integration = Integration(model=..., datasets=...)."
        )
    return replace(found, code_digest=_code_digest([path, *beside.values()], path.parent))


def check_integration(integration: Integration, settings: Settings | None = None) -> Report:
    """Send one batch of each population through every function, and report on all parts at once.

    Parameters
    ----------
    integration : as loaded or built.
    settings : those of the run; default all defaults.
    """
    from aggressors.sources.checking import check

    report, _ = check(integration, settings or Settings())
    return report


def _execute(path: Path) -> ModuleType:
    name = f"aggressors_integration_{sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise IntegrationError(f"{path} is no Python file. Give it a name that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles defined in the file look it up
    try:
        with _importable(path.parent):
            spec.loader.exec_module(module)
    except AggressorsError:
        raise
    except SyntaxError as error:
        raise IntegrationError(
            f"{error.filename}, line {error.lineno}: {error.msg}. Correct the file."
        ) from error
    except Exception as error:
        raise IntegrationError(
            f"{_where(error, path)}: {type(error).__name__}: {error}. Correct the file."
        ) from error
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))


def _where(error: BaseException, path: Path) -> str:
    """File and line of the innermost frame in the user's folder."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(path.parent)]
    return f"{own[-1].filename}, line {own[-1].lineno}" if own else str(path)


def _modules_beside(path: Path) -> dict[str, Path]:
    """Modules of the file's own folder that it imports, directly or through one another."""
    found: dict[str, Path] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        for name in _imported_names(file):
            inside = path.parent.joinpath(*name.split("."))
            for candidate in (inside.with_suffix(".py"), inside / "__init__.py"):
                if name not in found and candidate.is_file() and candidate != path:
                    found[name] = candidate
                    waiting.append(candidate)
    return found


def _imported_names(file: Path) -> set[str]:
    """Names in the import statements of a file, with the packages that contain them."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return set()  # reported when the file is executed
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    parts = [name.split(".") for name in names]
    return {".".join(part[:depth]) for part in parts for depth in range(1, len(part) + 1)}


def _code_digest(files: Sequence[Path], folder: Path) -> str:
    """SHA-256 over the names and texts of the files."""
    digest = sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()
