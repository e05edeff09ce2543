"""What every source gives the runner: facts about the run, and its samples shard by shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import Settings


@dataclass(frozen=True, slots=True)
class Shard:
    """The work tables of some consecutive samples of one population.

    Parameters
    ----------
    tables : Row i of every table is sample i of the shard, none has a `row_id` or `population` yet:
        `samples` (sample_id, label, prediction, confidence, loss, weight, group_id), `metadata`
        (one column a field), `media` (kind, uri, thumbnail, text), and where the source has them
        `fingerprints` (one column a type of data, by which the stage `survey` compares samples),
        `embeddings` (vector), `spaces` (one column of vectors a further space), `probabilities`
        (vector) and `positions` (position: the sample's place in its dataset, by which `explain`
        finds its input again). Two are not by row: `metrics` (sample_id, metric, value) and
        `metadata_fields` (field, kind, unit, source).
        A field may be missing in a shard, and a column without a value has Arrow's null type;
        once all shards are joined, `sources.fields.settle` decides on the fields of the run.
    seconds : wall time by batch stage (`infer`, `describe`).
    """

    tables: Mapping[str, pa.Table]
    seconds: Mapping[str, float] = field(default_factory=dict)


class Explains(Protocol):
    """A source that can show where its model looks."""

    @property
    def heatmap_layer(self) -> str | None:
        """Name of the layer whose output is a map of the image; None where there is none."""
        ...

    @property
    def no_heatmaps(self) -> str:
        """Why there is none, in a sentence; '' where there is one."""
        ...

    def heatmaps(
        self,
        population: str,
        positions: Sequence[int],
        targets: Sequence[Sequence[int]] | None,
        method: str = "grad-cam",
    ) -> NDArray[np.float32]:
        """Explain m outputs of each sample; (n, m, rows, columns) of 0 or more, not scaled.

        Parameters
        ----------
        population : where the samples are.
        positions : their places in the population's dataset.
        targets : indices of m outputs, per sample; None for the one output of a regression.
        method : one of `contracts.HEATMAP_METHODS`.
        """
        ...


class Source(Protocol):
    """A model with its datasets, or a table; checked by the time it exists.

    `populations` is the number of samples by population, in the order of POPULATIONS, without
    empty ones. `model_digest` is a SHA-256 over the weights, or over the table. `metrics` are the
    names in its table `metrics`: the user's, and `confidence_gap` where there are probabilities.
    """

    task: str
    classes: tuple[str, ...]
    model_name: str
    model_digest: str
    loss_name: str
    metrics: tuple[str, ...]

    @property
    def populations(self) -> Mapping[str, int]:
        """Number of samples by population."""
        ...

    def digest(self) -> str:
        """SHA-256 over everything that shapes the tables beside the settings."""
        ...

    def shard(
        self,
        population: str,
        start: int,
        stop: int,
        settings: Settings,
        advance: Callable[[int], None],
    ) -> Shard:
        """Read samples [start, stop) of a population; `advance(n)` reports n more samples done.

        Raises
        ------
        InputError : a sample is not acceptable; names population, sample and part.
        """
        ...
