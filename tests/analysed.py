"""What the engine's stages find in planted tables, kept between sessions of the same code."""

from __future__ import annotations

import io
import shutil
from functools import lru_cache
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

import aggressors.contracts
from aggressors.contracts import Settings
from aggressors.stages import load_stages
from aggressors.stages.protocol import Context
from aggressors.stages.tables import rows
from aggressors.store.shards import Facts, Pieces
from planted import Planted

ROOT = Path(__file__).parents[1]
KEPT = 24  # analyses of older code or other arguments that stay


def analyse(planted: Planted, settings: Settings | None = None) -> dict[str, pa.Table]:
    """Add to the work tables what every stage over whole tables finds in them.

    UMAP alone takes seconds to compile, so the result is kept below `.pytest_cache`, under a digest
    of the engine's code and the source.
    """
    settings = settings or Settings()
    key = sha256(f"{_code_digest()} {planted.source!r} {settings}".encode()).hexdigest()[:24]
    pieces = Pieces(ROOT / ".pytest_cache" / "planted")
    if not pieces.is_finished(key, key):
        _forget(pieces.root)
        pieces.write(key, _analyse(planted, settings), Facts(key, {}))
    return pieces.read(key)


def _analyse(planted: Planted, settings: Settings) -> dict[str, pa.Table]:
    tables = dict(planted.tables)
    context = Context(settings, planted.classes, planted.source.task)
    for stage in load_stages():
        read = {*stage.inputs, *stage.optional} & set(tables)
        tables.update(stage.run({name: tables[name] for name in read}, context))
    return tables | _maps(tables)


@lru_cache
def _code_digest() -> str:
    digest = sha256()
    engine = Path(aggressors.contracts.__file__).parent
    for path in [*sorted(engine.rglob("*.py")), *sorted(Path(__file__).parent.glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _forget(folder: Path) -> None:
    """Remove the oldest analyses."""
    kept = sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


# --- There is no network that could be explained: contrast stands where a heatmap would ---


def _maps(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    ids = tables["samples"]["sample_id"].to_pylist()
    place = {sample_id: row for row, sample_id in enumerate(ids)}
    shown = tables["representatives"].select(["concept_id", "sample_id"]).to_pylist()
    contrast: dict[str, np.ndarray] = {}
    heatmaps, means = [], []
    for sample_id in sorted({row["sample_id"] for row in shown}):
        thumbnail = tables["media"]["thumbnail"][place[sample_id]].as_py()
        contrast[sample_id] = _contrast(thumbnail)
        target, label = (
            tables["samples"][name][place[sample_id]].as_py() for name in ("prediction", "label")
        )
        if label != target:
            inverted = _pixels(contrast[sample_id].max() - contrast[sample_id])
            facts = {"sample_id": sample_id, "method": "grad-cam", "of": "label", "target": label}
            heatmaps.append(facts | inverted)
        heatmaps.append(
            {"sample_id": sample_id, "method": "grad-cam", "of": "prediction", "target": target}
            | _pixels(contrast[sample_id])
        )
    for concept_id in sorted({row["concept_id"] for row in shown}):
        chosen = [contrast[row["sample_id"]] for row in shown if row["concept_id"] == concept_id]
        for of in ("core", "members", "same_label_well_predicted", "rest"):
            facts = {"concept_id": concept_id, "of": of, "method": "grad-cam"}
            facts |= {"target": "prediction", "n": len(chosen)}
            means.append(facts | _pixels(np.mean(chosen, axis=0)))
        for of, target in product(
            ("core_mispredicted", "rest_mispredicted"), ("prediction", "label")
        ):
            mean = np.mean(chosen, axis=0)
            means.append(
                {"concept_id": concept_id, "of": of, "method": "grad-cam", "target": target}
                | {"n": len(chosen) - 1}
                | _pixels(mean if target == "prediction" else mean.max() - mean)
            )
    facts = {"method": "grad-cam", "layer": "contrast"}
    return {
        "explanation": rows("explanation", [facts]),
        "heatmaps": rows("heatmaps", heatmaps),
        "mean_maps": rows("mean_maps", means),
        "attention": rows("attention", _attention(sorted({row["concept_id"] for row in means}))),
    }


def _attention(concepts: list[int]) -> list[dict[str, object]]:
    """Say of every concept that it looks at the border."""
    right = "same_label_well_predicted"
    return [
        {"concept_id": concept, "of": of, "measure": "border", "value": value, "n": 40}
        | {"low": value - 0.04, "high": value + 0.04}
        | (against if of == "core" else {})
        for concept in concepts
        for of, value in (("core", 0.37), ("members", 0.3), (right, 0.18), ("rest", 0.2))
        for against in [
            {"reference": right, "difference": value - 0.18}
            | {"difference_low": value - 0.23, "difference_high": value - 0.13}
        ]
    ]


def _contrast(thumbnail: bytes) -> np.ndarray:
    """(8, 8) difference in grey of each cell to the corner, which is background."""
    grey = np.asarray(Image.open(io.BytesIO(thumbnail)).convert("L").resize((8, 8)), float)
    return np.abs(grey - grey[0, 0])


def _pixels(values: np.ndarray) -> dict[str, object]:
    top = float(values.max()) or 1.0
    return {
        "height": values.shape[0],
        "width": values.shape[1],
        "scale": top,
        "pixels": np.rint(255 * values / top).astype(np.uint8).tobytes(),
    }
