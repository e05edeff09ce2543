"""What a stage is: Arrow tables in, Arrow tables out, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from aggressors.contracts import Settings

if TYPE_CHECKING:
    from aggressors.slicing.protocol import Slicer
    from aggressors.sources.torch_source import TorchSource

Tables = Mapping[str, pa.Table]
T = TypeVar("T")


def silent(items: Iterable[T], total: int, what: str) -> Iterable[T]:
    """Progress that shows nothing; the runner passes one that draws a bar."""
    return items


@dataclass(frozen=True, slots=True)
class Context:
    """What a stage gets beside its tables.

    Parameters
    ----------
    settings : the run's settings.
    classes : class names in order; empty for regression.
    task : classification or regression.
    progress : wraps an iterable of known length in a progress bar.
    source : the model and datasets, where there is a model; None for a table.
    slicers : the user's own, which propose groups beside the built-in ones.
    """

    settings: Settings
    classes: tuple[str, ...] = ()
    task: str = "classification"
    progress: Callable[[Iterable[T], int, str], Iterable[T]] = silent
    source: TorchSource | None = None
    slicers: tuple[Slicer, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One step over whole tables.

    Parameters
    ----------
    name : as in the `stages` table.
    inputs, outputs : names of the tables read and written; an output replaces its older version.
    run : the pure function.
    optional : inputs without which the stage still runs (embeddings of a table, unlabeled, …).
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    run: Callable[[Tables, Context], dict[str, pa.Table]]
    optional: tuple[str, ...] = ()
