"""A PyTorch model with its datasets, as a source of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from inspect import getsource
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aggressors.contracts import CONFIDENCE_GAP, POPULATIONS, Settings
from aggressors.errors import AggressorsError, InputError, IntegrationError, StageError
from aggressors.integration import Integration, Sample
from aggressors.sources import fields
from aggressors.sources.calls import evaluating
from aggressors.sources.layers import Layers
from aggressors.sources.media import media_table
from aggressors.sources.metrics import metrics_table
from aggressors.sources.pictures import Picture, read_picture
from aggressors.sources.protocol import Shard
from aggressors.sources.rows import samples_table, vectors
from aggressors.sources.samples import (
    Batch,
    call,
    metadata_values,
    read_batch,
    read_samples,
    read_targets,
    stack_inputs,
)
from aggressors.sources.spaces import in_order
from aggressors.stages.describe import SOURCE, UNITS, describe, without
from aggressors.stages.infer import Network, Outcome, infer

_PROBES = 64  # samples of a population whose content is part of the digest


class TorchSource:
    """Reads samples, runs the model on them and measures them, batch by batch.

    Build it with `open_torch`, which checks the integration first.

    Parameters
    ----------
    integration : as checked.
    model : the module itself.
    layers : where embedding and heatmap are found.
    """

    def __init__(self, integration: Integration, model: nn.Module, layers: Layers) -> None:
        self.integration = integration
        self.model = model
        self.layers = layers
        self.task = integration.task
        self.classes = tuple(integration.classes)
        self.model_name = integration.model_name
        self.slicers = tuple(integration.slicers)
        own = () if self.task == "regression" else (CONFIDENCE_GAP,)
        self.metrics = (*integration.metrics, *own)
        self.model_digest = digest_of(model)
        self.loss_name = loss_name(integration)
        self.populations = population_sizes(integration)
        self._kinds: dict[str, str] = {}  # of each metadata field seen so far
        self._own = own_fields(integration, self.populations)
        self._lengths: dict[str, int] = {}  # of the vectors seen so far, by what they are
        self.network = Network(
            model,
            self.task,
            self.classes,
            layers,
            integration.loss,
            integration.metrics,
            integration.spaces,
        )
        self._codes = {name: code for code, name in enumerate(self.classes)}

    def digest(self) -> str:
        """SHA-256 over code, weights, sizes and a spread of samples of each population."""
        digest = sha256(self.model_digest.encode())
        integration = self.integration
        for part in (
            integration.code_digest,
            repr(self.model),
            self.model_name,
            self.task,
            repr(self.classes),
            repr(self.layers),
            *map(_code_of, (integration.loss, integration.display)),
            *(name + _code_of(function) for name, function in integration.metrics.items()),
            *(name + _code_of(function) for name, function in integration.metadata.items()),
            *(name + _identity_of(space) for name, space in sorted(integration.spaces.items())),
        ):
            digest.update(part.encode() + b"\0")
        for population, size in self.populations.items():
            dataset = integration.datasets[population]
            digest.update(f"{population} {size} {getattr(dataset, 'version', '')}\0".encode())
            spread = np.unique(np.linspace(0, size - 1, _PROBES).astype(int)).tolist()
            for sample in read_samples(dataset, population, spread):
                content = (sample.sample_id, sample.label, sample.weight, sample.group, sample.text)
                digest.update(repr((content, sorted(sample.metadata.items()))).encode())
                digest.update(_bytes_of(sample.input))
                if isinstance(sample.image, bytes):
                    digest.update(sample.image)
        return digest.hexdigest()

    def shard(
        self,
        population: str,
        start: int,
        stop: int,
        settings: Settings,
        advance: Callable[[int], None],
    ) -> Shard:
        """Infer and describe samples [start, stop) of a population; see `protocol.Source`.

        Raises
        ------
        InputError : a sample is not acceptable.
        StageError : the model, loss or a metric raised.
        """
        parts: dict[str, list[pa.Table]] = {}
        seconds = {"infer": 0.0, "describe": 0.0}
        with evaluating(self.model):
            for first in range(start, stop, settings.batch_size):
                began = perf_counter()
                last = min(first + settings.batch_size, stop)
                batch = read_batch(self.integration, population, first, last, self._codes)
                outcome = self._run(batch)
                tables = self._tables(batch, outcome)
                inferred = perf_counter()
                tables |= self._described(batch, settings.thumbnail)
                seconds["infer"] += inferred - began
                seconds["describe"] += perf_counter() - inferred
                for name, table in tables.items():
                    parts.setdefault(name, []).append(table)
                advance(len(batch.samples))
        joined = {
            name: pa.concat_tables(tables, promote_options="permissive")
            for name, tables in parts.items()
        }
        return Shard(joined, seconds)

    @property
    def heatmap_layer(self) -> str | None:
        """Name of the layer whose output is a map of the image; see `protocol.Explains`."""
        return self.layers.heatmap

    @property
    def no_heatmaps(self) -> str:
        """Why there is none, in a sentence; '' where there is one."""
        return self.layers.reason

    def heatmaps(
        self,
        population: str,
        positions: Sequence[int],
        targets: Sequence[Sequence[int]] | None,
        method: str = "grad-cam",
    ) -> NDArray[np.float32]:
        """Explain outputs of each sample; see `protocol.Explains`."""
        from aggressors.sources.gradcam import class_maps  # slow to import

        layer, view = self.layers.heatmap, self.layers.view
        if layer is None or view is None:
            raise ValueError(self.layers.reason)
        dataset = self.integration.datasets[population]
        inputs = stack_inputs(read_samples(dataset, population, positions), population)
        return class_maps(self.model, layer, view, inputs, targets, method)

    # --- Inputs that were changed ---

    def inputs(self, population: str, positions: Sequence[int]) -> Tensor:
        """Read the inputs of some samples, (n, ...); see `stages.probe`."""
        samples = read_samples(self.integration.datasets[population], population, positions)
        return stack_inputs(samples, population)

    def targets(self, population: str, positions: Sequence[int]) -> Tensor:
        """Read what the loss takes of some labeled samples, (n,)."""
        samples = read_samples(self.integration.datasets[population], population, positions)
        return read_targets(samples, population, self.task, self._codes)

    def judged(
        self, inputs: Tensor, targets: Tensor, batch_size: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Give losses (n,) and embeddings (n, d) of inputs that were changed."""
        parts = []
        with evaluating(self.model):
            for start in range(0, len(inputs), batch_size):
                part = slice(start, start + batch_size)
                found = infer(self.network, inputs[part], targets[part])
                assert found.loss is not None
                parts.append((found.loss, found.embedding))
        loss, embedding = zip(*parts, strict=True)
        return np.concatenate(loss), np.concatenate(embedding)

    # --- One batch ---

    def _run(self, batch: Batch) -> Outcome:
        try:
            outcome = infer(self.network, batch.inputs, batch.targets)
        except IntegrationError as error:
            raise IntegrationError(f"In {batch.place}: {error}") from error
        except AggressorsError:
            raise
        except Exception as error:
            raise StageError(
                "infer",
                batch.place,
                f"the model, loss or a metric raised {type(error).__name__}: {error}. Correct it "
                "and run the same command again; finished shards stay.",
            ) from error
        self._check_length(batch, outcome)
        self._check_finite(batch, outcome)
        return outcome

    def _check_length(self, batch: Batch, outcome: Outcome) -> None:
        for what, found in _vectors_of(outcome).items():
            length = found.shape[1]
            before = self._lengths.setdefault(what, length)
            if length != before:
                part = "embedding_layer" if what == "embedding" else "spaces"
                raise IntegrationError(
                    f"The {what} has {length} values in {batch.place}, and had {before} before. "
                    f"Set {part} to a module whose vectors have one length."
                )

    def _check_finite(self, batch: Batch, outcome: Outcome) -> None:
        finite = {
            "model's output": torch.isfinite(outcome.outputs).reshape(len(batch.ids), -1).all(1),
            **{
                what: np.isfinite(found).all(axis=1) for what, found in _vectors_of(outcome).items()
            },
        }
        if outcome.loss is not None:
            finite["loss"] = np.isfinite(outcome.loss)
        for part, good in finite.items():
            good = np.asarray(good.cpu() if isinstance(good, Tensor) else good)
            if not good.all():
                bad = int(np.argmin(good))
                raise InputError(
                    f"The {part} of sample {batch.ids[bad]!r} in {batch.population!r} is NaN or "
                    f"infinite ({int((~good).sum())} samples of {batch.place}). Correct the model, "
                    "loss function or encoder, or leave the sample out."
                )

    def _tables(self, batch: Batch, outcome: Outcome) -> dict[str, pa.Table]:
        positions = np.arange(batch.start, batch.start + len(batch.samples))
        tables = {
            "samples": samples_table(batch, outcome, self.classes),
            "embeddings": pa.table({"vector": vectors(outcome.embedding)}),
            "positions": pa.table({"position": positions}),
            "metrics": metrics_table(batch.ids, outcome.metrics),
        }
        if outcome.spaces:
            tables["spaces"] = in_order({name: vectors(v) for name, v in outcome.spaces.items()})
        if outcome.probabilities is not None:
            tables["probabilities"] = pa.table({"vector": vectors(outcome.probabilities)})
        return tables

    def _described(self, batch: Batch, longest: int) -> dict[str, pa.Table]:
        """Media and metadata of a batch; each image is decoded once for both."""
        pictures = [self._picture(sample, longest) for sample in batch.samples]
        texts = [sample.text for sample in batch.samples]
        values = metadata_values(batch.samples, self.integration.metadata)
        own = {name: fields.column(name, column, batch.ids) for name, column in values.items()}
        described = describe(pictures, texts)
        measured = without(described.fields, self._own)
        declared = [
            fields.declared(measured, SOURCE, UNITS),
            fields.declared(own, "integration", {}),
        ]
        spacer = {fields.SPACER: pa.nulls(len(texts))}
        return {
            "media": media_table(pictures, texts),
            "metadata": pa.table({**spacer, **measured, **own}),
            "fingerprints": pa.table({**spacer, **described.prints}),
            "metadata_fields": fields.agree(pa.concat_tables(declared), self._kinds, batch.place),
        }

    def _picture(self, sample: Sample, longest: int) -> Picture | None:
        image = sample.image
        if self.integration.display is not None:
            image = call(self.integration.display, sample, "The display function")
        return None if image is None else read_picture(image, sample.sample_id, longest)


def _vectors_of(outcome: Outcome) -> dict[str, NDArray[np.float32]]:
    """Embedding and further spaces, by what they are called in messages."""
    further = {f"vector of space {name!r}": found for name, found in outcome.spaces.items()}
    return {"embedding": outcome.embedding, **further}


def population_sizes(integration: Integration) -> dict[str, int]:
    """Count the samples of each population, in the order of POPULATIONS, without empty ones."""
    sizes = {name: len(dataset) for name, dataset in integration.datasets.items()}
    return {name: sizes[name] for name in POPULATIONS if sizes.get(name)}


def own_fields(integration: Integration, populations: Iterable[str]) -> frozenset[str]:
    """Names of the user's metadata, by the first sample of each population."""
    names = set(integration.metadata)
    for population in populations:
        names.update(integration.datasets[population][0].metadata)
    return frozenset(names)


def digest_of(model: nn.Module) -> str:
    """SHA-256 over names, types, shapes and bytes of the model's parameters and buffers."""
    digest = sha256()
    for name, value in model.state_dict().items():
        digest.update(f"{name}\0".encode())
        if isinstance(value, Tensor):
            digest.update(_bytes_of(value))
    return digest.hexdigest()


def _bytes_of(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return (
        f"{tensor.dtype} {tuple(tensor.shape)}\0".encode()
        + flat.view(torch.uint8).numpy().tobytes()
    )


def loss_name(integration: Integration) -> str:
    """Name of the per-sample loss, as shown on screen."""
    if integration.loss is not None:
        return _name_of(integration.loss)
    return "squared error" if integration.task == "regression" else "cross-entropy"


def _name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def _identity_of(space: str | Callable[[Tensor], Any]) -> str:
    """Name of a module, or what tells an encoder from another."""
    if isinstance(space, nn.Module):
        return repr(space) + digest_of(space)
    return f"layer {space}" if isinstance(space, str) else _code_of(space)


def _code_of(function: Callable[..., Any] | None) -> str:
    """Text of a function, or its name where it has no text (built in, typed at a prompt)."""
    if function is None:
        return ""
    try:
        return getsource(function)
    except (OSError, TypeError):
        return _name_of(function)
