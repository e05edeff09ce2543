"""What a user's integration file declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

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
    """A map-style dataset: a length, and samples by position."""

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
    metrics : further metrics by name, with the arguments of `loss`.
    metadata : further fields by name, each a function of the Sample.
    embedding_layer : module whose input is the embedding; default the last Linear.
    heatmap_layer : module whose output is explained; default the last convolution.
    display : Sample -> image a person sees; default `Sample.image`.
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
    display: Callable[[Sample], Any] | None = None
