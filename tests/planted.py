"""Synthetic image classification with planted groups on which the model fails, and their truth.

`PlantedSource` is a Source like any other; `planted_tables` is what the engine knows after its
batch stages; `planted_run`, `tiny_run` and `empty_run` publish whole runs.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from aggressors.collate import collate
from aggressors.contracts import RunInfo, Settings
from aggressors.sources.protocol import Shard
from aggressors.store.publish import publish
from aggressors.store.schema import BY_NAME, SCHEMA_VERSION
from aggressors.store.workspace import Workspace

CLASSES = ("boot", "coat", "shirt", "trouser")
STATIONS = ("harbour", "market", "north", "outdoor")
OPERATORS = ("op-1", "op-2", "op-3", "op-4")
SLICES = ("dusk", "blurred-shirt", "swapped-label")
SHARES = {"train": 1.0, "validation": 1.0, "test": 0.5, "unlabeled": 1.0}  # of n
DIMENSIONS = 16


@dataclass(frozen=True)
class PlantedSource:
    """`n` validation samples, and the others in proportion.

    Planted are `dusk` (dark images; rare in training; action collect), `blurred-shirt` (a weakness
    within one label only) and `swapped-label` (operator op-4 calls half of the coats boots; action
    relabel). A slice that is left out of `slices` leaves its condition in, without effect.
    """

    n: int = 1_200
    seed: int = 0
    slices: Sequence[str] = SLICES
    with_populations: Sequence[str] = tuple(SHARES)
    with_embedding: bool = True
    model_name: str = "planted"
    task: str = "classification"
    loss_name: str = "cross-entropy"
    classes: tuple[str, ...] = CLASSES
    metrics: tuple[str, ...] = ("margin",)

    @cached_property
    def populations(self) -> dict[str, int]:
        return {name: max(1, round(self.n * SHARES[name])) for name in self.with_populations}

    @property
    def model_digest(self) -> str:
        return sha256(f"{self.model_name} {self.seed}".encode()).hexdigest()

    def digest(self) -> str:
        return sha256(repr(self).encode()).hexdigest()

    def shard(
        self,
        population: str,
        start: int,
        stop: int,
        settings: Settings,
        advance: Callable[[int], None],
    ) -> Shard:
        world = self.world(population)
        rows = np.arange(start, stop)
        tables = {
            "samples": world.samples(rows, labeled=population != "unlabeled"),
            "metadata": world.metadata(rows),
            "metadata_fields": FIELDS,
            "media": world.media(rows),
            "probabilities": pa.table({"vector": _vectors(world.probabilities[rows])}),
            "metrics": world.metrics(rows, labeled=population != "unlabeled"),
        }
        if self.with_embedding:
            tables["embeddings"] = pa.table({"vector": _vectors(world.embedding[rows])})
        advance(len(rows))
        return Shard(tables, {"infer": 0.0, "describe": 0.0})

    def world(self, population: str) -> World:
        return _world(self.n, self.seed, tuple(self.slices), population)

    def truth(self) -> dict[str, frozenset[str]]:
        """Members of each planted slice, over all populations."""
        worlds = [self.world(population) for population in self.populations]
        return {
            name: frozenset(
                str(sample_id) for world in worlds for sample_id in world.ids[world.planted[name]]
            )
            for name in self.slices
        }


@dataclass(frozen=True)
class World:
    """All samples of one population: arrays of length n, vectors (n, k) and (n, d)."""

    ids: np.ndarray
    actual: np.ndarray
    label: np.ndarray
    brightness: np.ndarray
    sharpness: np.ndarray
    hour: np.ndarray
    station: np.ndarray
    operator: np.ndarray
    embedding: np.ndarray
    probabilities: np.ndarray
    planted: Mapping[str, np.ndarray]

    def samples(self, rows: np.ndarray, *, labeled: bool) -> pa.Table:
        probabilities, label = self.probabilities[rows], self.label[rows]
        prediction = probabilities.argmax(axis=1)
        loss = -np.log(np.clip(probabilities[np.arange(len(rows)), label], 1e-7, 1))
        names = np.array(CLASSES)
        return pa.table(
            {
                "sample_id": pa.array(self.ids[rows], pa.string()),
                "label": pa.array(names[label] if labeled else [None] * len(rows), pa.string()),
                "prediction": pa.array(names[prediction], pa.string()),
                "confidence": pa.array(probabilities.max(axis=1), pa.float32()),
                "loss": pa.array(loss if labeled else [None] * len(rows), pa.float64()),
                "weight": pa.array(np.ones(len(rows)), pa.float32()),
                "group_id": pa.nulls(len(rows), pa.string()),
            }
        )

    def metadata(self, rows: np.ndarray) -> pa.Table:
        sharpness = np.where(rows % 17 == 5, np.nan, self.sharpness[rows])  # a sensor drops out
        station = np.array(STATIONS, dtype=object)[self.station[rows]]
        station[rows % 23 == 7] = None
        return pa.table(
            {
                "brightness": pa.array(self.brightness[rows], pa.float64()),
                "sharpness": pa.array(sharpness, pa.float64(), from_pandas=True),
                "hour": pa.array(self.hour[rows].astype(float), pa.float64()),
                "station": pa.array(station, pa.string()),
                "operator": pa.array(np.array(OPERATORS)[self.operator[rows]], pa.string()),
            }
        )

    def media(self, rows: np.ndarray) -> pa.Table:
        return pa.table(
            {
                "kind": pa.array(["image"] * len(rows), pa.string()),
                "uri": pa.array([f"{self.ids[row]}.jpg" for row in rows], pa.string()),
                "thumbnail": pa.array([self._picture(row) for row in rows], pa.binary()),
                "text": pa.nulls(len(rows), pa.string()),
            }
        )

    def metrics(self, rows: np.ndarray, *, labeled: bool) -> pa.Table:
        rows = rows if labeled else rows[:0]
        margin = np.partition(self.probabilities[rows], -2, axis=1)
        return pa.table(
            {
                "sample_id": pa.array(self.ids[rows], pa.string()),
                "metric": pa.array(["margin"] * len(rows), pa.string()),
                "value": pa.array(margin[:, -1] - margin[:, -2], pa.float64()),
            }
        )

    def _picture(self, row: int) -> bytes:
        """A garment as a rectangle of the class's shape, as bright and as sharp as measured."""
        low, high = ((10, 4), (4, 4), (8, 3), (2, 9))[self.actual[row]]
        pixels = np.full((24, 24, 3), 255 * self.brightness[row] * 0.6, dtype=np.float64)
        tint = np.array([0.9, 0.7 + 0.1 * self.actual[row], 1.0]) * 255 * self.brightness[row]
        pixels[low : 24 - low, high : 24 - high] = tint
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        small = max(4, int(24 * self.sharpness[row]))
        image = image.resize((small, small)).resize((24, 24))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=80)
        return file.getvalue()


FIELDS = pa.table(
    {
        "field": ["brightness", "sharpness", "hour", "station", "operator"],
        "kind": ["number", "number", "number", "category", "category"],
        "unit": ["", "", "h", "", ""],
        "source": ["built-in", "built-in", "integration", "integration", "integration"],
    }
)


@lru_cache(maxsize=32)
def _world(n: int, seed: int, slices: tuple[str, ...], population: str) -> World:
    size = max(1, round(n * SHARES[population]))
    rng = np.random.default_rng([seed, *population.encode()])
    actual = rng.integers(0, len(CLASSES), size)
    dusk = rng.random(size) < (0.01 if population == "train" else 0.12)
    blurred = rng.random(size) < 0.25
    station = np.where(dusk & (rng.random(size) < 0.8), 3, rng.integers(0, 4, size))
    operator = rng.integers(0, 4, size)
    brightness = np.where(dusk, rng.uniform(0.05, 0.22, size), rng.uniform(0.28, 0.95, size))
    sharpness = np.where(blurred, rng.uniform(0.15, 0.4, size), rng.uniform(0.45, 1.0, size))
    hour = np.where(dusk, rng.integers(18, 22, size), rng.integers(8, 20, size))
    swapped = (operator == 3) & (actual == 1) & (rng.random(size) < 0.5)
    swapped &= "swapped-label" in slices
    label = np.where(swapped, 0, actual)
    planted = {
        "dusk": dusk,
        "blurred-shirt": blurred & (label == 2),
        "swapped-label": (operator == 3) & (label == 0) if "swapped-label" in slices else swapped,
    }

    embedding = rng.normal(0, 0.5, (size, DIMENSIONS))
    embedding[np.arange(size), actual] += 3.0
    embedding[:, 4] += 3.0 * dusk
    embedding[:, 5] += 2.5 * blurred

    logits = rng.normal(0, 0.8, (size, len(CLASSES)))
    logits[np.arange(size), actual] += 5.0
    confused = np.zeros(size, dtype=bool)
    if "dusk" in slices:
        confused |= dusk & (rng.random(size) < 0.6)
    if "blurred-shirt" in slices:
        confused |= blurred & (actual == 2) & (rng.random(size) < 0.6)
    other = (actual + rng.integers(1, len(CLASSES), size)) % len(CLASSES)
    logits[np.arange(size), other] += 6.5 * confused
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponent / exponent.sum(axis=1, keepdims=True)
    ids = np.array([f"{population}-{position:06d}" for position in rng.permutation(size)])
    return World(
        ids, actual, label, brightness, sharpness, hour, station, operator,
        embedding, probabilities, planted,
    )  # fmt: skip


def _vectors(rows: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(rows, dtype=np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])


# --- Tables ---


@dataclass(frozen=True)
class Planted:
    """Work tables after the batch stages, with the truth behind them."""

    tables: dict[str, pa.Table]
    truth: dict[str, frozenset[str]]
    classes: tuple[str, ...]
    source: PlantedSource


def planted_tables(
    n: int = 1_200,
    seed: int = 0,
    slices: Sequence[str] = SLICES,
    settings: Settings | None = None,
    **more: object,
) -> Planted:
    """Collated work tables of `PlantedSource(n, seed, slices, **more)`."""
    settings = settings or Settings()
    source = PlantedSource(n=n, seed=seed, slices=tuple(slices), **more)  # type: ignore[arg-type]
    shards = [
        (name, source.shard(name, 0, size, settings, _ignore).tables)
        for name, size in source.populations.items()
    ]
    tables = collate(shards, settings, source.task)
    return Planted(tables, source.truth(), source.classes, source)


def _ignore(count: int) -> None:
    """Progress that nobody watches."""


# --- Runs ---


def planted_run(
    where: Workspace | Path, *, name: str = "planted", run_id: str = "planted0", **more: object
) -> Path:
    """Publish a complete run of `planted_tables(**more)`; `where` is a workspace or its folder."""
    from analysed import analyse

    planted = planted_tables(**more)  # type: ignore[arg-type]
    return publish_tables(where, analyse(planted), planted.source, run_id, name)


def tiny_run(where: Workspace | Path, *, run_id: str = "tiny0000") -> Path:
    """Publish 12 validation samples: no aggressor, unlabeled, embedding or map."""
    planted = planted_tables(
        n=12, slices=(), with_populations=("validation",), with_embedding=False
    )
    return publish_tables(where, planted.tables, planted.source, run_id, "tiny")


def empty_run(where: Workspace | Path, *, run_id: str = "empty000") -> Path:
    """Publish a run without any sample, as a stranger's file may be."""
    source = PlantedSource(n=1, with_populations=())
    return publish_tables(where, {}, source, run_id, "empty")


def publish_tables(
    where: Workspace | Path,
    tables: Mapping[str, pa.Table],
    source: PlantedSource,
    run_id: str,
    name: str,
    created_at: str = "2026-01-02T03:04:05+00:00",
) -> Path:
    """Publish tables under the facts of their source."""
    workspace = where if isinstance(where, Workspace) else Workspace.open(where, create=True)
    settings = Settings()
    info = RunInfo(
        run_id=run_id,
        name=name,
        schema_version=SCHEMA_VERSION,
        created_at=created_at,
        model_name=source.model_name,
        model_digest=source.model_digest,
        data_digest=source.digest(),
        task=source.task,
        loss_name=source.loss_name,
        settings=settings,
        seed=settings.seed,
        engine_version="0.1.0",
    )
    known = {name: table for name, table in tables.items() if name in BY_NAME}
    return publish(known, info, source.classes, workspace.runs)
