"""A planned cell of the bench of the gain as a file: which pictures train a model in which arm.

Imports numpy only. Pictures are rows of one table of originals; those that were altered lie in the
cell, as they are or as what was added to the original, whichever is smaller.
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Pixels = NDArray[np.uint8]  # (n, 784)


@dataclass(frozen=True)
class Arm:
    """One model to train: `added` are places in the cell's pool, each weighs `weight`."""

    name: str
    added: list[int]
    weight: float


@dataclass(frozen=True, eq=False)
class Cell:
    """Pictures are numbered over `original`: train first, then held out, then the pool.

    Attributes
    ----------
    original : (n,) row of each picture in the table of originals.
    label : (n,) as trained on or judged by.
    member : (n,) bool, of the planted slice.
    assigned : (n,) bool, of the aggressor, as the engine says for held out; False elsewhere.
    sizes : of train, held out and the pool.
    altered, pixels : (a,) places and (a, 784) pictures of those that are not their original.
    facts : of the setting, and of the search in it.
    """

    name: str
    seed: int
    n_labels: int
    original: IntArray
    label: IntArray
    member: NDArray[np.bool_]
    assigned: NDArray[np.bool_]
    sizes: tuple[int, int, int]
    altered: IntArray
    pixels: Pixels
    arms: tuple[Arm, ...]
    facts: dict[str, object]


def write_cell(cell: Cell, originals: Pixels, file: Path) -> None:
    """Write beside, then rename."""
    facts = {
        "name": cell.name,
        "seed": cell.seed,
        "n_labels": cell.n_labels,
        "sizes": cell.sizes,
        "arms": [[arm.name, arm.added, arm.weight] for arm in cell.arms],
        "facts": cell.facts,
    }
    common = {
        "original": cell.original.astype(np.uint32),
        "label": cell.label.astype(np.uint8),
        "member": np.packbits(cell.member),
        "assigned": np.packbits(cell.assigned),
        "altered": cell.altered.astype(np.uint32),
        "facts": np.frombuffer(json.dumps(facts).encode(), np.uint8),
    }
    added = cell.pixels - originals[cell.original[cell.altered]]  # modulo 256
    packed = min(
        (_packed(common | {key: value}) for key, value in
         (("pixels", cell.pixels), ("added", added))), key=len,
    )  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.write_bytes(packed)
    partial.rename(file)


def read_cell(file: Path, originals: Pixels) -> Cell:
    """Read a cell; `originals` (N, 784)."""
    with np.load(file) as kept:
        arrays = {name: kept[name] for name in kept.files}
    facts = json.loads(arrays["facts"].tobytes())
    original, altered = arrays["original"].astype(np.int64), arrays["altered"].astype(np.int64)
    pixels = arrays.get("pixels")
    if pixels is None:
        pixels = arrays["added"] + originals[original[altered]]
    return Cell(
        name=facts["name"],
        seed=facts["seed"],
        n_labels=facts["n_labels"],
        original=original,
        label=arrays["label"].astype(np.int64),
        member=np.unpackbits(arrays["member"], count=len(original)).astype(bool),
        assigned=np.unpackbits(arrays["assigned"], count=len(original)).astype(bool),
        sizes=tuple(facts["sizes"]),
        altered=altered,
        pixels=pixels,
        arms=tuple(Arm(name, added, weight) for name, added, weight in facts["arms"]),
        facts=facts["facts"],
    )


def _packed(arrays: dict[str, NDArray]) -> bytes:
    held = io.BytesIO()
    np.savez_compressed(held, **arrays)
    return held.getvalue()
