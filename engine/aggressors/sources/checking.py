"""One batch of each population through every function of an integration, before any work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, inference_mode, nn

from aggressors.contracts import POPULATIONS, TASKS, Settings
from aggressors.errors import AggressorsError
from aggressors.integration import Integration, Sample
from aggressors.slicing.find import SLICERS
from aggressors.sources import fields, samples
from aggressors.sources.calls import evaluating
from aggressors.sources.devices import device_of
from aggressors.sources.encoders import Spaces
from aggressors.sources.layers import Layers, check_spaces, find_layers
from aggressors.sources.metrics import wrong_names
from aggressors.sources.parts import Part, Report, part_of
from aggressors.sources.pictures import read_picture
from aggressors.sources.spaces import name_problem
from aggressors.sources.torch_source import TorchSource, population_sizes
from aggressors.stages.describe import describe
from aggressors.stages.infer import Network, Outcome, default_loss, infer, per_sample

_BATCH = 32  # samples of each population that are tried


def open_torch(integration: Integration, settings: Settings) -> TorchSource:
    """Check an integration and make it the source of a run.

    Raises
    ------
    IntegrationError : anything is missing or ill-shaped; lists all of it.
    """
    report, source = check(integration, settings)
    report.raise_problems()
    if source is None:
        raise AssertionError("a check without problems has a source")
    return source


def check(integration: Integration, settings: Settings) -> tuple[Report, TorchSource | None]:
    """Try every part; the source is None where there are problems."""
    trial = _Trial(integration, settings)
    trial.declaration()
    model = trial.load_model()
    for population in trial.populations:
        trial.read(population)
    trial.unique_ids()
    layers = trial.run_model(model) if model is not None else None
    source = None
    if model is not None and layers is not None and not trial.problems:
        source = TorchSource(integration, model, layers)
    seconds = _estimate(source, settings) if source is not None else None
    report = Report(tuple(trial.parts), tuple(trial.problems), trial.populations, seconds)
    return report, source


def _estimate(source: TorchSource, settings: Settings) -> float:
    """Seconds that a run needs for all samples, at the pace of a batch after the warm-up."""
    population, size = next(iter(source.populations.items()))
    count = min(size, _BATCH)
    began = perf_counter()
    source.shard(population, 0, count, settings, lambda _: None)
    return (perf_counter() - began) / count * sum(source.populations.values())


@dataclass
class _Trial:
    integration: Integration
    settings: Settings
    parts: list[Part] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    populations: dict[str, int] = field(default_factory=dict)
    batches: dict[str, list[Sample]] = field(default_factory=dict)
    inputs: dict[str, Tensor] = field(default_factory=dict)
    targets: dict[str, Tensor] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def collecting(self, what: str) -> Iterator[None]:
        """Turn whatever goes wrong inside into one sentence of the report."""
        try:
            yield
        except AggressorsError as error:
            self.problem(str(error))
        except Exception as error:
            self.problem(f"{what} raised {type(error).__name__}: {error}. Correct it.")

    def problem(self, sentence: str) -> None:
        if sentence not in self.problems:
            self.problems.append(sentence)

    # --- What the integration declares ---

    def declaration(self) -> None:
        """Task, classes, names of the populations and of the metadata fields."""
        given = self.integration
        if given.task not in TASKS:
            self.problem(f"task must be one of {', '.join(TASKS)}; got {given.task!r}.")
        self._classes()
        self._slicers()
        self._spaces()
        for sentence in wrong_names(given.metrics):
            self.problem(sentence)
        if "validation" not in given.datasets:
            self.problem(
                "datasets must have a 'validation' population, in which aggressors are found; got "
                f"{sorted(given.datasets)}."
            )
        for name in given.datasets:
            if name not in POPULATIONS:
                near = get_close_matches(str(name), POPULATIONS, n=1)
                hint = f"; the nearest is {near[0]!r}" if near else ""
                self.problem(f"datasets has {name!r}, but knows {', '.join(POPULATIONS)}{hint}.")
        with self.collecting("The metadata functions"):
            fields.check_names(given.metadata, "metadata")
        with self.collecting("The length of a dataset"):
            known = {name: given.datasets[name] for name in given.datasets if name in POPULATIONS}
            for name, dataset in known.items():
                if len(dataset) == 0:
                    self.problem(f"Dataset {name!r} is empty. Give it samples or leave it out.")
            self.populations = population_sizes(given)

    def _classes(self) -> None:
        classes = list(self.integration.classes)
        if self.integration.task == "regression":
            if classes:
                self.problem(f"classes must be empty for regression; got {classes[:5]}.")
            return
        if len(classes) < 2:
            self.problem(
                "classes must hold two or more class names in the order of the model's outputs; "
                f"got {classes}."
            )
        wrong = [name for name in classes if not isinstance(name, str) or not name]
        if wrong:
            self.problem(f"classes must be texts; got {wrong[0]!r}.")
        elif len(set(classes)) < len(classes):
            twice = next(name for name in classes if classes.count(name) > 1)
            self.problem(f"classes must be distinct; {twice!r} stands twice.")

    def _slicers(self) -> None:
        taken = {slicer.name for slicer in SLICERS}
        for slicer in self.integration.slicers:
            name = getattr(slicer, "name", None)
            if (
                not isinstance(name, str)
                or not name
                or not callable(getattr(slicer, "propose", None))
            ):
                self.problem(
                    "slicers must have a name and a method propose(sight); "
                    f"got {type(slicer).__name__}."
                )
            elif name in taken:
                self.problem(f"Another slicer has the name {name!r}. Choose another.")
            else:
                taken.add(name)

    def _spaces(self) -> None:
        for name, space in self.integration.spaces.items():
            if wrong := name_problem(name):
                self.problem(wrong)
            elif not isinstance(space, str) and not callable(space):
                self.problem(
                    f"spaces[{name!r}] must be the name of a module or a function of inputs; got "
                    f"{type(space).__name__}."
                )

    def load_model(self) -> nn.Module | None:
        """Build the model where a function is given."""
        given = self.integration.model
        with self.collecting("The model function"), self._timed() as took:
            model = given if isinstance(given, nn.Module) else given()
            if isinstance(model, nn.Module):
                count = sum(parameter.numel() for parameter in model.parameters())
                self.parts.append(Part("model", type(model).__name__, (count,), seconds=took()))
                return model
            self.problem(
                f"model must be a torch.nn.Module or return one; got {type(model).__name__}."
            )
        return None

    # --- One batch of a population ---

    def read(self, population: str) -> None:
        """Read a batch and try everything that looks at samples."""
        given = self.integration
        count = min(_BATCH, self.populations[population])
        with self.collecting(f"Dataset {population!r}"), self._timed() as took:
            dataset = given.datasets[population]
            batch = samples.read_samples(dataset, population, range(count))
            self.batches[population] = batch
            self.parts.append(Part(population, "Sample", (count,), seconds=took()))
        if population not in self.batches:
            return
        self._input(population)
        if population != "unlabeled":
            self._label(population)
        with self.collecting("The weights"):
            samples.weights(batch)
        self._metadata(population)
        self._media(population)

    def _input(self, population: str) -> None:
        with self.collecting(f"The input in {population!r}"):
            stacked = samples.stack_inputs(self.batches[population], population)
            self.inputs[population] = stacked
            self.parts.append(part_of(f"{population}.input", stacked))
            first, shape = next(iter(self.inputs.items()))
            if stacked.shape[1:] != shape.shape[1:]:
                self.problem(
                    f"Inputs of {population!r} have the shape {tuple(stacked.shape[1:])}, those of "
                    f"{first!r} {tuple(shape.shape[1:])}. Prepare both alike."
                )

    def _label(self, population: str) -> None:
        given = self.integration
        codes = {name: code for code, name in enumerate(given.classes)}
        with self.collecting(f"The labels of {population!r}"):
            batch = self.batches[population]
            targets = samples.read_targets(batch, population, given.task, codes)
            self.targets[population] = targets
            self.parts.append(part_of(f"{population}.label", [sample.label for sample in batch]))

    def _metadata(self, population: str) -> None:
        batch = self.batches[population]
        ids = [sample.sample_id for sample in batch]
        given = self.integration
        with self.collecting("Sample.metadata"):
            fields.check_names(dict.fromkeys(n for s in batch for n in s.metadata), "metadata")
        names = dict.fromkeys([*(n for s in batch for n in s.metadata), *given.metadata])
        for name in names:
            function = {name: given.metadata[name]} if name in given.metadata else {}
            with self.collecting(f"Metadata field {name!r}"), self._timed() as took:
                values = samples.metadata_values(batch, function)[name]
                column = {name: fields.column(name, values, ids)}
                fields.agree(fields.declared(column, "", {}), self.kinds, population)
                self.parts.append(part_of(f"{population}.metadata.{name}", values, took()))

    def _media(self, population: str) -> None:
        batch, display = self.batches[population], self.integration.display
        with self.collecting("The image"), self._timed() as took:
            pictures = []
            for sample in batch:
                image = sample.image
                if display is not None:
                    image = samples.call(display, sample, "The display function")
                longest = self.settings.thumbnail
                pictures.append(
                    None if image is None else read_picture(image, sample.sample_id, longest)
                )
            describe(pictures, [sample.text for sample in batch])
            sizes = [picture.size for picture in pictures if picture]
            if sizes:
                sides = part_of(f"{population}.image", [side for size in sizes for side in size])
                missing = len(pictures) - len(sizes)
                low, high = sides.low, sides.high
                name = f"{population}.image"
                self.parts.append(Part(name, "image", (), low, high, missing, took()))
        for sample in batch:
            if sample.text is not None and not isinstance(sample.text, str):
                self.problem(
                    f"The text of sample {sample.sample_id!r} must be a str; got "
                    f"{type(sample.text).__name__}."
                )
                break

    def unique_ids(self) -> None:
        """Find ids that stand twice among the samples tried."""
        seen: dict[str, str] = {}
        for population, batch in self.batches.items():
            for sample in batch:
                if sample.sample_id in seen:
                    self.problem(
                        f"sample_id {sample.sample_id!r} stands in {seen[sample.sample_id]!r} and "
                        f"again in {population!r}. Every sample needs an id of its own."
                    )
                    return
                seen[sample.sample_id] = population

    # --- The model ---

    def run_model(self, model: nn.Module) -> Layers | None:
        """Find the layers, and run the model, the loss and the metrics on each batch."""
        if not self.inputs:
            return None
        given = self.integration
        first = next(iter(self.inputs.values()))
        layers = None
        with evaluating(model):
            with self.collecting("The model"):
                few = first[:2].to(device_of(model))
                named = {name: to for name, to in given.spaces.items() if isinstance(to, str)}
                check_spaces(model, few, named)
                layers = find_layers(
                    model,
                    few,
                    given.embedding_layer,
                    given.heatmap_layer,
                    gradients=self.settings.heatmap_method != "eigencam",
                )
                self.parts.append(Part("embedding_layer", layers.embedding))
                self._heatmap_part(layers)
            if layers is None:
                return None
            encoders: Spaces = {name: to for name, to in given.spaces.items() if callable(to)}
            classes = tuple(given.classes)
            network = Network(model, given.task, classes, layers, spaces={**named, **encoders})
            for population, inputs in self.inputs.items():
                with self.collecting(f"The model on {population!r}"), self._timed() as took:
                    outcome = infer(network, inputs, None)
                    self._outcome(population, outcome, took())
        return layers

    def _heatmap_part(self, layers: Layers) -> None:
        """Tell which layer is explained and at which resolution, or why none is."""
        if layers.view is None:
            self.parts.append(Part("heatmap_layer", f"none: {layers.reason}"))
        else:
            size = (layers.view.rows, layers.view.columns)
            self.parts.append(Part("heatmap_layer", str(layers.heatmap), size))

    def _outcome(self, population: str, outcome: Outcome, seconds: float) -> None:
        self.parts.append(part_of(f"{population}.outputs", outcome.outputs, seconds))
        embedding = torch.from_numpy(outcome.embedding)
        self.parts.append(part_of(f"{population}.embedding", embedding))
        for name, vectors in outcome.spaces.items():
            self.parts.append(part_of(f"{population}.spaces.{name}", torch.from_numpy(vectors)))
        for part in self.parts[-2 - len(outcome.spaces) :]:
            if part.missing:
                self.problem(
                    f"{part.name} holds {part.missing} NaN values in {len(outcome.embedding)} "
                    "samples. Correct the weights or the preparation of the inputs."
                )
        if population not in self.targets:
            return
        given = self.integration
        functions = {"loss": given.loss or default_loss(given.task), **given.metrics}
        targets = self.targets[population].to(outcome.outputs.device)
        for name, function in functions.items():
            with self.collecting(f"Function {name!r}"), self._timed() as took, inference_mode():
                values = per_sample(name, function, outcome.outputs, targets)
                part = part_of(f"{population}.{name}", torch.from_numpy(values), took())
                self.parts.append(part)
                if name == "loss" and not np.isfinite(values).all():
                    bad = self.batches[population][int(np.argmin(np.isfinite(values)))]
                    self.problem(
                        f"The loss of sample {bad.sample_id!r} in {population!r} is NaN or "
                        "infinite. Correct the loss function or leave the sample out."
                    )

    @contextmanager
    def _timed(self) -> Iterator[Callable[[], float]]:
        began = perf_counter()
        yield lambda: perf_counter() - began
