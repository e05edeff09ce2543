"""A batch of a user's samples: read, checked, and turned into tensors and columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aggressors.errors import AggressorsError, InputError
from aggressors.integration import Dataset, Integration, Sample


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples that stand in a row in one dataset.

    `inputs` is (n, ...); `targets` is (n,) int64 class codes, or float32 numbers for regression,
    None where unlabeled.
    """

    population: str
    start: int
    samples: Sequence[Sample]
    inputs: Tensor
    targets: Tensor | None

    @property
    def place(self) -> str:
        """Where the batch is, for messages."""
        return f"{self.population}[{self.start}:{self.start + len(self.samples)}]"

    @property
    def labels(self) -> list[Any]:
        """Labels in order, as the user gave them."""
        return [sample.label for sample in self.samples]

    @property
    def ids(self) -> list[str]:
        """Sample ids in order."""
        return [sample.sample_id for sample in self.samples]


def read_batch(
    integration: Integration, population: str, start: int, stop: int, codes: Mapping[str, int]
) -> Batch:
    """Read and check samples [start, stop) of a population.

    Raises
    ------
    InputError : a sample cannot be read, or a part of it is not acceptable.
    """
    samples = read_samples(integration.datasets[population], population, range(start, stop))
    inputs = stack_inputs(samples, population)
    targets = None
    if population != "unlabeled":
        targets = read_targets(samples, population, integration.task, codes)
    return Batch(population, start, samples, inputs, targets)


def read_samples(dataset: Dataset, population: str, positions: Sequence[int]) -> list[Sample]:
    """Fetch samples by position.

    Raises
    ------
    InputError : the dataset raises, or gives something else than a Sample with an id.
    """
    samples = []
    for position in positions:
        try:
            sample = dataset[position]
        except AggressorsError:
            raise
        except Exception as error:
            raise InputError(
                f"Dataset {population!r} raised {type(error).__name__} at position {position}: "
                f"{error}. Correct or leave out this item."
            ) from error
        if not isinstance(sample, Sample):
            raise InputError(
                f"Dataset {population!r} must return a Sample; got {type(sample).__name__} at "
                f"position {position}. Return Sample(sample_id=..., input=..., label=...)."
            )
        if not isinstance(sample.sample_id, str) or not sample.sample_id:
            raise InputError(
                f"sample_id must be a text that is not empty; got {sample.sample_id!r} at position "
                f"{position} of {population!r}. Return a stable id, such as the file's name."
            )
        samples.append(sample)
    return samples


def stack_inputs(samples: Sequence[Sample], population: str) -> Tensor:
    """Stack the inputs to (n, ...).

    Raises
    ------
    InputError : an input is no tensor, or their shapes differ.
    """
    for sample in samples:
        if not isinstance(sample.input, Tensor):
            raise InputError(
                f"The input of sample {sample.sample_id!r} in {population!r} must be a torch "
                f"tensor; got {type(sample.input).__name__}. Convert it in the dataset."
            )
    try:
        return torch.stack([sample.input for sample in samples])
    except RuntimeError as error:
        first = samples[0]
        for sample in samples:
            if sample.input.shape != first.input.shape or sample.input.dtype != first.input.dtype:
                raise InputError(
                    f"Inputs must have one shape; sample {first.sample_id!r} in {population!r} has "
                    f"{tuple(first.input.shape)}, sample {sample.sample_id!r} has "
                    f"{tuple(sample.input.shape)}. Resize or pad them in the dataset."
                ) from error
        raise


def read_targets(
    samples: Sequence[Sample], population: str, task: str, codes: Mapping[str, int]
) -> Tensor:
    """Turn labels into (n,) int64 class codes, or float32 numbers for regression.

    Raises
    ------
    InputError : a label is missing, of the wrong type, or no class.
    """
    labels = [sample.label for sample in samples]
    if task != "regression":
        try:
            return torch.tensor([codes[label] for label in labels], dtype=torch.int64)  # type: ignore[index]
        except (KeyError, TypeError):
            pass
    numbers = []
    for sample in samples:
        wrong = _label_problem(sample.label, task, codes)
        if wrong:
            raise InputError(f"The label of sample {sample.sample_id!r} in {population!r} {wrong}")
        numbers.append(float(sample.label) if task == "regression" else codes[str(sample.label)])  # type: ignore[arg-type]
    return torch.tensor(numbers, dtype=torch.float32 if task == "regression" else torch.int64)


def _label_problem(label: object, task: str, codes: Mapping[str, int]) -> str:
    if label is None:
        return "is missing. Give every sample a label, except in population 'unlabeled'."
    if task == "regression":
        number = isinstance(label, int | float | np.number) and not isinstance(label, bool)
        if number and isfinite(float(label)):  # type: ignore[arg-type]
            return ""
        return f"must be a finite number; got {label!r}. Correct or leave out this sample."
    if isinstance(label, str):
        if label in codes:
            return ""
        near = get_close_matches(label, codes, n=1)
        hint = f"the nearest is {near[0]!r}" if near else f"they are {list(codes)[:10]}"
        return f"is {label!r}, which is none of the classes; {hint}. Correct it or `classes`."
    return f"must be a class name; got {label!r}. Return classes[{label!r}] if it is an index."


def weights(samples: Sequence[Sample]) -> list[float]:
    """Read the weight of each sample.

    Raises
    ------
    InputError : a weight is negative or no finite number.
    """
    for sample in samples:
        weight = sample.weight
        if isinstance(weight, str) or not isfinite(weight) or weight < 0:
            raise InputError(
                f"The weight of sample {sample.sample_id!r} must be a finite number of 0 or more; "
                f"got {weight!r}. Correct it, or leave it out for 1."
            )
    return [float(sample.weight) for sample in samples]


def metadata_values(
    samples: Sequence[Sample], functions: Mapping[str, Callable[[Sample], Any]]
) -> dict[str, list[Any]]:
    """Collect each field's value of every sample; a function wins over `Sample.metadata`.

    Raises
    ------
    InputError : a function raises; names the field and the sample.
    """
    names = dict.fromkeys(name for sample in samples for name in sample.metadata)
    columns = {name: [sample.metadata.get(name) for sample in samples] for name in names}
    for name, function in functions.items():
        columns[name] = [
            call(function, sample, f"Metadata function {name!r}") for sample in samples
        ]
    return columns


def call(function: Callable[[Sample], Any], sample: Sample, what: str) -> Any:
    """Call a function of the user's on one sample.

    Raises
    ------
    InputError : it raises; names the function and the sample.
    """
    try:
        return function(sample)
    except Exception as error:
        raise InputError(
            f"{what} raised {type(error).__name__} on sample {sample.sample_id!r}: {error}. "
            "Return None where it has no value."
        ) from error
