"""A published run of any size with planted aggressors, to measure the dashboard on.

Everything goes through the store's own `publish`, so the file is what the product writes: 40
metadata fields (25 numbers, one of them a time; 12 categories; a category of 100,000 values; a
text; an identifier), 20 classes, four populations, three planted aggressors, a map, and 20,000
thumbnails. Embeddings are written chunk by chunk into an Arrow file and published from there, so
that memory does not grow with them.
"""
# A little over 400 lines: one recipe, a table of a run after the other.

from __future__ import annotations

import argparse
import hashlib
import io
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image

from aggressors.contracts import POPULATIONS, RunInfo, Settings
from aggressors.stages.tables import rows, table
from aggressors.store.publish import publish
from aggressors.store.schema import SCHEMA_VERSION, TABLES

CACHE = Path("/tmp/bench-cache/dashboard")
SEED = 20261127
SHARES = (0.3, 0.5, 0.1, 0.1)  # of the populations, in their order; validation is analysed
CLASSES = tuple(f"class {place:02d}" for place in range(20))
CATEGORY_SIZES = (2, 3, 4, 5, 7, 8, 12, 16, 24, 40, 120, 400)
SCENES = 100_000
DIMENSIONS = 128
THUMBNAILS = 20_000
CANDIDATES = 10_000  # of each aggressor, which is ten times what is stored by default
POSITION = 32  # dimensions in which a candidate's place is held
YIELDS = (10, 100, 1_000, 10_000)
CHUNK = 100_000
WORDS = (
    "road", "rain", "night", "crossing", "tunnel", "bridge", "snow", "crowd", "forest", "harbour",
    "market", "field", "station", "gate", "glare", "fog", "works", "school", "bus", "river",
)  # fmt: skip
NAMED = ("vegetation", "brightness", "contrast", "hour", "speed", "exposure", "taken_at", "height")
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class World:
    """What is drawn once: samples and metadata as Arrow, and the members of each aggressor."""

    samples: pa.Table
    metadata: pa.Table
    kinds: dict[str, str]
    members: dict[int, NDArray[np.int64]]
    label: NDArray[np.int64]


def run_path(cache: Path, n: int) -> Path:
    """Run file of n samples below the cache; made where it is not there yet.

    One that another schema or an earlier form of this file has made is deleted: it may not open,
    or lack what a page shows.
    """
    workspace = cache / f"rows-{n}-{made_by()}"
    found = sorted((workspace / "runs").glob("*.duckdb"))
    if found:
        return found[0]
    for other in (cache / f"rows-{n}", *cache.glob(f"rows-{n}-*")):
        shutil.rmtree(other, ignore_errors=True)
    return generate(workspace, n)


def made_by() -> str:
    """What a run depends on besides its size, as a hash: the schema, and this file."""
    depends = f"{SCHEMA_VERSION} {TABLES} {Path(__file__).read_text(encoding='utf-8')}"
    return hashlib.blake2b(depends.encode(), digest_size=6).hexdigest()


def generate(workspace: Path, n: int, *, embeddings: bool | None = None) -> Path:
    """Publish a run of n samples into a workspace.

    Parameters
    ----------
    embeddings : by default up to 2 million samples; 10 million would take 5 GB of disk alone.
    """
    embeddings = n <= 2_000_000 if embeddings is None else embeddings
    runs = workspace / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    world = _world(rng, n)
    info = RunInfo(
        f"bench{n}", f"bench {n:,}", SCHEMA_VERSION, "2026-11-27T10:00:00+00:00", "net", "m", "d",
        "classification", "cross-entropy", Settings(), 0, "0.1.0",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=workspace) as folder:
        tables = _tables(rng, world)
        if embeddings:
            tables["embeddings"] = _embeddings(rng, world, Path(folder) / "embeddings.arrow")
        return publish(tables, info, CLASSES, runs)


# --- Samples and metadata ---


def _world(rng: np.random.Generator, n: int) -> World:
    sizes = [round(share * n) for share in SHARES[:-1]]
    sizes.append(n - sum(sizes))
    population = np.repeat(np.arange(4), sizes)
    label = rng.integers(0, len(CLASSES), n)
    numbers = _numbers(rng, n)
    categories = _categories(rng, n)
    causes = {
        1: numbers["vegetation"] > 0.9,
        2: (categories["cat 05"][0] == 3) & (numbers["hour"] < 8),
        3: (label == 7) & (numbers["brightness"] < 0.35),
    }
    loss, wrong = _losses(rng, n, causes)
    prediction = np.where(wrong, (label + rng.integers(1, len(CLASSES), n)) % len(CLASSES), label)
    x, y = _map(rng, label, causes)
    samples = _samples(rng, population, label, prediction, loss, x, y)
    metadata, kinds = _metadata(rng, numbers, categories)
    members = {concept: np.flatnonzero(cause) for concept, cause in causes.items()}
    return World(samples, metadata, kinds, members, label)


def _numbers(rng: np.random.Generator, n: int) -> dict[str, Floats]:
    """25 numbers of several shapes; every fifth has missing values, as NaN."""
    found: dict[str, Floats] = {
        "vegetation": rng.beta(2, 3, n) ** 0.7,
        "brightness": rng.beta(4, 4, n),
        "contrast": rng.gamma(3, 0.1, n),
        "hour": rng.integers(0, 24, n).astype(np.float64),
        "speed": np.abs(rng.normal(40, 20, n)),
        "exposure": rng.lognormal(0, 1, n),
        "taken_at": 1.7e9 + np.floor(rng.random(n) * 3.1e7),
        "height": np.round(rng.normal(1.6, 0.2, n), 2),
    }
    for place in range(25 - len(found)):
        shape = rng.normal(place, 1 + place, n) if place % 2 else rng.exponential(1 + place, n)
        if place % 5 == 0:
            shape[rng.random(n) < 0.1 + place / 50] = np.nan
        found[f"number {place:02d}"] = shape.astype(np.float32).astype(np.float64)
    return found


def _categories(rng: np.random.Generator, n: int) -> dict[str, tuple[NDArray[np.int32], list[str]]]:
    """Codes and values of 12 categories, skewed as real ones are, -1 where missing."""
    found = {}
    for place, size in enumerate(CATEGORY_SIZES):
        code = np.minimum(size * rng.random(n) ** 1.5, size - 1).astype(np.int32)
        if place % 4 == 3:
            code[rng.random(n) < 0.05] = -1
        found[f"cat {place:02d}"] = code, [f"value {place}-{value:03d}" for value in range(size)]
    return found


def _losses(rng: np.random.Generator, n: int, causes: dict[int, Bools]) -> tuple[Floats, Bools]:
    inside = np.logical_or.reduce(list(causes.values()))
    wrong = rng.random(n) < np.where(inside, 0.55, 0.08)
    return rng.exponential(0.3, n) + 1.5 * wrong + 0.4 * inside, wrong


def _map(
    rng: np.random.Generator, label: NDArray[np.int64], causes: dict[int, Bools]
) -> tuple[Floats, Floats]:
    """One cloud a class on a ring; members lie to one side of their cloud."""
    n, angle = len(label), 2 * np.pi * label / len(CLASSES)
    x = 10 * np.cos(angle) + rng.normal(0, 1.2, n)
    y = 10 * np.sin(angle) + rng.normal(0, 1.2, n)
    for concept, cause in causes.items():
        x, y = x + 1.5 * cause * np.cos(concept), y + 1.5 * cause * np.sin(concept)
    return x, y


def _samples(
    rng: np.random.Generator,
    population: NDArray[np.int64],
    label: NDArray[np.int64],
    prediction: NDArray[np.int64],
    loss: Floats,
    x: Floats,
    y: Floats,
) -> pa.Table:
    n = len(population)
    unlabeled = population == 3
    names = pa.array(POPULATIONS).take(pa.array(population))
    number = pc.utf8_lpad(pc.cast(pa.array(np.arange(n)), pa.string()), 9, "0")
    fold = np.where(population == 1, rng.integers(0, 2, n), -1)
    return table(
        "samples",
        row_id=np.arange(n),
        sample_id=pc.binary_join_element_wise(names, number, "-"),
        population=names,
        fold=pa.array(["discover", "confirm"]).take(pa.array(fold, mask=fold < 0)),
        label=pa.array(CLASSES).take(pa.array(label, mask=unlabeled)),
        prediction=pa.array(CLASSES).take(pa.array(prediction)),
        confidence=rng.beta(6, 2, n).astype(np.float32),
        loss=pa.array(loss, mask=unlabeled),
        weight=np.ones(n, dtype=np.float32),
        group_id=pa.nulls(n, pa.string()),
        map_x=x.astype(np.float32),
        map_y=y.astype(np.float32),
    )


def _metadata(
    rng: np.random.Generator,
    numbers: dict[str, Floats],
    categories: dict[str, tuple[NDArray[np.int32], list[str]]],
) -> tuple[pa.Table, dict[str, str]]:
    n = len(numbers["hour"])
    columns: dict[str, pa.Array] = {"row_id": pa.array(np.arange(n), pa.int64())}
    kinds = dict.fromkeys(numbers, "number") | dict.fromkeys(categories, "category")
    for name, value in numbers.items():
        columns[name] = pa.array(value, from_pandas=True)
    for name, (code, values) in categories.items():
        columns[name] = pa.DictionaryArray.from_arrays(
            pa.array(code, mask=code < 0), pa.array(values)
        )
    count = min(SCENES, n // 10)
    scene = np.minimum(count * rng.random(n) ** 2, count - 1).astype(np.int32)
    scene[:: n // count][:count] = rng.permutation(count)  # each occurs
    scenes = pa.array([f"scene {value:06d}" for value in range(count)])
    columns["scene"] = pa.DictionaryArray.from_arrays(pa.array(scene), scenes)
    columns["note"] = _notes(rng, n)
    key = pc.utf8_lpad(pc.cast(pa.array(rng.permutation(n)), pa.string()), 9, "0")
    columns["file_key"] = pc.binary_join_element_wise("img", key, "_")
    kinds |= {"scene": "category", "note": "text", "file_key": "identifier"}
    return pa.table(columns), kinds


def _notes(rng: np.random.Generator, n: int) -> pa.Array:
    words = pa.array(WORDS)
    parts = [words.take(pa.array(rng.integers(0, len(WORDS), n))) for _ in range(4)]
    number = pc.cast(pa.array(rng.integers(0, 1000, n)), pa.string())
    text = pc.binary_join_element_wise(*parts, number, " ")
    return pc.if_else(pa.array(rng.random(n) < 0.2), pa.scalar(None, pa.string()), text)


def _embeddings(rng: np.random.Generator, world: World, path: Path) -> pa.Table:
    """Write class centres, a direction an aggressor and noise, a chunk at a time."""
    n = len(world.label)
    centres = rng.normal(0, 1, (len(CLASSES), DIMENSIONS)).astype(np.float32)
    directions = rng.normal(0, 1, (len(world.members), DIMENSIONS)).astype(np.float32)
    inside = np.zeros((n, len(world.members)), dtype=np.float32)
    for place, found in enumerate(world.members.values()):
        inside[found, place] = 1
    kind = pa.schema([("row_id", pa.int64()), ("vector", pa.list_(pa.float32(), DIMENSIONS))])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, kind) as writer:
        for start in range(0, n, CHUNK):
            part = slice(start, min(start + CHUNK, n))
            vector = centres[world.label[part]] + inside[part] @ directions
            vector += rng.standard_normal(vector.shape, dtype=np.float32)
            flat = pa.FixedSizeListArray.from_arrays(pa.array(vector.ravel()), DIMENSIONS)
            row = pa.array(np.arange(part.start, part.stop), pa.int64())
            writer.write_batch(pa.record_batch([row, flat], schema=kind))
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


# --- Everything else of a run ---


def _tables(rng: np.random.Generator, world: World) -> dict[str, pa.Table]:
    ids = world.samples["sample_id"]
    fields = [
        {"field": name, "kind": kind, "unit": "", "source": "integration",
         "missing": world.metadata[name].null_count}
        for name, kind in world.kinds.items()
    ]  # fmt: skip
    judged = [_stats(world, concept) for concept in world.members]
    order = sorted(world.members, key=lambda concept: -judged[concept - 1]["gap_low"])
    return {
        "samples": world.samples,
        "metadata": world.metadata,
        "metadata_fields": rows("metadata_fields", fields),
        "media": _media(rng, world),
        "search": rows("search", [{"n_discover": 1, "n_confirm": 1, "tested": 321}]),
        "concepts": rows("concepts", [
            {"concept_id": concept, "name": f"group {concept}", "level": 0,
             "rule": json.dumps({"filter": "", "precision": 0.9, "recall": 0.9})}
            for concept in world.members
        ]),
        "assignments": pa.concat_tables([
            table("assignments", concept_id=np.full(len(found), concept, dtype=np.int32),
                  row_id=found, sample_id=ids.take(pa.array(found)),
                  score=(0.5 + rng.random(len(found)) / 2).astype(np.float32))
            for concept, found in world.members.items()
        ]),
        "concept_stats": rows("concept_stats", judged),
        "aggressors": rows("aggressors", [
            {"concept_id": concept, "rank": rank, "name": f"group {concept}",
             "status": "confirmed", "severity": judged[concept - 1]["gap_low"], "impact": 0.2,
             "n": (n := _analysed(world, concept)), "n_known": n,
             "n_core": judged[concept - 1]["n"], "action": "collect", "reasons": "[]"}
            for rank, concept in enumerate(order, start=1)
        ]),
        "correlations": rows("correlations", list(_correlations(rng, world))),
        **_lists(rng, world),
    }  # fmt: skip


def _stats(world: World, concept: int) -> dict[str, object]:
    confirm = pc.equal(world.samples["fold"], "confirm")
    judged = pc.fill_null(confirm, False).to_numpy()
    loss = world.samples["loss"].to_numpy()
    inside = np.zeros(len(loss), dtype=bool)
    inside[world.members[concept]] = True
    mean, rest = loss[judged & inside].mean(), loss[judged & ~inside].mean()
    gap = mean - rest
    return {
        "concept_id": concept, "population": "validation", "fold": "confirm",
        "n": int((judged & inside).sum()), "mean_loss": mean, "rest_loss": rest,
        "gap": gap, "gap_low": gap - 0.02, "gap_high": gap + 0.02,
        "p_value": 1e-9, "q_value": 1e-8, "severity": gap - 0.02, "impact": 0.2,
    }  # fmt: skip


def _analysed(world: World, concept: int) -> int:
    """Members in the analysed population."""
    shown = world.samples["population"].take(pa.array(world.members[concept]))
    return int(pc.sum(pc.equal(shown, "validation")).as_py())


def _correlations(rng: np.random.Generator, world: World) -> Iterator[dict[str, object]]:
    usable = [name for name, kind in world.kinds.items() if kind in ("number", "category")]
    for concept in (-1, *world.members):
        for name in usable[:38]:
            effect = float(rng.uniform(-0.5, 0.5))
            for target in ("loss",) if concept < 0 else ("membership", "loss"):
                for stratum in ("all", "label"):
                    yield {
                        "concept_id": concept, "field": name, "target": target,
                        "stratum": stratum, "statistic": "spearman", "effect": effect,
                        "low": effect - 0.02, "high": effect + 0.02, "q_value": 1e-6, "n": 1000,
                        "detail": json.dumps({"sentence": f"{name} differs"}),
                    }  # fmt: skip


def _lists(rng: np.random.Generator, world: World) -> dict[str, pa.Table]:
    """Representatives, candidates with their yields, and suspects of each aggressor."""
    ids = world.samples["sample_id"]
    population = world.samples["population"]
    unlabeled = np.flatnonzero(pc.equal(population, "unlabeled").to_numpy())
    shown, candidates, suspects = [], [], []
    for concept, found in world.members.items():
        for reason, chosen in (("worst", found[:12]), ("central", found[12:24])):
            shown += [
                {"concept_id": concept, "reason": reason, "rank": rank,
                 "sample_id": ids[int(row)].as_py(), "alike": 0}
                for rank, row in enumerate(chosen, start=1)
            ]  # fmt: skip
        candidates += _candidates(rng, concept, ids.take(pa.array(unlabeled[:CANDIDATES])))
        suspects += [
            {"concept_id": concept, "sample_id": ids[int(row)].as_py(), "rank": rank,
             "kind": "relabel", "suggested": CLASSES[0], "reason": "its neighbours say so"}
            for rank, row in enumerate(found[:50], start=1)
        ]  # fmt: skip
    yields = [
        {"concept_id": concept, "count": most, "expected": 0.5, "low": 0.3, "high": 0.7}
        for concept in world.members
        for most in YIELDS
        if most <= len(unlabeled)
    ]
    made = {
        "representatives": shown, "candidates": candidates, "suspects": suspects, "yields": yields,
    }  # fmt: skip
    return {name: rows(name, records) for name, records in made.items()}


def _candidates(rng: np.random.Generator, concept: int, ids: pa.Array) -> list[dict[str, object]]:
    """Make candidates whose chance falls from nearly 1 to nearly 0."""
    n = len(ids)
    place = rng.standard_normal((n, POSITION), dtype=np.float32).astype("<f4")
    informative = rng.random(n)
    return [
        {
            "concept_id": concept, "sample_id": sample_id, "rank": at + 1,
            "similarity": 3.0 - 6 * at / n,
            "chance": float(1 / (1 + np.exp(8 * at / n - 3))),
            "informative": float(informative[at]), "priority": 1 / (at + 1),
            "position": place[at].tobytes(),
            "reason": f"{20.1 * (1 - at / n):.1f} times nearer to members than to the rest; "
            "most like validation-000300017; the model says class 07 (83 %)",
        }
        for at, sample_id in enumerate(ids.to_pylist())
    ]  # fmt: skip


def _media(rng: np.random.Generator, world: World) -> pa.Table:
    """Thumbnails of what lists show first, and of others evenly over the run."""
    n = len(world.label)
    first = np.concatenate([found[:200] for found in world.members.values()])
    loss = np.nan_to_num(world.samples["loss"].to_numpy(), nan=-1.0)
    worst = np.argpartition(-loss, min(2_000, n - 1))[:2_000]
    even = np.linspace(0, n - 1, min(n, THUMBNAILS)).astype(np.int64)
    chosen = np.unique(np.concatenate([first, worst, even, np.arange(min(n, 2_000))]))
    pictures = pa.array([_picture(rng) for _ in range(64)])
    ids = world.samples["sample_id"].take(pa.array(chosen))
    return table(
        "media",
        row_id=chosen,
        sample_id=ids,
        kind=pa.array(["image"]).take(pa.array(np.zeros(len(chosen), dtype=np.int64))),
        uri=pc.binary_join_element_wise(ids, "jpg", "."),
        thumbnail=pictures.take(pa.array(rng.integers(0, 64, len(chosen)))),
        text=pa.nulls(len(chosen), pa.string()),
    )


def _picture(rng: np.random.Generator) -> bytes:
    """Make a soft picture of 96 x 96, which takes some 2 KB as a photograph's thumbnail does."""
    small = rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)
    held = io.BytesIO()
    Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC).save(held, "JPEG", quality=80)
    return held.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--cache", type=Path, default=CACHE)
    arguments = parser.parse_args()
    began = time.perf_counter()
    path = run_path(arguments.cache, arguments.rows)
    print(f"{path}: {path.stat().st_size / 1e6:,.0f} MB, {time.perf_counter() - began:.0f} s")
