"""Plan the bench of the gain: in each setting, which samples each way of choosing would label.

`PYTHONPATH=tests:engine python -m bench.solve.gain_plan --split reporting --seeds 5` writes a file
a cell and the table of originals to `build/bench-solve/gain/reporting`, which `gain_train` reads.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

import aggressors
from aggressors.stages.retrieve import retrieve
from bench.discovery.pictures import originals
from bench.solve.gain_arms import at_random, by_centroid, by_core_set, by_entropy
from bench.solve.gain_cells import Arm, Cell, write_cell
from bench.solve.gain_slices import MAIN, WIDE
from bench.solve.model import answers_of
from bench.solve.ran import TEST, Ran, run
from bench.solve.setting import IntArray, Setting, cache_folder, cells, make, rows_of

BUDGET, BUDGETS = 100, (50, 100, 200)
WEIGHTS = (1.0, 2.0, 3.0, 5.0, 10.0)  # of the added samples
DEFAULTS = (3.0, 5.0)  # of which one is the default, by the developing split: all arms have both


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=("developing", "reporting"), default="developing")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--wide", action="store_true", help="the slices that befall all classes")
    parser.add_argument("--only", nargs="*", help="names of slices, default all")
    parser.add_argument("--part", default="0/1", help="which of how many, as 0/2")
    given = parser.parse_args()
    own, of = (int(each) for each in given.part.split("/"))
    folder = cache_folder() / "gain" / (given.split + "-wide" * given.wide)
    pixels = write_originals(given.split, folder)
    digest = engine_digest()
    slices = (WIDE if given.wide else MAIN)[given.split]
    slices = tuple(each for each in slices if not given.only or each.name in given.only)
    for place, (split, seed, planted) in enumerate(cells(given.split, given.seeds, slices)):
        file = folder / f"{planted.name}-{seed}-{digest}.npz"
        if place % of != own or file.exists():
            continue
        start = time.perf_counter()
        setting = make(split, seed, planted)
        cell = planned(setting, run(setting, held_out=True), digest)
        write_cell(cell, pixels, file)
        seconds = time.perf_counter() - start
        print(f"{file.stem} {json.dumps(cell.facts)} {seconds:.0f} s", flush=True)


def write_originals(split: str, folder: Path) -> np.ndarray:
    """Write the originals that the split may use; return all (70,000, 784)."""
    pixels = originals()[0].reshape(-1, 784)
    file = folder / "originals.npz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows = np.sort(rows_of(split))
        partial = file.with_name(f".{os.getpid()}-{file.name}")
        np.savez(partial, rows=rows.astype(np.uint32), pixels=pixels[rows])
        partial.rename(file)
    return pixels


def planned(setting: Setting, ran: Ran, digest: str) -> Cell:
    """Let each way choose, and gather the pictures that its model needs."""
    chosen = choices(setting, ran)
    pool = np.unique(np.concatenate(list(chosen.values())))
    parts = [setting.populations[name] for name in ("train", "held_out", "unlabeled")]
    rows = [np.arange(len(parts[0])), np.arange(len(parts[1])), pool]
    original, member = (
        np.concatenate([getattr(part, name)[own] for part, own in zip(parts, rows, strict=True)])
        for name in ("original", "member")
    )
    # the truth plays the labeler, and judges
    label = np.concatenate([parts[0].label, parts[1].true, parts[2].true[pool]])
    pictures = np.concatenate(
        [part.pictures[own].reshape(-1, 784) for part, own in zip(parts, rows, strict=True)]
    )
    altered = np.flatnonzero((pictures != originals()[0].reshape(-1, 784)[original]).any(axis=1))
    assigned = np.zeros(len(original), dtype=bool)
    if ran.concept is not None:
        own = ran.of(TEST)
        assigned[len(rows[0]) + ran.place[own]] = ran.members(ran.concept)[own]
    arms = tuple(
        Arm(name, np.searchsorted(pool, places).tolist(), weight)
        for name, places in chosen.items()
        for weight in weights_of(name)
    )
    facts = {
        "slice": setting.slice.name, "kind": setting.slice.kind, "split": setting.split,
        "recorded": setting.recorded, "engine": digest, "found": ran.concept is not None,
        "f1": round(ran.f1, 3), "precision": round(ran.precision, 3),
        "recall": round(ran.recall, 3),
    }  # fmt: skip
    return Cell(
        f"{setting.slice.name}-{setting.seed}", setting.seed, len(setting.names), original, label,
        member, assigned,
        (len(rows[0]), len(rows[1]), len(pool)), altered, pictures[altered], arms, facts,
    )  # fmt: skip


def weights_of(arm: str) -> tuple[float, ...]:
    """What the added samples weigh in the models of an arm."""
    if arm == "before":
        return (1.0,)
    return WEIGHTS if arm in (f"ours {BUDGET}", "random") else DEFAULTS


def choices(setting: Setting, ran: Ran) -> dict[str, IntArray]:
    """Places among the unlabeled that each way labels, best first."""
    pool, train = (answers_of(setting, name) for name in ("unlabeled", "train"))
    ours = centroid = np.empty(0, dtype=np.int64)
    if ran.concept is not None:
        ours = candidates(ran, ran.only(ran.concept))
        validation = answers_of(setting, "validation").embedding
        own = ran.of("validation")
        member = np.zeros(len(validation), dtype=bool)
        member[ran.place[own]] = ran.members(ran.concept)[own]
        labeled = np.concatenate([train.embedding, validation])
        inside = np.concatenate([np.zeros(len(train.embedding), dtype=bool), member])
        centroid = by_centroid(pool.embedding, labeled, inside, BUDGET)
    return (
        {
            "before": ours[:0],
            "random": at_random(len(pool.embedding), BUDGET, setting.seed),
            "entropy": by_entropy(pool.probabilities, BUDGET),
            "core-set": by_core_set(pool.embedding, train.embedding, BUDGET),
            "centroid": centroid,
            "known": candidates(ran, ran.known())[:BUDGET],  # had the search found just the slice
            "ceiling": np.flatnonzero(setting.populations["unlabeled"].member),
        }
        | {f"ours {budget}": ours[:budget] for budget in BUDGETS}
    )


def candidates(ran: Ran, tables: Mapping[str, pa.Table]) -> IntArray:
    """Places of the product's candidates for the one aggressor in the tables, in its order."""
    found = retrieve(tables, ran.context)["candidates"].sort_by("rank")
    ids = found["sample_id"].to_pylist()[: max(BUDGETS)]
    return np.array([int(each.rpartition("-")[2]) for each in ids], dtype=np.int64)


def engine_digest() -> str:
    """Hash the stages and statistics of the engine that is imported, retrieval included."""
    root = Path(aggressors.__file__).parent
    files = sorted(
        file for part in ("stages", "stats", "slicing") for file in (root / part).glob("*.py")
    )
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


if __name__ == "__main__":
    main()
