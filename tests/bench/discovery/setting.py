"""Planted settings as they lie in the cache: what a user would hand over, and the truth beside it.

A setting is a folder `CACHE/<split>/<name>/` with `validation.parquet`, `truth.parquet` (bool: a
column for each planted slice, and one for where the twin is right) and `setting.json` (kinds,
verdicts and how they came about).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.discovery.counting import Measured

SPLITS = ("developing", "reporting")
FIRST_SEED = {"developing": 1, "reporting": 1001}
TWIN = "twin_correct"  # column of truth.parquet beside the slices
OWN_COLUMNS = ("sample_id", "label", "prediction", "probabilities", "loss", "embedding", "text")


@dataclass(frozen=True, eq=False)
class Planted:
    """A planted slice; `member` is (n,) bool. One that does not `count` is left out of figures."""

    name: str
    kind: str  # rare | subclass | correlation | noisy
    member: NDArray[np.bool_]
    counts: bool
    reason: str  # why it does not count; empty where it does


@dataclass(frozen=True, eq=False)
class Setting:
    """Validation samples of one model, with what was planted in it.

    Attributes
    ----------
    label, prediction : (n,) str.
    probabilities : (n, c) float32, in the order of the sorted class names.
    loss : (n,) float64, cross-entropy of the label.
    embedding : (n, d) float32, or None.
    metadata : columns of n, float64 for numbers and str objects for categories.
    text : (n,) str objects, or None.
    twin_correct : (n,) bool, whether the twin, trained without the planting, is right.
    """

    name: str
    source: str  # images | tables | texts
    split: str
    folder: Path
    has_cause_column: bool
    sample_ids: tuple[str, ...]
    label: NDArray[np.str_]
    prediction: NDArray[np.str_]
    probabilities: NDArray[np.float32]
    loss: NDArray[np.float64]
    embedding: NDArray[np.float32] | None
    metadata: dict[str, NDArray]
    text: NDArray[np.object_] | None
    twin_correct: NDArray[np.bool_]
    slices: tuple[Planted, ...]

    def __len__(self) -> int:
        return len(self.sample_ids)


@dataclass(frozen=True, eq=False)
class Draft:
    """A setting that was just made, and what is measured of each planted slice."""

    name: str
    source: str
    seed: int
    has_cause_column: bool
    label: NDArray[np.str_]  # (n,)
    classes: tuple[str, ...]  # sorted
    probabilities: NDArray[np.float32]  # (n, c)
    embedding: NDArray[np.float32] | None
    metadata: dict[str, NDArray]
    text: NDArray[np.object_] | None
    members: dict[str, NDArray[np.bool_]]
    twin_correct: NDArray[np.bool_]  # (n,)
    kinds: dict[str, str]
    measured: dict[str, Measured]
    how: dict[str, str]  # what was planted, in words


def cache_folder() -> Path:
    """`$AGGRESSORS_BENCH_CACHE`, or build/bench-discovery below the root of the repository."""
    default = Path(__file__).resolve().parents[3] / "build" / "bench-discovery"
    return Path(os.environ.get("AGGRESSORS_BENCH_CACHE", default))


def settings(split: str, cache: Path | None = None) -> Iterator[Setting]:
    """Read all finished settings of a split, by name."""
    folder = (cache or cache_folder()) / split
    for file in sorted(folder.glob("*/setting.json")):
        if not file.parent.name.endswith(".partial"):
            yield read_setting(file.parent)


def read_setting(folder: Path) -> Setting:
    """Read one setting with its truth."""
    table = pq.read_table(folder / "validation.parquet")
    truth = pq.read_table(folder / "truth.parquet")
    described = json.loads((folder / "setting.json").read_text())
    texts = table["label"].to_pylist(), table["prediction"].to_pylist()
    return Setting(
        name=described["name"],
        source=described["source"],
        split=folder.parent.name,
        folder=folder,
        has_cause_column=described["has_cause_column"],
        sample_ids=tuple(table["sample_id"].to_pylist()),
        label=np.array(texts[0]),
        prediction=np.array(texts[1]),
        probabilities=_matrix(table["probabilities"]),
        loss=table["loss"].to_numpy(),
        embedding=_matrix(table["embedding"]) if "embedding" in table.column_names else None,
        metadata={
            name: table[name].to_numpy() for name in table.column_names if name not in OWN_COLUMNS
        },
        text=table["text"].to_numpy() if "text" in table.column_names else None,
        twin_correct=truth[TWIN].to_numpy(),
        slices=tuple(
            Planted(name, each["kind"], truth[name].to_numpy(), each["counts"], each["reason"])
            for name, each in described["slices"].items()
        ),
    )


def shuffled(setting: Setting, seed: int) -> Setting:
    """The null of a setting: embedding, metadata and text dealt out anew against the losses."""
    order = np.random.default_rng(seed).permutation(len(setting))
    return replace(
        setting,
        name=f"{setting.name}-null-{seed}",
        embedding=None if setting.embedding is None else setting.embedding[order],
        metadata={name: column[order] for name, column in setting.metadata.items()},
        text=None if setting.text is None else setting.text[order],
        slices=(),
    )


def write_setting(draft: Draft, folder: Path) -> None:
    """Write beside `folder`, then rename: whoever reads sees all of it or nothing."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    ids = pa.array([f"{draft.name}-{row:05d}" for row in range(len(draft.label))])
    pq.write_table(_validation(draft, ids), partial / "validation.parquet")
    truth = {name: pa.array(member) for name, member in draft.members.items()}
    truth[TWIN] = pa.array(draft.twin_correct)
    pq.write_table(pa.table({"sample_id": ids, **truth}), partial / "truth.parquet")
    (partial / "setting.json").write_text(json.dumps(_described(draft), indent=2) + "\n")
    partial.rename(folder)


def _validation(draft: Draft, ids: pa.Array) -> pa.Table:
    classes = np.array(draft.classes)
    place = np.searchsorted(classes, draft.label)
    given = draft.probabilities[np.arange(len(place)), place].astype(np.float64)
    columns = {
        "sample_id": ids,
        "label": pa.array(draft.label.astype(object), pa.string()),
        "prediction": pa.array(classes[draft.probabilities.argmax(axis=1)].astype(object)),
        "probabilities": _lists(draft.probabilities),
        "loss": pa.array(-np.log(np.clip(given, 1e-7, 1))),
    }
    if draft.embedding is not None:
        columns["embedding"] = _lists(draft.embedding)
    if draft.text is not None:
        columns["text"] = pa.array(draft.text, pa.string())
    return pa.table(columns | {name: pa.array(each) for name, each in draft.metadata.items()})


def _described(draft: Draft) -> dict[str, object]:
    return {
        "name": draft.name,
        "source": draft.source,
        "seed": draft.seed,
        "has_cause_column": draft.has_cause_column,
        "slices": {
            name: {"kind": kind, "planted": draft.how[name], **asdict(draft.measured[name])}
            for name, kind in draft.kinds.items()
        },
    }


def _lists(matrix: NDArray[np.float32]) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(matrix, dtype=np.float32).ravel())
    offsets = pa.array(np.arange(0, matrix.size + 1, matrix.shape[1], dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, flat)


def _matrix(column: pa.ChunkedArray) -> NDArray[np.float32]:
    flat = column.combine_chunks().flatten().to_numpy()
    return flat.reshape(len(column), -1).astype(np.float32)
